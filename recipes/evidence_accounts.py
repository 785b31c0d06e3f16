"""Synthetic accounts around real texts, for `recipes/evidence.py`: who posts what, and when.

The texts are real (GPT-2's and people's); every account, time, name and age is made up here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from detector import SHORT_TEXTS
from discriminator import HUMAN, SYNTHETIC, UNSEEN

from hallmark.data import read_jsonl_file
from hallmark.evidence.posts import Post

POSTS = 15  # of each account
START = 1_767_225_600.0  # 2026-01-01
DAYS, HOUR, DAY = 30, 3600.0, 86400.0
LEAST_WORDS = 30


@dataclass(frozen=True)
class Kind:
    """How accounts of a kind are made.

    together: accounts that act as one. shared: of an account's posts, those that its whole group
    posts within `apart` seconds. age: days, least and most. digits: in the name, most.
    """

    label: int
    accounts: int
    clockwork: bool
    age: tuple[int, int]
    digits: int
    together: int = 1
    shared: int = 0
    apart: float = 0.0


KINDS = {
    "person": Kind(0, 40, False, (100, 3000), 2),
    "human ring": Kind(0, 40, False, (10, 800), 4, together=10, shared=12, apart=45),
    "naive bot": Kind(1, 40, True, (1, 20), 6, together=8, shared=10, apart=20),
    "careful bot": Kind(1, 40, False, (100, 3000), 2),
}


@dataclass(frozen=True)
class World:
    """All posts; of each account its kind and the group whose texts it shares."""

    posts: list[Post]
    kind: dict[str, str]
    group: dict[str, int]

    def label(self, account: str) -> int:
        """0 human, 1 synthetic."""
        return KINDS[self.kind[account]].label


def texts(data: Path) -> dict[int, list[str]]:
    """Short texts by label, none of which the bundled detector learnt from."""
    out = {}
    for label, (name, first) in enumerate(((HUMAN, SHORT_TEXTS), (SYNTHETIC, 0))):
        records = read_jsonl_file(data / "gpt2-outputs" / f"{name}.jsonl.gz")
        unseen = islice(records, first, first + UNSEEN)
        found = [record["text"].strip() for record in unseen]
        out[label] = [t for t in dict.fromkeys(found) if len(t.split()) >= LEAST_WORDS]
    return out


def make_world(data: Path, *, seed: int) -> World:
    """The accounts of KINDS, each text given out once (to one account or to one group)."""
    generator = np.random.default_rng(seed)
    pools = {}
    for label, found in texts(data).items():
        order = generator.permutation(len(found))
        pools[label] = iter([found[i] for i in order])
    world = World([], {}, {})
    groups = 0
    for name, kind in KINDS.items():
        for _ in range(kind.accounts // kind.together):
            _add_group(world, name, groups, pools[kind.label], generator)
            groups += 1
    return world


def _add_group(
    world: World, name: str, number: int, pool: Iterator[str], generator: np.random.Generator
) -> None:
    kind = KINDS[name]
    common = [f"{next(pool)} https://group{number}.example/a" for _ in range(kind.shared)]
    moments = START + generator.uniform(8 * HOUR, DAYS * DAY, kind.shared)
    for _ in range(kind.together):
        account = f"{_name(kind.digits, generator)}-{_letters(len(world.kind))}"
        created = START - DAY * float(generator.integers(*kind.age))
        world.kind[account], world.group[account] = name, number
        own = [next(pool) for _ in range(POSTS - kind.shared)]
        times = _clockwork(len(own), generator) if kind.clockwork else _waking(len(own), generator)
        late = generator.uniform(0, kind.apart, kind.shared) if kind.shared else np.zeros(0)
        for text, time in zip([*own, *common], [*times, *(moments + late)], strict=True):
            post = Post(str(len(world.posts)), account, float(time), text, created, account)
            world.posts.append(post)


def _name(digits: int, generator: np.random.Generator) -> str:
    """Six letters and at most `digits` digits."""
    letters = "".join(generator.choice(list("aeioulmnrst"), 6))
    return letters + "".join(map(str, generator.integers(0, 10, generator.integers(digits + 1))))


def _letters(number: int) -> str:
    return chr(97 + number // 26) + chr(97 + number % 26)


def _waking(count: int, generator: np.random.Generator) -> list[float]:
    """Sessions in the 16 waking hours of one time zone, minutes between posts of a session."""
    zone = generator.uniform(0, DAY)
    found: list[float] = []
    while len(found) < count:
        day = int(generator.integers(0, DAYS))
        at = START + day * DAY + zone + generator.beta(2, 2) * 16 * HOUR
        for _ in range(int(generator.geometric(0.5))):
            found.append(at)
            at += 60 * float(generator.lognormal(1.5, 1.0))
    return found[:count]


def _clockwork(count: int, generator: np.random.Generator) -> list[float]:
    """Every few hours, day and night, give or take minutes."""
    gap = generator.uniform(2, 8) * HOUR
    return (START + gap * np.arange(count) + generator.uniform(0, 300, count)).tolist()
