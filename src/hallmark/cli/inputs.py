"""What a command reads: one text, or records on JSON lines, from a file or standard input.

Memory stays bounded whatever is read: a text or a line longer than `LONGEST` bytes is refused,
and records come in small groups as soon as they are there.
"""

from __future__ import annotations

import codecs
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from hallmark.data import check_text, decode_utf8, json_object, refuse_utf16

LONGEST = 64 * 2**20
STANDARD_INPUT = "-"
_WANTED = "give a file of text, or - for standard input"
_BLOCK = 2**16
_GROUP_RECORDS = 16
_GROUP_CHARACTERS = 2**18


def name_of(source: str) -> str:
    """What messages call `source`."""
    return "standard input" if source == STANDARD_INPUT else source


@contextmanager
def open_input(source: str) -> Iterator[BinaryIO]:
    """The file `source`, or standard input for `-`, open for reading bytes."""
    if source == STANDARD_INPUT:
        if sys.stdin is None:
            raise ValueError("standard input is closed; give a file")
        yield sys.stdin.buffer
        return
    path = Path(source)
    if "\0" in source or len(source) > 4096:
        raise ValueError(f"{source[:40]!r}... is no file's name; {_WANTED}")
    if path.is_dir():
        raise IsADirectoryError(f"{source} is a directory; {_WANTED}")
    if not path.exists():
        raise FileNotFoundError(f"{source} is not there; {_WANTED}")
    with path.open("rb") as file:
        yield file


@contextmanager
def spooled(sources: list[str]) -> Iterator[list[Path]]:
    """The paths that `sources` name; for `-`, of a temporary file with all of standard input.

    For what must be read twice. Standard input is taken as JSON lines where it begins with `{`.
    """
    if STANDARD_INPUT not in sources:
        yield [Path(s) for s in sources]
        return
    with tempfile.TemporaryDirectory(prefix="hallmark-") as folder:
        with open_input(STANDARD_INPUT) as file:
            first = file.read(_BLOCK)
            kind = "jsonl" if first.lstrip().startswith(b"{") else "txt"
            path = Path(folder) / f"standard-input.{kind}"
            with path.open("wb") as copy:
                copy.write(first)
                shutil.copyfileobj(file, copy)
        yield [path if s == STANDARD_INPUT else Path(s) for s in sources]


def read_text(source: str, *, may_be_empty: bool = False) -> str:
    """The whole of a text in UTF-8; ValueError for an empty one, other encodings and NUL."""
    name = name_of(source)
    with open_input(source) as file:
        data = file.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise ValueError(f"{name} is longer than {LONGEST >> 20} MiB; split it")
    refuse_utf16(data, where=name)
    nul = data.find(b"\0")
    if nul >= 0:
        raise ValueError(f"{name} has a NUL at byte {nul}, so it is no plain text; give UTF-8")
    text = decode_utf8(data, where=name).removeprefix("\ufeff")
    if not may_be_empty and not text.strip():
        raise ValueError(f"{name} is empty; give some text")
    return text


@dataclass(frozen=True)
class Record:
    """One line of JSON: its own `id` (by default its number, from 1) and its text."""

    id: Any
    text: str


@dataclass(frozen=True)
class BadLine:
    """A line that is no record: its `id` where it has one, its number in the file, and why."""

    id: Any
    line: int
    error: str


Line = Record | BadLine


def whole(line: Line) -> Record:
    """A line that has to be a record; ValueError where it is none."""
    if isinstance(line, BadLine):
        raise ValueError(line.error)
    return line


class LineReader:
    """The lines of a binary stream, handed out as they arrive.

    `ready` says whether the next line is already in memory: when it is not, asking for it may
    wait, so whoever holds results should let go of them first. `number` counts from 1.
    """

    def __init__(self, file: BinaryIO, *, name: str) -> None:
        self.number = 0
        self._file = file
        self._name = name
        self._lines: list[bytes] = []  # complete, the next one last
        self._rest: list[bytes] = []  # pieces of the line that is still coming
        self._ended = False

    @property
    def ready(self) -> bool:
        """Whether a complete line is in memory."""
        return bool(self._lines)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            while self._lines:
                self.number += 1
                yield self._lines.pop()
            if self._ended:
                return
            self._read()

    def _read(self) -> None:
        """Take in what the stream has, one block at most."""
        block: bytes = self._file.read1(_BLOCK)  # type: ignore[attr-defined]
        first, *others = block.split(b"\n")
        self._rest.append(first)
        if not block:
            self._ended = True
            others = [b""]
        if others:
            self._lines = [*others[-2::-1], b"".join(self._rest)]
            self._rest = [others[-1]]
        if sum(map(len, self._rest)) > LONGEST:
            raise ValueError(
                f"{self._name}, line {self.number + len(self._lines) + 1} is longer than "
                f"{LONGEST >> 20} MiB; split its text"
            )


def record_groups(source: str, *, fields: tuple[str, ...] = ("text",)) -> Iterator[list[Line]]:
    """Lines of JSON in groups small enough for memory, each as soon as it can be had.

    The text is the first of `fields` that a line has. A bad line is a `BadLine` among the
    others. ValueError for what cannot be read past: UTF-16, or a line longer than `LONGEST`,
    after everything before it was yielded.
    """
    with open_input(source) as file:
        lines = LineReader(file, name=name_of(source))
        group: list[Line] = []
        try:
            for line in _lines(lines, fields=fields, name=name_of(source)):
                group.append(line)
                if not lines.ready or _is_full(group):
                    yield group
                    group = []
        except ValueError:
            if group:
                yield group
            raise
        if group:
            yield group


def _lines(lines: LineReader, *, fields: tuple[str, ...], name: str) -> Iterator[Line]:
    """Every line that is not blank, counted from 1."""
    count = 0
    for line in lines:
        where = f"{name}, line {lines.number}"
        if lines.number == 1:
            refuse_utf16(line, where=name)
            line = line.removeprefix(codecs.BOM_UTF8)
        if not line.strip():
            continue
        count += 1
        own: Any = count
        try:
            values = json_object(line, where=where)
            own = values.get("id", count)
            yield Record(own, _text(values, fields=fields, where=where))
        except ValueError as error:
            yield BadLine(own, lines.number, str(error))


def _text(values: dict[str, Any], *, fields: tuple[str, ...], where: str) -> str:
    field = next((f for f in fields if f in values), None)
    if field is None:
        wanted = " or ".join(f'"{f}"' for f in fields)
        raise ValueError(f"{where} has no {wanted}; give one JSON object a line that has it")
    return check_text(values[field], where=f'"{field}" of {where}')


def _is_full(group: list[Line]) -> bool:
    characters = sum(len(line.text) for line in group if isinstance(line, Record))
    return len(group) >= _GROUP_RECORDS or characters >= _GROUP_CHARACTERS
