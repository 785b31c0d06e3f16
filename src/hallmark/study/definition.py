"""The study file: conditions, scales, checks and words that raters see, as one TOML file.

Knows nothing about texts, raters or answers. Every default is written here.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from hallmark.data import decode_utf8

RATING, DETECTION, BOUNDARY = "rating", "detection", "boundary"
HUMAN, MACHINE = "human", "machine"
T = TypeVar("T")


@dataclass(frozen=True)
class Condition:
    """Where the texts of one condition come from: JSON lines with `text`, beside the study file."""

    name: str
    texts: str
    human: bool = False


@dataclass(frozen=True)
class Scale:
    """Questions asked about each text.

    `rating` asks each of `items` from `low` to `high`, and the mean is the index; without items
    the question itself is answered so. `detection` asks whether a human or a machine wrote it;
    `boundary` where a machine took over.
    """

    name: str
    question: str
    kind: str = RATING
    items: tuple[str, ...] = ()
    low: int = 1
    high: int = 10
    low_label: str = "Not at all"
    high_label: str = "Completely"

    def __post_init__(self) -> None:
        _one_of(self.kind, (RATING, DETECTION, BOUNDARY), f"the kind of scale {self.name!r}")
        if self.kind == RATING and not 0 <= self.low < self.high <= 100:
            raise ValueError(f"scale {self.name!r} needs 0 <= low < high <= 100")
        if "." in self.name:
            raise ValueError(f"the name of scale {self.name!r} must have no dot in it")
        if self.kind != RATING and self.items:
            raise ValueError(f"scale {self.name!r} of kind {self.kind} takes no items")
        _check_names(self.items, f"items of scale {self.name!r}")

    @property
    def questions(self) -> tuple[str, ...]:
        """What is stored for a text: an answer for each of these."""
        return tuple(f"{self.name}.{item}" for item in self.items) or (self.name,)


@dataclass(frozen=True)
class Check:
    """A question of the comprehension check."""

    question: str
    choices: tuple[str, ...]
    answer: str

    def __post_init__(self) -> None:
        _one_of(self.answer, self.choices, f"the answer of {self.question!r}")


@dataclass(frozen=True)
class Design:
    """How many texts and raters, and how texts are cut so that lengths say nothing."""

    texts_per_condition: int = 20
    ratings_per_text: int = 6
    texts_per_rater: int = 12
    attention_checks: int = 1
    min_words: int = 40
    max_words: int = 120
    attempts: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            least = 0 if field.name in ("attention_checks", "seed") else 1
            value = getattr(self, field.name)
            if not isinstance(value, int) or not least <= value <= 10**9:
                raise ValueError(f"{field.name} must be a whole number from {least}, not {value!r}")
        if self.min_words > self.max_words:
            raise ValueError(f"min_words {self.min_words} is above max_words {self.max_words}")


@dataclass(frozen=True)
class Contrast:
    """A difference that was registered before the data: mean of `higher` less mean of `lower`."""

    higher: str
    lower: str
    equivalence: float = 0.0  # with a margin, it is also tested whether the step is smaller

    def __post_init__(self) -> None:
        if self.higher == self.lower:
            raise ValueError(f"a contrast of {self.higher!r} with itself says nothing; name two")


@dataclass(frozen=True)
class Expectation:
    """What the power analysis assumes; standard deviations on the scale of the index."""

    means: Mapping[str, float]
    sd_rater: float = 1.0
    sd_item: float = 0.5
    sd_residual: float = 1.658  # with the two above, 2 in all

    def __post_init__(self) -> None:
        if min(self.sd_rater, self.sd_item, self.sd_residual) < 0 or not self.sd_residual:
            raise ValueError("standard deviations must be positive")


@dataclass(frozen=True)
class Words:
    """What raters read around the texts; here so that it is part of what is registered."""

    consent: str
    instructions: str
    debrief: str
    contact: str = ""
    demographics: tuple[str, ...] = ()  # optional questions, each answered in free words


@dataclass(frozen=True)
class Study:
    """A whole study file."""

    title: str
    conditions: tuple[Condition, ...]
    scales: tuple[Scale, ...]
    words: Words
    design: Design = Design()
    checks: tuple[Check, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    expected: Expectation | None = None

    def __post_init__(self) -> None:
        names = [c.name for c in self.conditions]
        _check_names(names, "conditions")
        _check_names([s.name for s in self.scales], "scales")
        for contrast in self.contrasts:
            for name in (contrast.higher, contrast.lower):
                _one_of(name, names, "a condition in a contrast")
        for name in self.expected.means if self.expected else ():
            _one_of(name, names, "a condition in expected.means")
        if not names or not self.scales:
            raise ValueError("a study needs at least one condition and one scale")

    @property
    def index(self) -> Scale | None:
        """The first rating scale: what the headline figure is about."""
        return next((s for s in self.scales if s.kind == RATING), None)

    @property
    def hash(self) -> str:
        """Of everything in the file."""
        text = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def load_study(path: Path) -> Study:
    """Read a study file; ValueError names the entry that is wrong."""
    try:
        values = tomllib.loads(decode_utf8(path.read_bytes(), where=str(path)))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not TOML: {error}") from None
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply to be a study file") from None
    try:
        return parse_study(values)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse_study(values: Mapping[str, Any]) -> Study:
    """A study from the tables of its file."""
    left = dict(values)
    expected = left.pop("expected", None)
    parsed = {
        "conditions": _many(left.pop("condition", []), Condition, "condition"),
        "scales": _many(left.pop("scale", []), Scale, "scale"),
        "checks": _many(left.pop("check", []), Check, "check"),
        "contrasts": _many(left.pop("contrast", []), Contrast, "contrast"),
        "words": _make(left.pop("words", {}), Words, "words"),
        "design": _make(left.pop("design", {}), Design, "design"),
        "expected": _make(expected, Expectation, "expected") if expected else None,
    }
    for name in left.keys() & parsed.keys():
        raise ValueError(f"{name} is no entry of the study; write [[{name.removesuffix('s')}]]")
    return _make({**left, **parsed}, Study, "the study")


def _many(rows: Any, kind: type[T], name: str) -> tuple[T, ...]:
    if not isinstance(rows, list):
        raise ValueError(f"write [[{name}]], with two brackets, for each {name}")
    return tuple(_make(row, kind, name) for row in rows)


def _make(row: Any, kind: type[T], name: str) -> T:
    """An instance from a table; every entry must be known and have the type of its field."""
    if not isinstance(row, Mapping):
        raise ValueError(f"{name} must be a table")
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key in row:
        _one_of(key, list(known), f"an entry of {name}")
    needed = [k for k, f in known.items() if f.default is MISSING and k not in row]
    if needed:
        raise ValueError(f"{name} lacks {', '.join(needed)}")
    return kind(**{key: _convert(value, str(known[key].type), key) for key, value in row.items()})


def _convert(value: Any, annotation: str, key: str) -> Any:
    kinds = {"str": str, "bool": bool, "int": int, "float": (int, float)}
    if annotation == "tuple[str, ...]":
        if not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
            raise ValueError(f"{key} must be a list of strings")
        return tuple(value)
    if annotation == "Mapping[str, float]":
        if not (isinstance(value, Mapping) and all(_is_number(v) for v in value.values())):
            raise ValueError(f"{key} must be a table of numbers, such as {{a = 6.1, b = 6.7}}")
        return value
    wanted = kinds.get(annotation)
    if wanted and (not isinstance(value, wanted) or isinstance(value, bool) != (wanted is bool)):  # type: ignore[arg-type]
        raise ValueError(f"{key} must be of type {annotation}, not {value!r}")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_names(names: Any, what: str) -> None:
    for name in names:
        if not name or len(name) > 60 or any(c in name for c in ',"\n\0'):
            raise ValueError(f"{name!r} among the {what} must be short, without commas or quotes")
    if len(set(names)) < len(names):
        raise ValueError(f"two of the {what} have one name")


def _one_of(value: object, choices: Any, what: str) -> None:
    if value not in choices:
        raise ValueError(f"{what} must be one of {', '.join(map(str, choices))}, not {value!r}")
