"""A log that shows any edit: each entry holds the hash of the one before it.

JSON lines, appended and flushed to disk one at a time. Editing, deleting or reordering breaks the
chain; cutting off the end shows against a `head` that was noted elsewhere (the case file, an
auditor's mail). The chain proves order and wholeness, not who wrote it: keep the file where the
reviewed cannot write. Crosby and Wallach 2009, "Efficient Data Structures for Tamper-Evident
Logging", section 2.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from hallmark.data import read_jsonl, read_jsonl_file

_TAIL = 2**16
START = "0" * 64


@dataclass(frozen=True)
class Entry:
    """One line: its number from 1, what happened, the hash before it and its own."""

    number: int
    event: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True)
class Head:
    """Where a log ends: note it elsewhere, and a log cut short of it is found out."""

    number: int
    hash: str


class AuditLog:
    """An append-only file of entries; several processes may append."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Mapping[str, Any]) -> Head:
        """Add an event (JSON values); it is on disk on return. ValueError where the end is broken.

        An entry that a killed process left half-written was never acknowledged, and is cut off.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_name(self.path.name + ".lock")):
            last = self._last()
            own = _hash(last.number + 1, event, last.hash)
            line = {"number": last.number + 1, "event": event, "previous": last.hash, "hash": own}
            data = json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n"
            with self.path.open("ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        return Head(last.number + 1, own)

    def _last(self) -> Head:
        """The end of the file, its last entry alone checked."""
        if not self.path.is_file():
            return Head(0, START)
        with self.path.open("r+b") as file:
            end = file.seek(0, os.SEEK_END)
            reach, tail = _TAIL, b""
            while end and tail.count(b"\n") < 2 and len(tail) < end:
                file.seek(max(0, end - reach))
                tail = file.read(min(end, reach))
                reach *= 2
            whole = tail.rfind(b"\n") + 1
            file.truncate(end - len(tail) + whole)
        lines = tail[:whole].splitlines()
        if not lines:
            return Head(0, START)
        for entry in read_jsonl([lines[-1]], name=f"{self.path}, last entry"):
            if entry.get("hash") == _hash(
                entry.get("number"), entry.get("event"), entry.get("previous")
            ):
                return Head(entry["number"], entry["hash"])
        raise ValueError(f"the last entry of {self.path} does not match its hash; it was edited")

    def entries(self) -> Iterator[Entry]:
        """Every entry, its place in the chain checked; ValueError says where it is broken."""
        previous, number = START, 0
        if not self.path.is_file():
            return
        for line in read_jsonl_file(self.path):
            number += 1
            where = f"{self.path}, entry {number}"
            if set(line) != {"number", "event", "previous", "hash"}:
                raise ValueError(
                    f"{where} has other fields than it was written with; it was edited"
                )
            if line["number"] != number or line["previous"] != previous:
                raise ValueError(
                    f"{where} does not follow the one before it; entries were removed, added or "
                    "reordered"
                )
            if line["hash"] != _hash(number, line["event"], previous):
                raise ValueError(f"{where} does not match its hash; it was edited")
            previous = line["hash"]
            yield Entry(number, line["event"], line["previous"], previous)

    def verify(self, head: Head | None = None) -> Head:
        """The log's end, all checked; ValueError where it is broken or stops before `head`."""
        found, met = Head(0, START), head is None or head.number == 0
        for entry in self.entries():
            found = Head(entry.number, entry.hash)
            met = met or found == head
        if not met and head is not None:
            raise ValueError(
                f"{self.path} does not hold entry {head.number} with hash {head.hash[:12]}..., "
                "which was noted as its end; it was cut short or written anew"
            )
        return found


def _hash(number: Any, event: Any, previous: Any) -> str:
    text = json.dumps([number, event, previous], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
