"""Who reads what in which order: a seeded plan that anyone with the study file can make again.

A place is one rater's list of texts. Texts are dealt like cards, so after any number of places
every text of a condition has been dealt equally often, give or take one; the order of conditions
follows Williams' design, in which each condition follows each other one equally often.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hallmark.data import write_atomically
from hallmark.study.definition import Design, Study
from hallmark.study.texts import Stimulus, choose

ATTENTION = "attention"


@dataclass(frozen=True)
class Plan:
    """All texts of a study and its places; `places` hold texts' ids in order of reading."""

    study: str  # hash of the study file
    seed: int
    texts: tuple[Stimulus, ...]
    places: tuple[tuple[str, ...], ...]

    @property
    def hash(self) -> str:
        """Of everything in the plan: what a registration can cite."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def text(self, name: str) -> Stimulus:
        """The text with this id."""
        return next(t for t in self.texts if t.id == name)


def places_of(design: Design, conditions: int) -> int:
    """How many raters give each text its ratings."""
    texts = design.texts_per_condition * conditions
    return math.ceil(texts * design.ratings_per_text / design.texts_per_rater)


def deal(design: Design, conditions: int, places: int) -> list[list[tuple[int, int]]]:
    """(condition, text's number) for each place, in order of reading."""
    if design.texts_per_rater > design.texts_per_condition * conditions:
        raise ValueError(
            f"{design.texts_per_rater} texts a rater are more than the "
            f"{design.texts_per_condition * conditions} there are; lower texts_per_rater"
        )
    generator = random.Random(f"deal/{design.seed}")
    decks: list[list[int]] = [[] for _ in range(conditions)]
    rows = williams(conditions)
    dealt = []
    for place in range(places):
        hand: list[tuple[int, int]] = []
        for start in range(0, design.texts_per_rater, conditions):
            row = rows[(place + start // conditions) % len(rows)]
            size = min(conditions, design.texts_per_rater - start)
            # The last block may be short: then the conditions take turns, place after place.
            wanted = {(place * size + j) % conditions for j in range(size)}
            for condition in (c for c in row if c in wanted):
                taken = {t for c, t in hand if c == condition}
                number = _draw(decks[condition], design.texts_per_condition, taken, generator)
                hand.append((condition, number))
        dealt.append(hand)
    return dealt


def _draw(deck: list[int], size: int, taken: set[int], generator: random.Random) -> int:
    """The next card that this rater does not hold yet; a deck that ran out is shuffled anew."""
    if not deck:
        fresh = list(range(size))
        generator.shuffle(fresh)
        deck.extend(sorted(fresh, key=lambda t: t not in taken))  # those taken lie at the bottom
    for i in range(len(deck) - 1, -1, -1):
        if deck[i] not in taken:
            return deck.pop(i)
    raise ValueError("texts_per_rater is too large for the number of texts of a condition")


def williams(n: int) -> list[list[int]]:
    """Orders of n conditions in which each follows each other one equally often.

    E. J. Williams (1949): n rows for even n, 2n (a square and its mirror) for odd n.
    """
    first, low, high = [0], 1, n - 1
    while len(first) < n:
        first.append(low)
        low += 1
        if len(first) < n:
            first.append(high)
            high -= 1
    square = [[(c + i) % n for c in first] for i in range(n)]
    return square if n % 2 == 0 or n == 1 else square + [row[::-1] for row in square]


def make_plan(study: Study, folder: Path) -> Plan:
    """Choose texts from the conditions' files, which lie in or below `folder`, and deal them."""
    texts = choose(study, folder)
    names = [c.name for c in study.conditions]
    by_condition = [[t.id for t in texts if t.condition == name] for name in names]
    generator = random.Random(f"attention/{study.design.seed}")
    places = []
    for hand in deal(study.design, len(names), places_of(study.design, len(names))):
        order = [by_condition[c][t] for c, t in hand]
        for i in range(study.design.attention_checks):
            order.insert(generator.randint(1, len(order)), f"{ATTENTION}-{i + 1}")
        places.append(tuple(order))
    return Plan(study.hash, study.design.seed, tuple(texts), tuple(places))


def write_plan(plan: Plan, path: Path) -> None:
    """As JSON with its hash."""
    record = {"hash": plan.hash, **asdict(plan)}
    with write_atomically(path) as file:
        file.write(json.dumps(record, indent=1, ensure_ascii=False).encode() + b"\n")


def read_plan(path: Path, study: Study) -> Plan:
    """A plan of this study; ValueError where it was changed or belongs to another study file."""
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        plan = Plan(
            record["study"], record["seed"],
            tuple(Stimulus(**t) for t in record["texts"]),
            tuple(tuple(p) for p in record["places"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is no plan; make it with `hallmark study plan`") from None
    if plan.hash != record.get("hash"):
        raise ValueError(f"{path} was changed after it was made; make it again")
    if plan.study != study.hash:
        raise ValueError(f"{path} belongs to another version of the study file; make it again")
    return plan
