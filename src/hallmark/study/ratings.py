"""Ratings as the analysis reads them: one answer a line, from a study here or collected elsewhere.

Columns: rater, text, condition, question, value; optional position, seconds, words, label, truth,
simulated. Knows nothing of stores or pages.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hallmark.data import decode_utf8

NEEDED = ("rater", "text", "condition", "value")
RATING_QUESTION = "rating"
_YES = ("1", "true", "yes")


@dataclass(frozen=True)
class Answer:
    """One value that one rater gave to one text.

    `question` is SCALE or SCALE.ITEM. `truth` is what a detection or boundary question asks for.
    """

    rater: str
    text: str
    condition: str
    question: str
    value: float
    position: int = 0
    seconds: float = 0.0
    words: int = 0
    label: str = ""
    truth: float | None = None
    simulated: bool = False


@dataclass(frozen=True)
class Rater:
    """One person or bot: `status` is completed, screened out, dropped out or active."""

    rater: str
    status: str = "completed"
    attention_failed: int = 0
    simulated: bool = False


@dataclass(frozen=True)
class Values:
    """Answers to one question as arrays of one length, with names as codes from 0."""

    rater: NDArray[np.intp]
    item: NDArray[np.intp]
    condition: NDArray[np.intp]
    value: NDArray[np.float64]
    conditions: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.value)


def values_of(
    rows: Iterable[tuple[str, str, str, float]], *, conditions: Sequence[str] = ()
) -> Values:
    """Values of (rater, text, condition, value) rows; `conditions` come first, in their order."""
    rater, text, condition, value = (list(column) for column in zip(*rows, strict=True))
    found = sorted(set(condition))
    names = tuple([c for c in conditions if c in found] + [c for c in found if c not in conditions])
    codes = {name: i for i, name in enumerate(names)}
    return Values(
        np.unique(rater, return_inverse=True)[1],
        np.unique(text, return_inverse=True)[1],
        np.array([codes[c] for c in condition], dtype=np.intp),
        np.asarray(value, dtype=np.float64),
        names,
    )


def index_of(
    answers: Sequence[Answer], questions: Sequence[str]
) -> list[tuple[str, str, str, float]]:
    """(rater, text, condition, mean over `questions`) of each text that has all of them."""
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for a in answers:
        if a.question in questions:
            found.setdefault((a.rater, a.text, a.condition), {})[a.question] = a.value
    return [
        (*key, sum(values.values()) / len(values))
        for key, values in found.items()
        if len(values) == len(questions)
    ]


def read_answers(data: bytes, *, name: str, rename: Mapping[str, str] = {}) -> list[Answer]:
    """Answers from CSV; `rename` maps our column names to those of the file.

    ValueError names the line where a column lacks or a value is no number.
    """
    columns, rows = read_table(data, name=name)
    lacking = [n for n in NEEDED if rename.get(n, n) not in columns]
    if lacking:
        raise ValueError(
            f"{name} lacks the column {', '.join(lacking)} (it has {', '.join(columns)[:200]}); "
            "say which it is with --column OURS=THEIRS"
        )
    return [_answer(row, rename, where) for where, row in rows]


def read_raters(data: bytes, *, name: str) -> list[Rater]:
    """Raters from CSV with rater, and optionally status, attention_failed and simulated."""
    columns, rows = read_table(data, name=name)
    if "rater" not in columns:
        raise ValueError(f"{name} lacks the column rater; give one rater a line")
    found: dict[str, Rater] = {}
    for where, row in rows:
        rater = (row["rater"] or "").strip()
        if not rater or rater in found:
            raise ValueError(f"{where} has no rater, or one that came before")
        failed = _number(row.get("attention_failed") or "0", f"attention_failed of {where}")
        found[rater] = Rater(
            rater, (row.get("status") or "completed").strip(), int(failed),
            (row.get("simulated") or "").strip().lower() in _YES,
        )  # fmt: skip
    return list(found.values())


def read_table(
    data: bytes, *, name: str
) -> tuple[Sequence[str], list[tuple[str, dict[str, str | None]]]]:
    """The columns of CSV, and where each line is with what it holds; ValueError names `name`."""
    text = decode_utf8(data, where=name).removeprefix("\ufeff")
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        rows = [(f"{name}, line {reader.line_num}", row) for row in reader]
    except csv.Error as error:
        raise ValueError(f"{name} is not CSV that can be read ({error}); correct it") from None
    return reader.fieldnames or [], rows


def _answer(row: Mapping[str, str | None], rename: Mapping[str, str], where: str) -> Answer:
    def get(field: str) -> str:
        return (row.get(rename.get(field, field)) or "").strip()

    missing = [n for n in NEEDED if not get(n)]
    if missing:
        raise ValueError(f"{where} has no {missing[0]}; fill it or take the line out")
    return Answer(
        rater=get("rater"), text=get("text"), condition=get("condition"),
        question=get("question") or RATING_QUESTION,
        value=_number(get("value"), f"value of {where}"),
        position=int(_number(get("position") or "0", f"position of {where}")),
        seconds=_number(get("seconds") or "0", f"seconds of {where}"),
        words=int(_number(get("words") or "0", f"words of {where}")),
        label=get("label"),
        truth=_number(get("truth"), f"truth of {where}") if get("truth") else None,
        simulated=get("simulated").lower() in _YES,
    )  # fmt: skip


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{where} is {text!r}, which is no number") from None
    if not np.isfinite(value):
        raise ValueError(f"{where} is {text!r}, which is no finite number")
    return value


def to_csv(rows: Sequence[Any], kind: type) -> bytes:
    """A tidy table of dataclasses: a header, then a line each.

    A cell that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = [f.name for f in fields(kind)]
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(getattr(row, name)) for name in names])
    return file.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
