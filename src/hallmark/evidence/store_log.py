"""The log in the database, and what the tables must say for it to be true.

An entry is written in the transaction of what it tells, under a lock on the log's end, so that
neither stands without the other. It holds no text and no name of an account: digests of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from hallmark.evidence import store_tables as t
from hallmark.evidence.audit import Entry, Head, digest, entry_after, verify

_BATCH = 1000
Key = tuple[str, ...]


class Changed(ValueError):
    """A record is not what the log says of it; `number` is the entry that tells of it, or 0."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


def append(connection: Connection, *events: Mapping[str, Any]) -> Head:
    """Add events (JSON values) to the log; its new end. The last thing that a transaction does:
    whoever waits for the log's end holds its own rows, and takes no others afterwards.
    """
    row = connection.execute(select(t.head).where(t.head.c.id == 1).with_for_update()).one()
    at, rows = Head(row.number, row.hash), []
    for event in events:
        entry = entry_after(at, event)
        rows.append(vars(entry))
        at = entry.head
    if rows:
        connection.execute(insert(t.log), rows)
        connection.execute(
            update(t.head).where(t.head.c.id == 1).values(number=at.number, hash=at.hash)
        )
    return at


def entries(
    connection: Connection, *, after: int = 0, most: int | None = None, case: int | None = None
) -> Iterator[Entry]:
    """The log's entries in order, from the one after `after` on; of one case where it is given."""
    query = select(t.log).where(t.log.c.number > after).order_by(t.log.c.number).limit(most)
    if case is not None:
        query = query.where(t.log.c.event.contains(f'"case":{int(case)},'))
    for row in connection.execute(query, execution_options={"yield_per": _BATCH}):
        yield Entry(row.number, row.event, row.previous, row.hash)


def end(connection: Connection) -> Head:
    """The log's end as it is noted beside it."""
    row = connection.execute(select(t.head).where(t.head.c.id == 1)).one_or_none()
    return Head(row.number, row.hash) if row else Head()


def check(connection: Connection, *, receipts: Sequence[Head] = ()) -> Head:
    """The log's end, the log and every record checked.

    Broken where the log was tampered with, Changed where a record was.
    """
    told: dict[Key, tuple[int, Any]] = {}
    erased: set[int] = set()

    def reading() -> Iterator[Entry]:
        for entry in entries(connection):
            yield entry  # the log is checked before it is believed
            event = json.loads(entry.event)
            for key, value in _told(event):
                told[key] = (entry.number, value)
            if event["what"] == "erased":
                erased.add(event["case"])

    found = verify(reading(), head=end(connection), receipts=receipts)
    _compare(told, dict(_held(connection, erased)), erased)
    return found


def _told(event: Mapping[str, Any]) -> Iterator[tuple[Key, Any]]:
    """What an event says of records: (key, value), the last one of a key counting."""
    what, case = event["what"], str(event.get("case"))
    if what == "imported":
        yield ("case", case), [event["pseudonym"], event["needed"], event["gold"]]
        yield ("evidence of case", case), event["evidence"]
        yield ("texts of case", case), event["texts"]
    elif what == "reviewed":
        slot = str(event["slot"])
        yield ("review of case", case, slot), [event["who"], event["answer"]]
        yield ("reasons of the review of case", case, slot), event["words"]
    elif what in ("decided", "answered"):
        name = "decision on case" if what == "decided" else "answer to the appeal of case"
        yield (name, case), [event["who"], event["finding"]]
        yield (f"reasons of the {name}", case), event["words"]
    elif what == "appealed":
        yield ("appeal of case", case), event["words"]
    elif what == "user":
        yield ("role of", event["name"]), event["role"]
    elif what == "settings":
        yield ("settings",), event["values"]


def _held(connection: Connection, erased: set[int]) -> Iterator[tuple[Key, Any]]:
    """What the tables hold, in the words of `_told`."""
    for row in connection.execute(select(t.cases)):
        case = str(row.id)
        yield ("case", case), [row.pseudonym, row.needed, row.gold]
        yield ("evidence of case", case), digest(row.evidence)
        if row.id not in erased:
            yield ("texts of case", case), digest([row.name, row.texts])
    for row in connection.execute(select(t.reviews).where(t.reviews.c.answered.is_not(None))):
        case, slot = str(row.case_id), str(row.slot)
        yield ("review of case", case, slot), [row.reviewer, row.answer]
        if row.case_id not in erased:
            yield ("reasons of the review of case", case, slot), digest(row.reasons)
    for row in connection.execute(select(t.decisions)):
        yield ("decision on case", str(row.case_id)), [row.analyst, row.finding]
        if row.case_id not in erased:
            yield ("reasons of the decision on case", str(row.case_id)), digest(row.reasons)
    for row in connection.execute(select(t.appeals)):
        case = str(row.case_id)
        if row.case_id not in erased:
            yield ("appeal of case", case), digest(row.statement)
        if row.answered is not None:
            yield ("answer to the appeal of case", case), [row.analyst, row.finding]
            if row.case_id not in erased:
                yield ("reasons of the answer to the appeal of case", case), digest(row.reasons)
    for row in connection.execute(select(t.users)):
        yield ("role of", row.name), row.role
    for row in connection.execute(select(t.settings).where(t.settings.c.name == "settings")):
        yield ("settings",), json.loads(row.value)


_PLACES = {"1": "first", "2": "second"}  # of two reviewers
_ERASABLE = ("texts of case", "reasons of", "appeal of case")


def _compare(
    told: Mapping[Key, tuple[int, Any]], held: Mapping[Key, Any], erased: set[int]
) -> None:
    for key, (number, value) in told.items():
        name = _name(key)
        if key in held:
            if held[key] != value:
                raise Changed(number, f"the {name} is not what entry {number} says; it was edited")
        elif not (key[0].startswith(_ERASABLE) and int(key[1]) in erased):
            raise Changed(number, f"the {name}, of which entry {number} tells, was deleted")
    for key in held:
        if key not in told:
            raise Changed(0, f"no entry tells of the {_name(key)}; it was added")


def _name(key: Key) -> str:
    """What a key is called: `review of case 1, second`."""
    name = " ".join(key[:2])
    return f"{name}, {_PLACES.get(key[2], key[2])}" if len(key) > 2 else name
