"""Paths into JSON: `cells[row=pure,column=k40].auroc` names one value or none.

Knows nothing about gates or what the values mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GRAMMAR = (
    "names joined by dots; [name=value,...] after a name picks the one item of a list; what has "
    'any of . , = [ ] " in it stands in double quotes (a value may have dots without)'
)
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[.,=\[\]]|[^.,=\[\]"\s](?:[^.,=\[\]"]*[^.,=\[\]"\s])?)')
_VALUE = re.compile(r'\s*([^,=\[\]"]*[^,=\[\]"\s])')


@dataclass(frozen=True)
class Step:
    """One name of a path, and the conditions on the item of the list that it names."""

    name: str
    conditions: tuple[tuple[tuple[str, ...], str], ...] = ()


def parse_path(text: str, names: Mapping[str, str] | None = None) -> tuple[Step, ...]:
    """The steps of a path; ValueError shows the grammar.

    `names` replaces `{name}` inside names and values, whatever characters it puts there.
    """
    try:
        parser = _Parser(text, names or {})
        return parser.path()
    except _Unexpected as error:
        raise ValueError(f"{text!r:.200} is no path ({error}): {GRAMMAR}") from None


def find(value: Any, steps: Sequence[Step]) -> list[Any]:
    """Every value on the way from `value` to what the steps name, that one last.

    ValueError says which step led nowhere, and what there is instead.
    """
    way = [value]
    for step in steps:
        here = way[-1]
        if not isinstance(here, dict) or step.name not in here:
            found = ", ".join(map(str, here)) if isinstance(here, dict) else _kind(here)
            raise ValueError(f"there is no {step.name!r:.80}; there is {found or 'nothing':.200}")
        way.append(here[step.name])
        if step.conditions:
            way.append(_pick(way[-1], step))
    return way


def _pick(items: Any, step: Step) -> Any:
    """The one item of a list that meets the conditions."""
    wanted = ",".join(f"{'.'.join(name)}={value}" for name, value in step.conditions)
    if not isinstance(items, list):
        raise ValueError(f"{step.name!r:.80} is {_kind(items)}, no list to pick [{wanted}] from")
    met = [item for item in items if all(_meets(item, *c) for c in step.conditions)]
    if len(met) != 1:
        raise ValueError(f"{len(met)} of {len(items)} {step.name:.80} are [{wanted}], not one")
    return met[0]


def _meets(item: Any, name: tuple[str, ...], wanted: str) -> bool:
    """Whether a string is `wanted`, or a number, truth value or null is spelt so in JSON."""
    for key in name:
        if not isinstance(item, dict) or key not in item:
            return False
        item = item[key]
    if isinstance(item, str):
        return item == wanted
    try:
        other = json.loads(wanted)
    except ValueError:
        return False
    return isinstance(item, bool) == isinstance(other, bool) and bool(item == other)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}
    return "null" if value is None else kinds.get(type(value), "a number")


class _Unexpected(Exception):
    """What a path has where something else must stand."""


class _Parser:
    """Reads a path from left to right."""

    def __init__(self, text: str, names: Mapping[str, str]) -> None:
        self.text, self.names, self.at = text, names, 0

    def path(self) -> tuple[Step, ...]:
        """The whole text."""
        steps = [self._step()]
        while self._next() is not None:
            self._expect(".")
            steps.append(self._step())
        return tuple(steps)

    def _step(self) -> Step:
        name, conditions = self._word(), []
        if self._next() == "[":
            self._expect("[")
            conditions.append(self._condition())
            while self._next() == ",":
                self._expect(",")
                conditions.append(self._condition())
            self._expect("]")
        return Step(name, tuple(conditions))

    def _condition(self) -> tuple[tuple[str, ...], str]:
        name = [self._word()]
        while self._next() == ".":
            self._expect(".")
            name.append(self._word())
        self._expect("=")
        return tuple(name), self._value()

    def _value(self) -> str:
        """A word; a dot is no end of one here: 0.01 and ladder-0.5M need no quotes."""
        plain = _VALUE.match(self.text, self.at)
        if plain is None:
            return self._word()
        self.at = plain.end()
        return self._named(plain[1])

    def _next(self) -> str | None:
        """The token that is next, without taking it; None at the end."""
        if not self.text[self.at :].strip():
            return None
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            raise _Unexpected(f"a quote is not closed at character {self.at + 1}")
        return match[1]

    def _expect(self, wanted: str) -> None:
        if self._next() != wanted:
            raise _Unexpected(f"{wanted!r} must stand at character {self.at + 1}")
        self._take()

    def _take(self) -> None:
        match = _TOKEN.match(self.text, self.at)
        self.at = match.end() if match else len(self.text)

    def _word(self) -> str:
        token = self._next()
        if token is None or token in ".,=[]":
            raise _Unexpected(f"a name must stand at character {self.at + 1}")
        self._take()
        return self._named(str(json.loads(token)) if token.startswith('"') else token)

    def _named(self, word: str) -> str:
        for name, value in self.names.items():
            word = word.replace(f"{{{name}}}", value)
        return word
