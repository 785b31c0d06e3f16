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
PRACTISED = "practice"  # the field of a line, and of what is read from it


@dataclass(frozen=True)
class Fields:
    """Which fields of a line say its author, domain and group; None where none does."""

    author: str | None = None
    domain: str | None = None
    group: str | None = None


def score_files(
    files: Sequence[str], detector: Detector, fields: Fields, advance: Advance
) -> tuple[list[Scored], bool]:
    """Every text of the files with its score, those that cannot be scored left out; and whether any
    is one to practise with.
    """
    from hallmark.detect.certificate import Scored
    from hallmark.detect.certified import examine
    from hallmark.detect.cleaning import clean

    out: list[Scored] = []
    practice = False
    for source in files:
        lines = read_texts(source, fields)
        while batch := list(islice(lines, _BATCH)):
            examined = examine(detector, [clean(text).text for text, _ in batch])
            for (text, known), one in zip(batch, examined, strict=True):
                practice |= known.pop(PRACTISED, None) is not None
                if math.isfinite(one.score):
                    key = hashlib.sha256(text.encode()).hexdigest()
                    author = known.pop("author", key)
                    out.append(Scored(one.score, one.tokens_used, key, author, **known))
            advance(len(batch))
    return out, practice


def read_texts(source: str, fields: Fields) -> Iterator[tuple[str, dict[str, str]]]:
    """The texts of a file of JSON lines, each with the fields that were asked for.

    One to practise with, as its file's name or its own line says, has the field `PRACTISED` too.
    """
    mark = dict.fromkeys(practice_mark([Path(source).name]), "")
    with open_input(source) as file:
        for number, values in enumerate(read_jsonl(file, name=name_of(source)), start=1):
            where = f"{name_of(source)}, text {number}"
            if "text" not in values:
                raise ValueError(f'{where} has no "text"; give one JSON object a line that has it')
            own = {PRACTISED: ""} if values.get(PRACTISED) is True else mark
            yield check_text(values["text"], where=where), _known(values, fields, where) | own


def _known(values: Mapping[str, Any], fields: Fields, where: str) -> dict[str, str]:
    known = {}
    for name, field in vars(fields).items():
        if field is not None:
            value = values.get(field)
            if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
                raise ValueError(f"{where} has no {field!r}, or it is no name; give a string")
            known[name] = str(value)
    return known
