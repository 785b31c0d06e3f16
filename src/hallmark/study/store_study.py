"""The row of one study in a database: its state, secret and password, and what happened when."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hallmark.database import Database
from hallmark.study import store_places as places
from hallmark.study import store_tables as tables
from hallmark.study.definition import Study
from hallmark.study.plan import Plan
from hallmark.study.standing import CLOSED, OPEN, PAUSED, Rules


class StudyRow:
    """One study, found by its plan's hash or made. `clock` gives seconds since 1970."""

    def __init__(
        self, database: Database, study: Study, plan: Plan, *, rules: Rules | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.database, self.study, self.plan = database, study, plan
        self.rules, self.clock = rules or Rules(), clock
        self.id, self.secret = self._settle()
        self._texts = {t.id: t.text for t in plan.texts}

    def state(self) -> str:
        """open, paused (nobody new; who is there may finish) or closed (no answer is taken)."""
        with self.database.reading() as connection:
            return str(self.row(connection).state)

    def set_state(self, state: str) -> None:
        """Open, pause or close the study."""
        if state not in (OPEN, PAUSED, CLOSED):
            raise ValueError(f"a study is {OPEN}, {PAUSED} or {CLOSED}, not {state!r}")
        with self.database.writing() as connection:
            if self._lock_study(connection) != state:
                own = tables.study.c.id == self.id
                connection.execute(update(tables.study).where(own).values(state=state))
                self._note(connection, state)

    def password(self) -> str | None:
        """The stored hash of the researcher's password."""
        with self.database.reading() as connection:
            found = self.row(connection).password
            return None if found is None else str(found)

    def set_password(self, hashed: str) -> None:
        """Store a hash of the researcher's password."""
        with self.database.writing() as connection:
            own = tables.study.c.id == self.id
            connection.execute(update(tables.study).where(own).values(password=hashed))

    def link_of(self, visit: str) -> str:
        """The link of a visit that a platform named: the same each time, and not to be guessed."""
        return self.digest("visit", visit)[:40]

    def text(self, name: str) -> str:
        """What is read under this id."""
        return self._texts[name]

    def code(self, link_digest: str) -> str:
        """The completion code that goes with a link's digest."""
        return self.digest("code", link_digest)[:10].upper()

    def _settle(self) -> tuple[int, str]:
        """The study's row and secret; made with its places where it is not there yet."""
        with self.database.writing() as connection:
            values = {
                "study_hash": self.study.hash, "plan_hash": self.plan.hash, "state": OPEN,
                "secret": secrets.token_hex(32), "made_at": self.clock(),
            }  # fmt: skip
            new = connection.execute(
                self._insert(tables.study).values(values).on_conflict_do_nothing()
                .returning(tables.study.c.id)
            ).scalar()  # fmt: skip
            if new is not None:
                places.make(connection, new, len(self.plan.places))
            found = first(connection, tables.study, plan_hash=self.plan.hash)
            assert found is not None
            return found.id, found.secret

    def _insert(self, table: Any) -> Any:
        """An insert that can be told what to do where the row is there already."""
        return sqlite.insert(table) if self.database.sqlite else postgresql.insert(table)

    def digest(self, kind: str, what: str) -> str:
        """What is kept of a link or a platform's id: it does not lead back to it."""
        return hmac.new(self.secret.encode(), f"{kind}/{what}".encode(), hashlib.sha256).hexdigest()

    def row(self, connection: Connection) -> Row[Any]:
        """The study's own."""
        found = first(connection, tables.study, id=self.id)
        assert found is not None
        return found

    def _lock_study(self, connection: Connection) -> str:
        """One transaction at a time gives places; the state of the study. Before any rater's row
        is locked, so that two of them never wait for each other.
        """
        own = select(tables.study.c.state).where(tables.study.c.id == self.id)
        return str(connection.execute(own.with_for_update(key_share=True)).scalar_one())

    def _note(self, connection: Connection, kind: str, rater: int | None = None) -> None:
        values = {"study_id": self.id, "rater_id": rater, "kind": kind, "at": self.clock()}
        connection.execute(insert(tables.event).values(values))


def first(connection: Connection, table: Any, **equal: Any) -> Row[Any] | None:
    """The first row in which the columns have these values."""
    where = [table.c[name] == value for name, value in equal.items()]
    return connection.execute(select(table).where(*where)).first()
