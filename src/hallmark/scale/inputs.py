"""Input shards: files of records, in a fixed order, read some records at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from hallmark.data import check_text
from hallmark.evidence.posts import read_rows

KINDS = (".jsonl", ".jsonl.gz", ".parquet", ".csv")
ROWS = 256  # records that a stage gets at once


@dataclass(frozen=True)
class Shard:
    """One input file; `number` is its place among all."""

    number: int
    path: Path

    @property
    def output(self) -> str:
        """The name of the file that is made of it."""
        return f"part-{self.number:05d}.parquet"


@dataclass(frozen=True)
class Record:
    """A record of a shard: its `number` from 1, `where` for messages, and its fields."""

    number: int
    where: str
    fields: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its own id, or its number."""
        own = self.fields.get("id")
        return str(self.number if own is None else own)

    def text(self, field: str) -> str:
        """The text in a field; ValueError where it has none."""
        if field not in self.fields:
            found = ", ".join(map(repr, list(self.fields)[:6]))
            raise ValueError(f'{self.where} has no "{field}", but {found}; use --field')
        return check_text(self.fields[field], where=f'"{field}" of {self.where}')


def list_shards(sources: Sequence[Path]) -> list[Shard]:
    """The files, and those in the folders by name; ValueError where there are none, or one twice.

    A folder's hidden files and those of other kinds are passed over.
    """
    found: list[Path] = []
    for source in sources:
        if source.is_dir():
            inside = [p for p in source.iterdir() if p.is_file() and is_shard(p)]
            if not inside:
                raise ValueError(f"{source} holds no file of {', '.join(KINDS)}; give another")
            found += sorted(inside)
        elif not source.exists():
            raise FileNotFoundError(f"{source} is not there; give files or folders of records")
        elif not is_shard(source):
            raise ValueError(f"{source} is none of {', '.join(KINDS)}; convert it")
        else:
            found.append(source)
    paths = [path.resolve() for path in found]
    twice = next((path for i, path in enumerate(paths) if path in paths[:i]), None)
    if twice:
        raise ValueError(f"{twice} is given twice; give each file once")
    return [Shard(i, path) for i, path in enumerate(paths)]


def is_shard(path: Path) -> bool:
    """Whether a file's name says that it holds records."""
    return path.name.lower().endswith(KINDS) and not path.name.startswith(".")


def read_groups(path: Path) -> Iterator[list[Record]]:
    """The records of a shard, ROWS at a time; ValueError names the file and the record."""
    rows = enumerate(read_rows(path), start=1)
    records = (Record(n, f"record {n} of {path}", row) for n, row in rows)
    while group := list(islice(records, ROWS)):
        yield group
