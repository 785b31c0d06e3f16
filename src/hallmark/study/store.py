"""Raters, places and answers of a served study, in a database.

Every step a rater takes is one transaction that is on disk when it returns. Each can be sent
again, late or twice, and changes nothing then: the row of a rater says where it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from hallmark.database import open_database
from hallmark.study import standing
from hallmark.study import store_places as places
from hallmark.study import store_tables as tables
from hallmark.study.asking import attention_values, is_attention
from hallmark.study.definition import Study
from hallmark.study.exclusions import ACTIVE, COMPLETED, DROPPED, SCREENED
from hallmark.study.plan import Plan
from hallmark.study.standing import (
    CHECK,
    DEMOGRAPHICS,
    DONE,
    INSTRUCTIONS,
    READING,
    Refusal,
    Rules,
    Standing,
)
from hallmark.study.store_study import StudyRow, first

MIGRATIONS = Path(__file__).parent / "migrations"


class Store(StudyRow):
    """What the raters of one study do, each step once."""

    @classmethod
    def open(
        cls, where: str | Path, study: Study, plan: Plan, *, rules: Rules | None = None
    ) -> Store:
        """Open the database at a path or address; ValueError says what is wrong with it."""
        return cls(
            open_database(where, migrations=MIGRATIONS, name="study"), study, plan, rules=rules
        )

    def close(self) -> None:
        """Let the database go."""
        self.database.close()

    # What raters do.

    def begin(self, link: str, *, person: str = "", simulated: bool = False) -> None:
        """Somebody consented and gets a place; the same link begins once.

        `person` is a platform's id. `Refusal` where the study is not open, has no place left, or
        this person took part under another link.
        """
        digest = self.digest("link", link)
        with self.database.writing() as connection:
            state = self._lock_study(connection)
            if self._find(connection, link) is not None:
                return
            if state != standing.OPEN:
                raise Refusal(state)
            known = self.digest("person", person) if person else None
            if known and first(connection, tables.rater, person=known, study_id=self.id):
                raise Refusal(standing.AGAIN)
            self._release_abandoned(connection)
            number = places.lowest_free(connection, self._group(simulated))
            if number is None and not simulated:
                raise Refusal(standing.FULL)
            if number is None:  # whoever tries the pages out can do so at any time
                number = secrets.randbelow(len(self.plan.places))
            now = self.clock()
            new = connection.execute(
                insert(tables.rater).values(
                    study_id=self.id, name=f"r{secrets.token_hex(5)}", link=digest, person=known,
                    simulated=simulated, status=ACTIVE, step=INSTRUCTIONS, attempts=0, place=number,
                    position=1, attention_failed=0, began_at=now, seen_at=now,
                ).returning(tables.rater.c.id)
            ).scalar_one()  # fmt: skip
            places.hold(connection, self._group(simulated), number, new)
            self._note(connection, "began", new)

    def see(self, link: str) -> Standing:
        """Where the rater is, who is there now: the page's clock starts when it is first seen."""
        with self.database.reading() as connection:
            found = self._find(connection, link)
            if found is not None and self._is_seen(connection, found):
                return self._standing(found)
        with self.database.writing() as connection:
            found = self._enter(connection, link)
            if found.status == ACTIVE and found.step == READING:
                connection.execute(
                    self._insert(tables.page).values(
                        rater_id=found.id, position=found.position, shown_at=self.clock(),
                        text=self.plan.places[found.place][found.position - 1],
                    ).on_conflict_do_nothing()
                )  # fmt: skip
            return self._standing(found)

    def _is_seen(self, connection: Connection, found: Row[Any]) -> bool:
        """Whether there is nothing to write down when this rater looks."""
        if found.status not in (ACTIVE, DROPPED):
            return True
        if found.status == DROPPED or self.row(connection).state == standing.CLOSED:
            return False
        own = {"rater_id": found.id, "position": found.position}
        return found.step != READING or first(connection, tables.page, **own) is not None

    def understood(self, link: str) -> None:
        """The instructions were read."""
        with self.database.writing() as connection:
            found = self._enter(connection, link)
            if found.status == ACTIVE and found.step == INSTRUCTIONS:
                step = CHECK if self.study.checks else READING
                self._move(connection, found.id, step=step)

    def check(self, link: str, *, attempt: int, right: bool) -> None:
        """The comprehension check was answered for the `attempt`-th time, counted from 1."""
        with self.database.writing() as connection:
            found = self._enter(connection, link)
            if found.status != ACTIVE or found.step != CHECK or attempt != found.attempts + 1:
                return
            if right:
                self._move(connection, found.id, step=READING, attempts=attempt)
            elif attempt < self.study.design.attempts:
                self._move(connection, found.id, attempts=attempt)
                self._note(connection, "wrong", found.id)
            else:
                self._move(connection, found.id, attempts=attempt)
                self._end(connection, found.id, SCREENED)
                places.leave(connection, [found.id])

    def answer(self, link: str, position: int, values: Mapping[str, int]) -> None:
        """The answers to one page, all of them. One answered before keeps its first answers.

        `Refusal` for a page that was not shown yet, and once the study is closed.
        """
        with self.database.writing() as connection:
            found = self._enter(connection, link)
            if found.status != ACTIVE or position < found.position or found.step != READING:
                return
            shown = first(connection, tables.page, rater_id=found.id, position=position)
            if position != found.position or shown is None:
                raise Refusal(standing.FORGED)
            passed = None
            if is_attention(shown.text):
                passed = dict(values) == attention_values(self.study, shown.text)
            rows = [
                {"rater_id": found.id, "position": position, "question": q, "value": v}
                for q, v in values.items()
            ]
            connection.execute(insert(tables.answer), rows)
            connection.execute(
                update(tables.page)
                .where(tables.page.c.rater_id == found.id, tables.page.c.position == position)
                .values(answered_at=self.clock(), passed=passed)
            )
            failed = found.attention_failed + (passed is False)
            self._move(connection, found.id, position=position + 1, attention_failed=failed)
            if position == len(self.plan.places[found.place]):
                self._read_all(connection, found.id)
                if failed:  # will not be analysed, so another rater is to read these texts
                    places.leave(connection, [found.id])

    def tell(self, link: str, words: Sequence[str]) -> None:
        """Answers to the optional questions about the rater; empty ones are not kept."""
        with self.database.writing() as connection:
            found = self._enter(connection, link)
            if found.step != DEMOGRAPHICS:
                return
            rows = [
                {"rater_id": found.id, "number": i, "words": w} for i, w in enumerate(words) if w
            ]
            if rows:
                connection.execute(insert(tables.remark), rows)
            self._move(connection, found.id, step=DONE)

    def release_abandoned(self) -> None:
        """Count raters who gave no sign for long as dropped out, and free their places."""
        with self.database.writing() as connection:
            self._lock_study(connection)
            self._release_abandoned(connection)

    def _group(self, simulated: bool) -> places.Group:
        return places.Group(self.id, simulated)

    def _find(self, connection: Connection, link: str, *, lock: bool = False) -> Row[Any] | None:
        """The rater; locked until the transaction ends, but not against rows that name it."""
        digest = self.digest("link", link)
        own = select(tables.rater).where(
            tables.rater.c.link == digest, tables.rater.c.study_id == self.id
        )
        return connection.execute(own.with_for_update(key_share=True) if lock else own).first()

    def _enter(self, connection: Connection, link: str) -> Row[Any]:
        """The rater, locked until the transaction ends; seen now, and back where it was gone."""
        found = self._find(connection, link, lock=True)
        if found is None:
            raise Refusal(standing.UNKNOWN)
        if found.status in (ACTIVE, DROPPED) and self.row(connection).state == standing.CLOSED:
            raise Refusal(standing.CLOSED)
        if found.status == ACTIVE:
            self._move(connection, found.id)
        elif found.status == DROPPED and places.hold(
            connection, self._group(found.simulated), found.place, found.id
        ):
            self._note(connection, "returned", found.id)
            self._move(connection, found.id, status=ACTIVE, ended_at=None)
            found = self._find(connection, link, lock=True)
            assert found is not None
        return found

    def _release_abandoned(self, connection: Connection) -> None:
        rater = tables.rater.c
        since = self.clock() - 60 * self.rules.abandoned
        gone = connection.scalars(
            select(rater.id)
            .where(rater.study_id == self.id, rater.status == ACTIVE, rater.seen_at < since)
            .with_for_update(skip_locked=True, key_share=True)
        ).all()
        for number in gone:
            self._end(connection, number, DROPPED)
        if gone:
            places.leave(connection, gone)

    def _read_all(self, connection: Connection, rater: int) -> None:
        """Completed: what is left is optional, and who leaves now has given all ratings."""
        self._move(connection, rater, step=DEMOGRAPHICS if self.study.words.demographics else DONE)
        self._end(connection, rater, COMPLETED)

    def _end(self, connection: Connection, rater: int, status: str) -> None:
        own = tables.rater.c.id == rater
        values = {"status": status, "ended_at": self.clock()}
        connection.execute(update(tables.rater).where(own).values(values))
        self._note(connection, status, rater)

    def _move(self, connection: Connection, rater: int, **values: Any) -> None:
        own = tables.rater.c.id == rater
        values["seen_at"] = self.clock()
        connection.execute(update(tables.rater).where(own).values(values))

    def _standing(self, found: Row[Any]) -> Standing:
        return Standing(
            found.status, found.step, found.attempts, found.position,
            self.plan.places[found.place], found.simulated, self.code(found.link),
        )  # fmt: skip
