"""Corpus files as JSON objects: JSON lines, plain or gzip, and Parquet.

One record at a time, so that memory stays bounded. Knows what a document's line looks like, and
nothing of models.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hallmark.data import Document, Label, read_jsonl_file, read_parquet_file

RELEASED = ("id", "ended", "length", "text")  # the release's fields, in its order
OURS = ("prompt", "top_p", "seed")
_KINDS = {"id": int, "ended": bool, "length": int, "text": str}


def line_of(record: Mapping[str, Any]) -> bytes:
    """A record as the release writes it: ASCII with escapes, so that any reader splits lines."""
    return json.dumps(record, allow_nan=False).encode("ascii") + b"\n"


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a corpus file; ValueError names file, line and what is wrong with it."""
    rows = _parquet(path) if path.name.endswith(".parquet") else read_jsonl_file(path)
    for number, record in enumerate(rows, start=1):
        check_record(record, where=f"{path}, record {number}")
        yield record


def check_record(record: Mapping[str, Any], *, where: str) -> None:
    """ValueError where a field of the release is missing or of another kind."""
    for name, kind in _KINDS.items():
        value = record.get(name)
        if type(value) is not kind:
            raise ValueError(
                f'"{name}" of {where} must be {kind.__name__}, not {value!r:.40}; give a file in '
                "the format of gpt-2-output-dataset"
            )
    if record["length"] < 0:
        raise ValueError(f'"length" of {where} is negative; give a whole file')
    try:
        record["text"].encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f'"text" of {where} has half a surrogate pair at character {error.start}; give '
            "valid Unicode"
        ) from None


def document_of(record: Mapping[str, Any], *, source: str, label: Label) -> Document:
    """A record as a document; what is not the release's field goes to `metadata`."""
    known = (*RELEASED, "prompt")
    return Document(
        str(record["id"]), record["text"], label, source, record.get("prompt") or "",
        record["length"], record["ended"],
        {name: value for name, value in record.items() if name not in known},
    )  # fmt: skip


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    for row in read_parquet_file(path):
        yield {name: value for name, value in row.items() if value is not None}
