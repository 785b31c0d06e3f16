"""What people do to cases: take, review, decide, appeal, answer. Each act is checked against the
person's role and the case's state, and is one transaction with its log entry.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from hallmark.evidence import store_tables as t
from hallmark.evidence.audit import digest
from hallmark.evidence.cases import Answer, Case, State, check_words
from hallmark.evidence.roles import Person, Seen, permit, permit_finding, seen_by
from hallmark.evidence.store import PROGRAM, CaseStore, in_order
from hallmark.evidence.store_rows import cases_of

_HOUR = 3600.0


class OutOfTurn(ValueError):
    """The case is not where this could be done: somebody was faster, or it is over."""


class Desk:
    """The acts of people on the cases of a store."""

    def __init__(self, store: CaseStore) -> None:
        self.store = store

    # Reviewers

    def take(self, person: Person) -> int | None:
        """The case that is the reviewer's to review: the one they have, or the one that is worth
        most of those that wait; None where nothing waits for them.
        """
        permit(person, "take a case to review")
        self.release_old()
        for _ in range(3):
            held = self.held_by(person)
            if held is not None:
                return held
            try:
                with self.store.database.writing() as connection:
                    return self._give(connection, person)
            except IntegrityError:  # the same person, in another window, at the same moment
                continue
        return self.held_by(person)

    def _give(self, connection: Connection, person: Person) -> int | None:
        seen = exists().where(
            t.reviews.c.case_id == t.cases.c.id, t.reviews.c.reviewer == person.name
        )
        waiting = select(t.cases.c.id, t.cases.c.needed).where(
            t.cases.c.given < t.cases.c.needed, ~t.cases.c.erased, ~seen
        )
        one = in_order(waiting).limit(1).with_for_update(skip_locked=True)
        row = connection.execute(one).one_or_none()
        if row is None:
            return None
        slots = select(t.reviews.c.slot).where(t.reviews.c.case_id == row.id)
        used = set(connection.scalars(slots))
        slot = min(set(range(1, row.needed + 1)) - used)
        now = self.store.now()
        connection.execute(
            insert(t.reviews).values(case_id=row.id, slot=slot, reviewer=person.name, given=now)
        )
        self._count(connection, row.id)
        self.store.log(connection, "given", who=person.name, case=row.id, slot=slot)
        return int(row.id)

    def _count(self, connection: Connection, number: int) -> None:
        """Bring a case's count of reviews in line with its reviews, under the case's lock."""
        slots = select(t.reviews.c.slot).where(t.reviews.c.case_id == number)
        given = len(connection.scalars(slots).all())
        connection.execute(update(t.cases).where(t.cases.c.id == number).values(given=given))

    def held_by(self, person: Person) -> int | None:
        """The case that a reviewer has and has not answered yet."""
        mine = (t.reviews.c.reviewer == person.name) & t.reviews.c.answered.is_(None)
        with self.store.database.reading() as connection:
            return connection.scalar(select(t.reviews.c.case_id).where(mine))

    def reviewed_by(self, person: Person) -> list[int]:
        """The cases that a reviewer has answered, newest first."""
        mine = (t.reviews.c.reviewer == person.name) & t.reviews.c.answered.is_not(None)
        query = select(t.reviews.c.case_id).where(mine).order_by(t.reviews.c.answered.desc())
        with self.store.database.reading() as connection:
            return list(connection.scalars(query))

    def give_back(self, person: Person, number: int) -> None:
        """Leave a case for somebody else; OutOfTurn where the person does not have it."""
        permit(person, "give a case back")
        with self.store.database.writing() as connection:
            self._lock(connection, number)
            self._drop(connection, number, person.name)
            self.store.log(connection, "given back", who=person.name, case=number)

    def _drop(self, connection: Connection, number: int, reviewer: str) -> None:
        gone = connection.execute(
            delete(t.reviews).where(
                t.reviews.c.case_id == number, t.reviews.c.reviewer == reviewer,
                t.reviews.c.answered.is_(None),
            )
        )  # fmt: skip
        if not gone.rowcount:
            raise OutOfTurn(f"case {number} is not with {reviewer}")
        self._count(connection, number)

    def release_old(self) -> int:
        """Take cases back that reviewers have had for longer than `hold_hours`; how many."""
        before = self.store.now() - self.store.settings.hold_hours * _HOUR
        old = (t.reviews.c.given < before) & t.reviews.c.answered.is_(None)
        query = select(t.reviews.c.case_id, t.reviews.c.reviewer).where(old)
        with self.store.database.reading() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            try:
                with self.store.database.writing() as connection:
                    self._lock(connection, row.case_id)
                    self._drop(connection, row.case_id, row.reviewer)
                    self.store.log(
                        connection, "taken back", who=PROGRAM, case=row.case_id,
                        reviewer=row.reviewer,
                    )  # fmt: skip
            except OutOfTurn:
                continue
        return len(rows)

    def review(self, person: Person, number: int, answer: Answer, reasons: str) -> None:
        """A reviewer's answer, once. OutOfTurn where the case is not with them (any more)."""
        permit(person, "review")
        words = check_words(reasons, what="the reasons")
        mine = (t.reviews.c.case_id == number) & (t.reviews.c.reviewer == person.name)
        with self.store.database.writing() as connection:
            case = self._lock(connection, number)
            row = connection.execute(
                select(t.reviews.c.slot).where(mine & t.reviews.c.answered.is_(None))
            ).one_or_none()
            if row is None or case.erased:
                raise OutOfTurn(f"case {number} is not with {person.name}, or has their answer")
            now = self.store.now()
            values: dict[str, Any] = {"answered": now, "answer": str(answer), "reasons": words}
            connection.execute(update(t.reviews).where(mine).values(**values))
            self._log(
                connection, "reviewed", person, number, slot=row.slot, answer=str(answer),
                words=digest(words),
            )  # fmt: skip

    # Analysts

    def decide(self, person: Person, number: int, finding: Answer, reasons: str) -> str:
        """An analyst's decision, once all reviews are in; what the appeal's address holds, which
        is shown this once. OutOfTurn where it is not time for it, Forbidden for who reviewed.
        """
        permit(person, "decide")
        words = check_words(reasons, what="the reasons")
        with self.store.database.writing() as connection:
            case = self._lock(connection, number)
            state = case.state(self.store.now(), self.store.settings)
            if state is not State.REVIEWED or case.erased:
                raise OutOfTurn(f"case {number} {self._is(case)}; it cannot be decided now")
            permit_finding(person, case, "decides")
            link = secrets.token_urlsafe(32)
            connection.execute(
                insert(t.decisions).values(
                    case_id=number, analyst=person.name, finding=str(finding), reasons=words,
                    time=self.store.now(), link=_hash(link),
                )
            )  # fmt: skip
            self._log(
                connection, "decided", person, number, finding=str(finding), words=digest(words)
            )
        return link

    def new_link(self, person: Person, number: int) -> str:
        """Another address for the appeal; the one before leads nowhere from now on."""
        permit(person, "make an appeal's link")
        with self.store.database.writing() as connection:
            case = self._lock(connection, number)
            if case.decision is None:
                raise OutOfTurn(f"case {number} has no decision that could be appealed")
            link = secrets.token_urlsafe(32)
            mine = t.decisions.c.case_id == number
            connection.execute(update(t.decisions).where(mine).values(link=_hash(link)))
            self.store.log(connection, "link made", who=person.name, case=number)
        return link

    def answer_appeal(self, person: Person, number: int, finding: Answer, reasons: str) -> None:
        """What comes of an appeal, by an analyst who neither reviewed nor decided."""
        permit(person, "answer an appeal")
        words = check_words(reasons, what="the reasons")
        with self.store.database.writing() as connection:
            case = self._lock(connection, number)
            if case.state(self.store.now(), self.store.settings) is not State.APPEALED:
                raise OutOfTurn(f"case {number} {self._is(case)}; no appeal waits for an answer")
            permit_finding(person, case, "answers the appeal")
            values = {"analyst": person.name, "finding": str(finding), "reasons": words}
            connection.execute(
                update(t.appeals)
                .where(t.appeals.c.case_id == number)
                .values(answered=self.store.now(), **values)
            )
            self._log(
                connection, "answered", person, number, finding=str(finding), words=digest(words)
            )

    def name_of(self, person: Person, number: int, reasons: str) -> str:
        """The account's name; that it was shown, and why, is in the log."""
        permit(person, "see an account's name")
        words = check_words(reasons, what="the reasons")
        with self.store.database.writing() as connection:
            case = self._lock(connection, number)
            self.store.log(connection, "name shown", who=person.name, case=number, why=words)
        return case.name

    # The affected side

    def decided(self, link: str) -> Case:
        """The case that an appeal's address is for; ValueError where it leads nowhere."""
        with self.store.database.reading() as connection:
            query = select(t.cases).join(t.decisions).where(t.decisions.c.link == _hash(link))
            found = cases_of(connection, query)
        if not found or found[0].erased:
            raise ValueError("this address leads to no decision, or its time is over")
        return found[0]

    def appeal(self, link: str, statement: str) -> None:
        """An appeal, once. OutOfTurn where there is one, or it is too late."""
        words = check_words(statement, what="the statement")
        number = self.decided(link).id
        with self.store.database.writing() as connection:
            case = self._lock(connection, number)
            if case.state(self.store.now(), self.store.settings) is not State.DECIDED:
                raise OutOfTurn("this decision was appealed before, or the time for it is over")
            now = self.store.now()
            connection.execute(insert(t.appeals).values(case_id=number, statement=words, time=now))
            self._touch(connection, number)
            self.store.log(
                connection, "appealed", who="the affected side", case=number, words=digest(words)
            )

    # Everybody

    def see(self, person: Person, number: int) -> Seen:
        """A case as the person may see it; Forbidden where they may not."""
        with self.store.database.reading() as connection:
            own = connection.scalar(
                select(t.reviews.c.slot).where(
                    t.reviews.c.case_id == number, t.reviews.c.reviewer == person.name
                )
            )
        return seen_by(person, self.store.case(number), own=own is not None)

    def exported(self, person: Person | None, number: int, kind: str) -> None:
        """Log that a case file was made, by nobody who signed in where `person` is None; Forbidden
        where the person may not have it.
        """
        if person:
            permit(person, "export a case file")
        who = person.name if person else PROGRAM
        with self.store.database.writing() as connection:
            self.store.log(connection, "exported", who=who, case=number, kind=kind)

    def _lock(self, connection: Connection, number: int) -> Case:
        """The case, which nobody else can change until the transaction ends."""
        query = select(t.cases).where(t.cases.c.id == number)
        if connection.execute(query.with_for_update()).one_or_none() is None:
            raise ValueError(f"there is no case {number}")
        return cases_of(connection, query)[0]

    def _log(
        self, connection: Connection, what: str, person: Person, number: int, **more: Any
    ) -> None:
        self._touch(connection, number)
        self.store.log(connection, what, who=person.name, case=number, **more)

    def _touch(self, connection: Connection, number: int) -> None:
        mine = t.cases.c.id == number
        connection.execute(update(t.cases).where(mine).values(touched=self.store.now()))

    def _is(self, case: Case) -> str:
        if case.erased:
            return "was erased"
        return f"is: {case.state(self.store.now(), self.store.settings)}"


def _hash(link: str) -> str:
    return hashlib.sha256(link.encode("utf-8", "surrogateescape")).hexdigest()
