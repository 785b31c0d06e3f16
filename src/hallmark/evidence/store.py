"""Cases in a database: SQLite by path, PostgreSQL by address. Who may use it, what is in it.

What people do to cases is in `store_desk`. Every change is one transaction with its log entry.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import random
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from hallmark.database import Database, open_database
from hallmark.evidence import store_log
from hallmark.evidence import store_tables as t
from hallmark.evidence.audit import Entry, Head, digest
from hallmark.evidence.cases import (
    Case,
    Role,
    Settings,
    State,
    settings_from,
)
from hallmark.evidence.people import gold_of, rates_of
from hallmark.evidence.roles import Person
from hallmark.evidence.store_rows import cases_of, evidence_text, texts_text, whole
from hallmark.evidence.worth import ASSUMED, value_of_review

if TYPE_CHECKING:
    from hallmark.evidence.caseload import Draft  # loads numba

MIGRATIONS = Path(__file__).parent / "migrations"
PROGRAM = "hallmark"  # who does what no person does
_LONGEST_NAME = 40
_OTHERWISE = "give the --database that `hallmark cases import` made"


class CaseStore:
    """Everything that is kept. `now` gives the time in seconds since 1970."""

    def __init__(self, database: Database, *, now: Callable[[], float] = time.time) -> None:
        self.database, self.now = database, now
        with database.writing() as connection:
            connection.execute(select(t.head).with_for_update())  # one process at a time
            if self._setting(connection, "key") is None:
                self._keep(connection, "key", base64.b64encode(secrets.token_bytes(32)).decode())
        with database.reading() as connection:
            self.key = base64.b64decode(str(self._setting(connection, "key")))
            stored = self._setting(connection, "settings")
        self.settings = settings_from(json.loads(stored) if stored else {})

    def close(self) -> None:
        """Let the database go."""
        self.database.close()

    def _setting(self, connection: Connection, name: str) -> str | None:
        return connection.scalar(select(t.settings.c.value).where(t.settings.c.name == name))

    def _keep(self, connection: Connection, name: str, value: str) -> None:
        connection.execute(delete(t.settings).where(t.settings.c.name == name))
        connection.execute(insert(t.settings).values(name=name, value=value))

    def change_settings(self, settings: Settings) -> None:
        """Keep other settings; what was imported before stays as it was."""
        values = dataclasses.asdict(settings)
        with self.database.writing() as connection:
            self._keep(connection, "settings", json.dumps(values))
            self.log(connection, "settings", who=PROGRAM, values=values)
        self.settings = settings

    def log(self, connection: Connection, what: str, *, who: str, **more: Any) -> Head:
        """Add an entry; the last thing that a transaction does."""
        event = {"what": what, "who": who, "time": round(self.now(), 3), **more}
        return store_log.append(connection, event)

    # People

    def set_user(self, name: str, role: Role, password_hash: str) -> bool:
        """Add a person, or change their role and password; whether they are new.

        ValueError where the name cannot be one.
        """
        if not name.strip() or name != name.strip() or len(name) > _LONGEST_NAME or name == PROGRAM:
            raise ValueError(
                f"{name[:50]!r} is no name that can be used; give 1 to {_LONGEST_NAME} characters "
                f"without spaces around them, and not {PROGRAM!r}"
            )
        values = {"role": str(role), "hash": password_hash}
        with self.database.writing() as connection:
            there = connection.scalar(select(t.users.c.name).where(t.users.c.name == name))
            if there is None:
                connection.execute(insert(t.users).values(name=name, **values))
            else:
                connection.execute(update(t.users).where(t.users.c.name == name).values(**values))
            self.log(connection, "user", who=PROGRAM, name=name, role=str(role))
        return there is None

    def remove_user(self, name: str) -> None:
        """Let a person in no more; what they did stays. ValueError where there is none."""
        with self.database.writing() as connection:
            role = connection.scalar(select(t.users.c.role).where(t.users.c.name == name))
            if role is None:
                raise ValueError(
                    f"there is nobody called {name[:50]!r}; see `hallmark cases users`"
                )
            connection.execute(update(t.users).where(t.users.c.name == name).values(hash=""))
            self.log(connection, "user", who=PROGRAM, name=name, role=role, removed=True)

    def people(self) -> list[tuple[Person, bool]]:
        """Everybody, by name, and whether they may sign in."""
        with self.database.reading() as connection:
            rows = connection.execute(select(t.users).order_by(t.users.c.name)).all()
        return [(Person(row.name, Role(row.role)), bool(row.hash)) for row in rows]

    def hash_of(self, name: str) -> str | None:
        """The stored hash of a person's password; None where there is none."""
        with self.database.reading() as connection:
            found = connection.scalar(select(t.users.c.hash).where(t.users.c.name == name))
        return found or None

    def person(self, name: str) -> Person:
        """The person of that name; ValueError where there is none."""
        with self.database.reading() as connection:
            role = connection.scalar(select(t.users.c.role).where(t.users.c.name == name))
        if role is None:
            raise ValueError(f"there is nobody called {name[:50]!r}")
        return Person(name, Role(role))

    # Cases

    def add(self, drafts: Sequence[Draft], *, who: str = PROGRAM, seed: int = 0) -> list[int]:
        """Keep drafts as cases; the numbers of those that are new. An account that has a case gets
        no second one. Numbers follow the pseudonyms, keyed hashes, so that they tell nothing.
        """
        chance, now = random.Random(seed), self.now()
        with self.database.writing() as connection:
            there = set(connection.scalars(select(t.cases.c.pseudonym)))
            last = connection.scalar(select(func.max(t.cases.c.id))) or 0
            new: dict[str, tuple[Draft, int]] = {}
            for draft in drafts:
                needed = 2 if chance.random() < self.settings.double else 1
                if draft.pseudonym not in there:
                    new.setdefault(draft.pseudonym, (draft, needed))
            rows = [
                self._row(draft, last + place, needed=needed, now=now)
                for place, (_, (draft, needed)) in enumerate(sorted(new.items()), start=1)
            ]
            if rows:
                connection.execute(insert(t.cases), rows)
                _revalue(connection, self.settings, seed=seed)
                events = [_imported(row, who=who, now=now) for row in rows]
                store_log.append(connection, *events)
        return [row["id"] for row in rows]

    def _row(self, draft: Draft, number: int, *, needed: int, now: float) -> dict[str, Any]:
        return {
            "id": number, "pseudonym": draft.pseudonym, "name": draft.account,
            "evidence": evidence_text(draft.evidence), "texts": texts_text(draft.texts),
            "gold": None if draft.gold is None else int(draft.gold), "needed": needed,
            "given": 0, "value": 0.0, "posterior": whole(draft.evidence.known),
            "imported": now, "touched": now, "erased": False,
        }  # fmt: skip

    def case(self, number: int) -> Case:
        """The case of that number, all of it; ValueError where there is none."""
        with self.database.reading() as connection:
            found = cases_of(connection, select(t.cases).where(t.cases.c.id == number))
        if not found:
            raise ValueError(f"there is no case {number}")
        return found[0]

    def cases(self, *, first: int = 0, most: int | None = None) -> list[Case]:
        """Cases in the order of the queue; all of them, or a page."""
        with self.database.reading() as connection:
            query = in_order(select(t.cases)).offset(first or None).limit(most)
            return cases_of(connection, query)

    def given_out(self) -> list[Case]:
        """The cases that have as many reviewers as they need."""
        with self.database.reading() as connection:
            return cases_of(connection, select(t.cases).where(t.cases.c.given >= t.cases.c.needed))

    def counts(self) -> tuple[int, int]:
        """How many cases there are, and how many answers of reviewers."""
        answered = select(func.count()).where(t.reviews.c.answered.is_not(None))
        with self.database.reading() as connection:
            cases = connection.scalar(select(func.count()).select_from(t.cases))
            return int(cases or 0), int(connection.scalar(answered) or 0)

    def outcomes(self) -> dict[str, str]:
        """Final outcomes by account, human or synthetic; that they were read is in the log.

        Cases that are undecided, may still be appealed, are erased, or were known beforehand are
        left out.
        """
        now = self.now()
        found = {
            case.name: str(case.outcome)
            for case in self.given_out()
            if case.state(now, self.settings) is State.CLOSED and not case.erased
            and case.outcome is not None and case.outcome.label is not None
        }  # fmt: skip
        with self.database.writing() as connection:
            self.log(connection, "exported", who=PROGRAM, kind="labels", labels=len(found))
        return found

    # The log

    def entries(
        self, *, after: int = 0, most: int | None = None, case: int | None = None
    ) -> list[Entry]:
        """The log's entries, from the one after `after` on; only a case's where one is given."""
        with self.database.reading() as connection:
            return list(store_log.entries(connection, after=after, most=most, case=case))

    def head(self) -> Head:
        """The log's end: a receipt."""
        with self.database.reading() as connection:
            return store_log.end(connection)

    def verify(self, *, receipts: Sequence[Head] = ()) -> Head:
        """The log's end, all checked; Broken or Changed (both ValueError) where it is not whole."""
        with self.database.reading() as connection:
            return store_log.check(connection, receipts=receipts)


def open_cases(
    where: str | Path, *, make: bool = True, now: Callable[[], float] = time.time
) -> CaseStore:
    """The store at a path (SQLite) or address (`postgresql://...`); where it is not there it is
    made, or with `make=False` ValueError.
    """
    found = open_database(
        where, migrations=MIGRATIONS, name="cases", otherwise=None if make else _OTHERWISE
    )
    return CaseStore(found, now=now)


def in_order(query: Select[Any]) -> Select[Any]:
    """Of a query of cases, those first whose review is worth most."""
    return query.order_by(t.cases.c.value.desc(), t.cases.c.posterior.desc(), t.cases.c.id)


def _imported(row: dict[str, Any], *, who: str, now: float) -> dict[str, Any]:
    return {
        "what": "imported", "who": who, "time": round(now, 3), "case": row["id"],
        "pseudonym": row["pseudonym"], "needed": row["needed"], "gold": row["gold"],
        "evidence": digest(row["evidence"]), "texts": digest([row["name"], row["texts"]]),
    }  # fmt: skip


def _revalue(connection: Connection, settings: Settings, *, seed: int) -> None:
    """The value of reviewing each case that waits. A gold case has the place of one drawn at
    random, so that it is met as others are and its place tells nothing.
    """
    known = cases_of(connection, select(t.cases).where(t.cases.c.gold.is_not(None)))
    rates = rates_of(gold_of(known), otherwise=ASSUMED)
    chance, places = random.Random(seed), []
    waiting = select(t.cases.c.id, t.cases.c.evidence, t.cases.c.needed, t.cases.c.gold)
    rows = list(connection.execute(waiting.where(t.cases.c.given < t.cases.c.needed)))
    for row in rows:
        record = json.loads(row.evidence)
        p = record["prevalence"] if record["posterior"] is None else record["posterior"]
        value = value_of_review(
            p, reviews=row.needed, rates=rates, missed=settings.missed, wrong=settings.wrong
        )
        places.append((row, value, p))
    others = [(value, p) for row, value, p in places if row.gold is None]
    for row, value, p in places:
        if row.gold is not None and others:
            value, p = others[chance.randrange(len(others))]
        where = t.cases.c.id == row.id
        connection.execute(update(t.cases).where(where).values(value=value, posterior=p))
