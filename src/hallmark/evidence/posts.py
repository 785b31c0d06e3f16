"""Posts: who wrote what and when, out of JSON lines, CSV or Parquet. Knows no detector.

A post needs `account`, `time` and `text`; `id`, `created` (of the account) and `name` may be there.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hallmark.data import bounded_lines, check_text, decode_utf8, read_jsonl_file, read_parquet_file

LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"')\]]+", re.IGNORECASE)
_MENTION = re.compile(r"@\w+")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_FAR = 1e11  # seconds: past the year 5000, so that milliseconds are refused
_TRACKING = re.compile(r"[?#].*$")


@dataclass(frozen=True)
class Post:
    """One post. Times are in seconds since 1970 in UTC; `created` is NaN where unknown."""

    id: str
    account: str
    time: float
    text: str
    created: float = math.nan
    name: str = ""

    @property
    def links(self) -> tuple[str, ...]:
        """The links in the text, without scheme, tracking and final slash."""
        return tuple(link_key(found) for found in LINK.findall(self.text))


def link_key(link: str) -> str:
    """What two spellings of one link have in common."""
    plain = re.sub(r"^(?:https?://)?(?:www\.)?", "", link, flags=re.IGNORECASE)
    host, slash, path = _TRACKING.sub("", plain).rstrip(".,;:!/").partition("/")
    return host.lower() + slash + path


def template(text: str) -> str:
    """The text with links, mentions and numbers masked, so that a filled-in form shows."""
    return _NUMBER.sub("0", _MENTION.sub("@", LINK.sub("http:", text)))


def read_posts(path: Path) -> Iterator[Post]:
    """The posts of a .jsonl, .jsonl.gz, .csv or .parquet file, one at a time.

    ValueError names the file, the record and what is wrong with it.
    """
    for number, row in enumerate(read_rows(path), start=1):
        yield post_of(row, where=f"record {number} of {path}", number=number)


def post_of(row: Mapping[str, Any], *, where: str, number: int) -> Post:
    """A record as a post; ValueError where a field is missing or makes no sense."""
    for field in ("account", "time", "text"):
        if row.get(field) in (None, ""):
            raise ValueError(f'{where} has no "{field}"; a post needs account, time and text')
    created = row.get("created")
    return Post(
        id=str(row.get("id") or number),
        account=check_text(str(row["account"]), where=f'"account" of {where}'),
        time=seconds(row["time"], where=f'"time" of {where}'),
        text=check_text(row["text"], where=f'"text" of {where}'),
        created=math.nan
        if created in (None, "")
        else seconds(created, where=f'"created" of {where}'),
        name=str(row.get("name") or ""),
    )


def seconds(value: Any, *, where: str) -> float:
    """Seconds since 1970 of a number or an ISO 8601 time; one without a zone is taken as UTC."""
    if isinstance(value, datetime):
        found = value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return _finite(value, where)
    else:
        with suppress(ValueError):
            return _finite(float(str(value)), where)
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            raise ValueError(
                f"{where} is {str(value)[:40]!r}, no time; give seconds or ISO 8601, such as "
                "2026-01-31T12:00:00Z"
            ) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _finite(value: float, where: str) -> float:
    if not abs(value) < _FAR:
        raise ValueError(f"{where} is {str(value)[:20]}, no time; give seconds or ISO 8601")
    return float(value)


def read_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The records of a .jsonl, .jsonl.gz, .csv or .parquet file; ValueError where it is none."""
    name = path.name.lower()
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; give a file of posts")
    if name.endswith((".jsonl", ".jsonl.gz")):
        yield from read_jsonl_file(path)
    elif name.endswith(".csv"):
        yield from _csv(path)
    elif name.endswith(".parquet"):
        yield from read_parquet_file(path)
    else:
        raise ValueError(f"{path} is none of .jsonl, .jsonl.gz, .csv, .parquet; convert it")


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as file:
        lines = (
            decode_utf8(line, where=f"{path}, line {number}").removeprefix("\ufeff")
            for number, line in enumerate(bounded_lines(file, name=str(path)), start=1)
        )
        try:
            yield from csv.DictReader(lines, strict=True)
        except csv.Error as error:
            raise ValueError(f"{path} is not CSV that can be read ({error}); correct it") from None
