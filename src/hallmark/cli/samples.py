"""Labelled texts for commands that measure a detector on them: JSON lines in, scores out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hallmark.cli.inputs import name_of, open_input
from hallmark.data import check_text, read_jsonl
from hallmark.outputs.names import practice_mark

if TYPE_CHECKING:
    from hallmark.cli.output import Advance
    from hallmark.detect.certificate import Scored
    from hallmark.detect.detector import Detector

_BATCH = 8


@dataclass(frozen=True)
class Fields:
    """Which fields of a line say its author, domain and group; None where none does."""

    author: str | None = None
    domain: str | None = None
    group: str | None = None


def practised(files: Sequence[str]) -> dict[str, bool]:
    """`practice_mark` of human files, wherever they lie."""
    return practice_mark(Path(file).name for file in files)


def score_files(
    files: Sequence[str], detector: Detector, fields: Fields, advance: Advance
) -> list[Scored]:
    """Every text of the files with its score; texts that cannot be scored are left out."""
    from hallmark.detect.certificate import Scored
    from hallmark.detect.certified import examine
    from hallmark.detect.cleaning import clean

    out: list[Scored] = []
    for source in files:
        lines = read_texts(source, fields)
        while batch := list(islice(lines, _BATCH)):
            examined = examine(detector, [clean(text).text for text, _ in batch])
            for (text, known), one in zip(batch, examined, strict=True):
                if math.isfinite(one.score):
                    key = hashlib.sha256(text.encode()).hexdigest()
                    author = known.pop("author", key)
                    out.append(Scored(one.score, one.tokens_used, key, author, **known))
            advance(len(batch))
    return out


def read_texts(source: str, fields: Fields) -> Iterator[tuple[str, dict[str, str]]]:
    """The texts of a file of JSON lines, each with the fields that were asked for."""
    with open_input(source) as file:
        for number, values in enumerate(read_jsonl(file, name=name_of(source)), start=1):
            where = f"{name_of(source)}, text {number}"
            if "text" not in values:
                raise ValueError(f'{where} has no "text"; give one JSON object a line that has it')
            yield check_text(values["text"], where=where), _known(values, fields, where)


def _known(values: Mapping[str, Any], fields: Fields, where: str) -> dict[str, str]:
    known = {}
    for name, field in vars(fields).items():
        if field is not None:
            value = values.get(field)
            if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
                raise ValueError(f"{where} has no {field!r}, or it is no name; give a string")
            known[name] = str(value)
    return known
