"""What a page asks about a text, whether an answer to it is one, and what attention checks want.

Pure: knows the study file, neither stores nor pages nor conditions.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from hallmark.study.definition import BOUNDARY, DETECTION, RATING, Scale, Study
from hallmark.study.plan import ATTENTION

AUTHORS = ("A human", "A machine")  # the values 0 and 1 of a detection
_NUMBERS = ("first", "second", "third")
WHOLE = "A human wrote all of it"  # the value 0 of a boundary


@dataclass(frozen=True)
class Question:
    """One answer that is asked for: `name` is SCALE or SCALE.ITEM; each choice has its value."""

    name: str
    label: str
    choices: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Group:
    """The questions of one scale, shown together."""

    scale: Scale
    questions: tuple[Question, ...]


class Incomplete(ValueError):
    """Questions were left open or have an answer that is not among the choices."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"{', '.join(names)} not answered")
        self.names = names


def groups_of(study: Study, sentences: int) -> list[Group]:
    """What is asked about a text of so many sentences."""
    return [Group(scale, tuple(_questions(scale, sentences))) for scale in study.scales]


def _questions(scale: Scale, sentences: int) -> list[Question]:
    if scale.kind == DETECTION:
        return [Question(scale.name, scale.question, tuple(enumerate(AUTHORS)))]
    if scale.kind == BOUNDARY:
        places = [(i, f"From sentence {i} on") for i in range(1, sentences + 1)]
        return [Question(scale.name, scale.question, ((0, WHOLE), *places))]
    points = tuple((v, str(v)) for v in range(scale.low, scale.high + 1))
    if not scale.items:
        return [Question(scale.name, scale.question, points)]
    named = zip(scale.questions, scale.items, strict=True)
    return [Question(question, item, points) for question, item in named]


def read_values(groups: list[Group], given: Mapping[str, str]) -> dict[str, int]:
    """The value of each question; `Incomplete` names those without one of their choices."""
    values: dict[str, int] = {}
    wrong = []
    for question in (q for group in groups for q in group.questions):
        allowed = {str(value): value for value, _ in question.choices}
        if given.get(question.name) in allowed:
            values[question.name] = allowed[given[question.name]]
        else:
            wrong.append(question.name)
    if wrong:
        raise Incomplete(wrong)
    return values


def is_attention(text: str) -> bool:
    """Whether an entry of a place is an attention check rather than a text."""
    return text.startswith(f"{ATTENTION}-")


def attention_values(study: Study, name: str) -> dict[str, int]:
    """The answer that the attention check of this name (`attention-1` ...) asks for."""
    draw = random.Random(f"{study.design.seed}/{name}")
    values: dict[str, int] = {}
    for scale in study.scales:
        highest = {RATING: scale.high, DETECTION: 1, BOUNDARY: 2}[scale.kind]
        value = draw.randint(scale.low if scale.kind == RATING else 0, highest)
        values |= dict.fromkeys(scale.questions, value)
    return values


def attention_text(study: Study, name: str) -> str:
    """What is to be read instead of a text: how to answer on this page."""
    wanted = attention_values(study, name)
    parts = []
    for scale in study.scales:
        value = wanted[scale.questions[0]]
        if scale.kind == DETECTION:
            parts.append(f"“{AUTHORS[value]}” as the author")
        elif scale.kind == BOUNDARY:
            parts.append(f"sentence {value} as the place" if value else f"“{WHOLE}”")
        elif scale.items:
            parts.append(f"{value} for every word under “{scale.question}”")
        else:
            parts.append(f"{value} for “{scale.question}”")
    said = ", and ".join(parts)
    return (
        "This page is not like the others: it checks that the texts are read. Whatever you think "
        f"of this paragraph, please choose {said}. Thank you for reading with care."
    )
