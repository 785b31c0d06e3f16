"""A log that shows any edit: each entry holds the hash of the one before it.

Hashes and nothing else: where entries are kept is the store's business. Editing, deleting or
reordering breaks the chain; cutting off the end, or writing all of it anew, shows against a receipt
that was noted elsewhere. The chain proves order and wholeness, not who wrote it. Crosby and Wallach
2009, "Efficient Data Structures for Tamper-Evident Logging", section 2.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

START_HASH = "0" * 64


@dataclass(frozen=True)
class Head:
    """Where a log ends: number of entries and the last one's hash. Kept elsewhere it is a receipt,
    and a log that was cut short of it or written anew is found out.
    """

    number: int = 0
    hash: str = START_HASH


START = Head()


@dataclass(frozen=True)
class Entry:
    """One line: its number from 1, the event as JSON text, the hash before it and its own."""

    number: int
    event: str
    previous: str
    hash: str

    @property
    def head(self) -> Head:
        """The end of a log that ends with this entry."""
        return Head(self.number, self.hash)


class Broken(ValueError):
    """The log is not as it was written; `number` is the first entry where that shows."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(f"the log is broken at entry {number}: {message}")
        self.number = number


def entry_after(head: Head, event: Mapping[str, Any]) -> Entry:
    """The entry of an event (JSON values; no NaN) that follows `head`."""
    text = canonical(event)
    number = head.number + 1
    return Entry(number, text, head.hash, hash_of(number, text, head.hash))


def canonical(value: Any) -> str:
    """A value as JSON, keys sorted: the same value has the same text."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":")
    )


def digest(value: Any) -> str:
    """SHA-256 of a JSON value: what an entry says of a record that it must not hold."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


def hash_of(number: int, event: str, previous: str) -> str:
    """An entry's hash: SHA-256 of its number, its event's text and the hash before it."""
    text = json.dumps([number, event, previous], ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def verify(
    entries: Iterable[Entry], *, head: Head | None = None, receipts: Sequence[Head] = ()
) -> Head:
    """The end of the log, all of it checked.

    head: what the log itself notes as its end. receipts: ends that were noted elsewhere. Broken
    names the first entry that was edited, removed, added or moved, or from which on entries lack.
    """
    wanted = {receipt.number: receipt.hash for receipt in receipts if receipt.number}
    at = START
    for entry in entries:
        _check(entry, at)
        at = entry.head
        if wanted.pop(at.number, at.hash) != at.hash:
            raise Broken(
                at.number, "its hash is not the receipt's; the log was written anew up to here"
            )
    if wanted:
        raise Broken(
            at.number + 1,
            f"the log ends before it, and a receipt shows entry {max(wanted)}; it was cut short",
        )
    if head is not None and head != at:
        first = min(head.number, at.number) + 1
        raise Broken(
            first if head.number != at.number else at.number,
            f"the log has {at.number} entries and notes {head.number} as its end; the end was cut "
            "off, added or edited",
        )
    return at


def _check(entry: Entry, before: Head) -> None:
    place = before.number + 1
    if entry.number > place:
        raise Broken(
            place, f"entry {entry.number} stands in its place; entries were removed or moved"
        )
    if entry.number < place:
        raise Broken(
            place, f"entry {entry.number} stands in its place; entries were added or moved"
        )
    if entry.hash != hash_of(entry.number, entry.event, entry.previous):
        raise Broken(place, "it does not match its hash; it was edited")
    if entry.previous != before.hash:
        raise Broken(place, "it does not follow the entry before it; one of the two was replaced")


def as_json(head: Head) -> dict[str, Any]:
    """A receipt as plain JSON."""
    return asdict(head)


def receipt_of(value: Any) -> Head:
    """A receipt from what `as_json` made, or from a case file, which holds one under "log".

    ValueError where it is none.
    """
    own = value.get("log", value) if isinstance(value, Mapping) else None
    number, text = (own.get("number"), own.get("hash")) if isinstance(own, Mapping) else (0, "")
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise ValueError('a receipt has a "number", the count of entries; this is none')
    if not isinstance(text, str) or len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise ValueError('a receipt has a "hash" of 64 hexadecimal digits; this is none')
    return Head(number, text)
