"""Fusion of content and metadata on accounts made so that the truth is known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from hallmark.evidence.accounts import GROUPS, SIGNALS, Table, tabulate
from hallmark.evidence.fusion import (
    CAP,
    CONTENT,
    PARTS,
    Fusion,
    as_json,
    from_json,
    learn_fusion,
)  # fmt: skip
from hallmark.evidence.posts import Post

SHARED = "everybody must come to the square at noon and say it aloud, number {}"
Scores = list[list[float]]


def make(seed: int, *, count: int = 120) -> tuple[list[Post], list[float], list[int]]:
    """Posts with scores; every second account is synthetic, every other one of those a
    clockwork that copies. Human accounts do not copy here.
    """
    generator = np.random.default_rng(seed)
    posts, scores, labels = [], [], []
    for a in range(count):
        label = a % 2
        clockwork = a % 4 == 1
        labels.append(label)
        created = -86400.0 * float(generator.integers(1, 30) if label else generator.integers(2000))
        times = np.arange(6) * 5000.0 if clockwork else generator.uniform(0, 9e5, 6)
        for i in range(6):
            text = f"{a} says {i} of {generator.integers(1e9)} and more {generator.integers(1e9)}"
            shared = clockwork and i < 3
            posts.append(
                Post(str(len(posts)), f"a{a}", float(times[i]),
                     SHARED.format(i) if shared else text, created)
            )  # fmt: skip
            scores.append(float(generator.normal(1.2 * label, 1)))
    return posts, scores, labels


def by_account(table: Table, scores: list[float]) -> Scores:
    return [[scores[i] for i in table.posts_of(a)] for a in range(len(table.names))]


@pytest.fixture(scope="module")
def fusion() -> Fusion:
    posts, scores, labels = make(0)
    table = tabulate(posts)
    return learn_fusion(table, by_account(table, scores), labels, seed=3)


def ring(count: int = 8) -> Table:
    """Accounts that post three texts of their own and three together, and are three days old."""
    posts = [
        Post(f"{a}-{i}", f"r{a}", 4000.0 * i + a,
             SHARED.format(i) if i < 3 else f"my own words {a} {i * 7919} and {a * 7907}",
             -3 * 86400.0)
        for a in range(count) for i in range(6)
    ]  # fmt: skip
    return tabulate(posts)


def test_coordination_alone_never_calls_an_account_synthetic(fusion: Fusion) -> None:
    table = ring()
    unread = [[math.nan] * 6 for _ in table.names]
    learnt = {name: fusion.ratios[name](float(table.values[name][0])).sure for name in SIGNALS}
    assert max(learnt[n] for n in GROUPS["coordination"]) > 0.5  # here it speaks for synthetic
    for prevalence in (0.01, 0.5, 0.9):
        for found in fusion.fuse(table, unread, prevalence=prevalence):
            assert found.coordinated
            assert found.posterior <= prevalence * (1 + 1e-12)
            assert not found.first


def test_texts_that_look_human_keep_a_ring_below_the_prior(fusion: Fusion) -> None:
    table = ring()
    for found in fusion.fuse(table, [[-0.5] * 6] * len(table.names), prevalence=0.5):
        assert found.parts[CONTENT] < 0
        assert found.posterior < 0.5
    undecided = fusion.fuse(table, [[0.6] * 6] * len(table.names), prevalence=0.5)
    assert all(math.fsum(f.parts[g] for g in GROUPS) <= 0 for f in undecided)


def test_metadata_sharpens_what_content_says_tenfold_at_most(fusion: Fusion) -> None:
    table = ring()
    scores = [[1.5] * 6] * len(table.names)
    whole = fusion.fuse(table, scores, prevalence=0.1)[0]
    alone = fusion.fuse(table, scores, prevalence=0.1, without=tuple(GROUPS))[0]
    metadata = math.fsum(whole.parts[g] for g in GROUPS)
    assert 0 < metadata <= CAP + 1e-9
    assert whole.posterior > alone.posterior > 0.1
    odds = math.log(whole.posterior / (1 - whole.posterior))
    assert odds == pytest.approx(math.log(0.1 / 0.9) + math.fsum(whole.parts.values()))


def test_one_signal_of_a_group_counts(fusion: Fusion) -> None:
    found = fusion.fuse(ring(), [[0.0] * 6] * 8, prevalence=0.5)[0]
    for group, names in GROUPS.items():
        own = [s for s in found.signals if s.group == group]
        assert [s.name for s in own] == list(names)
        counted = [s for s in own if s.counted]
        assert len(counted) == 1
        assert abs(counted[0].ratio.sure) == max(abs(s.ratio.sure) for s in own)


def test_both_together_rank_held_out_accounts_better_than_content(fusion: Fusion) -> None:
    posts, scores, labels = make(1)
    table = tabulate(posts)
    own = by_account(table, scores)
    loss = {}
    for name, without in (("both", ()), ("content", tuple(GROUPS))):
        found = [f.posterior for f in fusion.fuse(table, own, prevalence=0.5, without=without)]
        right = [p if y else 1 - p for p, y in zip(found, labels, strict=True)]
        loss[name] = -np.mean(np.log(right))
    assert loss["both"] < loss["content"] < math.log(2)
    without = fusion.fuse(table, own, prevalence=0.5, without=PARTS)
    assert {f.posterior for f in without} == {0.5}


def test_what_was_learnt_is_kept_whole(fusion: Fusion) -> None:
    again = from_json(json.loads(json.dumps(as_json(fusion))))
    table = ring()
    scores = [[0.7] * 6] * len(table.names)
    for one, other in zip(
        fusion.fuse(table, scores, prevalence=0.2),
        again.fuse(table, scores, prevalence=0.2), strict=True,
    ):  # fmt: skip
        assert one.posterior == other.posterior
        assert one.parts == other.parts


@pytest.mark.parametrize(
    "damage",
    [
        {"weights": {}}, {"signals": {}}, {"content": None},
        {"content": {"sizes": [], "slope": [], "intercept": [], "accounts": []}},
        {"content": {"sizes": [1], "slope": [[1.0]], "intercept": [[1.0], [2.0]], "accounts": [3]}},
    ],
)  # fmt: skip
def test_damage_is_told(fusion: Fusion, damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="damaged"):
        from_json(as_json(fusion) | damage)


def test_what_makes_no_sense_is_refused(fusion: Fusion) -> None:
    table = ring()
    with pytest.raises(ValueError, match="prevalence must lie above 0"):
        fusion.fuse(table, [[0.0]] * 8, prevalence=1)
    with pytest.raises(ValueError, match="2 labels for 8 accounts"):
        learn_fusion(table, [[0.0]] * 8, [0, 1])
