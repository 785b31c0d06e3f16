"""Cases to try things on: a store of each kind, people, and accounts with evidence."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from hallmark.data import Label
from hallmark.evidence.caseload import Draft, pseudonym_of
from hallmark.evidence.cases import Answer, Evidence, Role, Text
from hallmark.evidence.fusion import PARTS, Signal
from hallmark.evidence.ratio import Ratio
from hallmark.evidence.roles import Person
from hallmark.evidence.store import CaseStore, open_cases
from hallmark.evidence.store_desk import Desk

WORDS = "It repeats itself and names places that are not there."
DRAFT_KEY = b"0025" * 8  # with it a comes before b, and a0 to a3 in their order


@dataclass
class Clock:
    """A clock that tests move."""

    time: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


def draft(name: str, posterior: float, *, gold: Label | None = None, texts: int = 2) -> Draft:
    """An account with a content signal that says so."""
    odds = math.log(posterior / (1 - posterior)) + math.log(99)
    signal = Signal("content", "content", 0.4, Ratio(odds, odds - 1, odds + 1, 80), True)
    other = Signal("copied", "coordination", 0.5, Ratio(0.7, 0.2, 1.2, 31), True)
    parts = {**dict.fromkeys(PARTS, 0.0), "content": odds}
    evidence = Evidence(
        0.01, posterior, parts, (signal, other), False, texts, {7: {"K7Q2-FMXN": 2}}
    )
    own = tuple(Text(f"{name}-{i}", 1e9 + i, f"text {i} of it", 7) for i in range(texts))
    return Draft(name, pseudonym_of(name, key=DRAFT_KEY), evidence, own, gold)


def whats(store: CaseStore) -> list[str]:
    """What was done, by the log."""
    return [json.loads(entry.event)["what"] for entry in store.entries()]


@pytest.fixture
def make_draft() -> Callable[..., Draft]:
    return draft


@pytest.fixture
def store(database_address: str, clock: Clock) -> Iterator[CaseStore]:
    """An empty store, once of each kind."""
    found = open_cases(database_address, now=clock)
    yield found
    found.close()


@pytest.fixture
def desk(store: CaseStore) -> Desk:
    return Desk(store)


@pytest.fixture
def staff(store: CaseStore) -> dict[str, Person]:
    """Two of each role: ann and abe analyse, rea, rob and ray review, odo audits."""
    roles = {
        "ann": Role.ANALYST, "abe": Role.ANALYST, "rea": Role.REVIEWER, "rob": Role.REVIEWER,
        "ray": Role.REVIEWER, "odo": Role.AUDITOR,
    }  # fmt: skip
    for name, role in roles.items():
        store.set_user(name, role, "a hash")
    return {name: store.person(name) for name in roles}


@pytest.fixture
def reviewed(store: CaseStore, desk: Desk, staff: dict[str, Person]) -> int:
    """A case with both reviews."""
    (number,) = store.add([draft("mallory", 0.6)])
    for name, answer in (("rea", Answer.SYNTHETIC), ("rob", Answer.UNSURE)):
        assert desk.take(staff[name]) == number
        desk.review(staff[name], number, answer, WORDS)
    return number
