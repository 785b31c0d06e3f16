"""Content by cluster: copies count once, and lines are learnt where enough are labelled."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hallmark.evidence.accounts import tabulate
from hallmark.evidence.groups import (
    Group,
    as_json,
    find_groups,
    from_json,
    learn_groups,
    weigh_groups,
)
from hallmark.evidence.pooled import Pooled, learn_pooled
from hallmark.evidence.posts import Post

SAID = "come to the square at noon, all of you, and bring whoever you know along"
SHIFT = 1.0


def test_groups_are_of_two_accounts_at_least_and_copies_count_once() -> None:
    texts = [
        ("a", f"{SAID} http://x.org/1"), ("b", f"{SAID}! http://x.org/1"),
        ("c", "the harvest was late that year http://x.org/1?from=c"),
        ("c", "nothing of note"), ("c", "nothing of note"),
    ]  # fmt: skip
    posts = [Post(str(i), a, 60.0 * i, text) for i, (a, text) in enumerate(texts)]
    near, link = find_groups(tabulate(posts), [1.0, 3.0, -4.0, 9.0, 9.0])
    assert (near.kind, near.accounts, near.posts, near.scores) == (
        "near",
        ("a", "b"),
        (0, 1),
        (2.0,),
    )
    assert (link.kind, link.posts, link.scores) == ("link", (0, 1, 2), (2.0, -4.0))
    (_, other) = find_groups(tabulate(posts), [math.nan, 3.0, math.nan, 9.0, 9.0])
    assert other.scores[0] == 3.0
    assert math.isnan(other.scores[1])


def groups(count: int, texts: int, *, seed: int = 0) -> tuple[list[Group], dict[str, int]]:
    """Groups of two accounts each, every other one synthetic; normal scores."""
    generator = np.random.default_rng(seed)
    found, labels = [], {}
    for i in range(count):
        scores = tuple(generator.normal(SHIFT * (i % 2), 1, texts).tolist())
        labels |= {f"{i}x": i % 2, f"{i}y": i % 2}
        found.append(Group("link", i, (2 * i, 2 * i + 1), (f"{i}x", f"{i}y"), scores))
    return found, labels


@pytest.fixture(scope="module")
def accounts() -> Pooled:
    own, labels = groups(120, 20)
    scores = {g.accounts[0]: g.scores for g in own}
    return learn_pooled(scores, {a: labels[a] for a in scores})


def test_lines_of_their_own_where_enough_are_labelled(accounts: Pooled) -> None:
    found, labels = groups(120, 5)
    lines = learn_groups(found, labels)
    assert list(lines) == ["link"]
    (one,) = weigh_groups([replace(found[0], scores=(SHIFT,) * 5)], lines, accounts=accounts)
    assert one.own
    assert one.ratio.log == pytest.approx(5 * SHIFT * SHIFT / 2, rel=0.4)
    (again,) = weigh_groups([one.group], from_json(as_json(lines)), accounts=accounts)
    assert again.ratio == one.ratio


def test_mixed_groups_teach_nothing_and_few_fall_back_to_one_text(accounts: Pooled) -> None:
    found, labels = groups(24, 5)
    assert learn_groups(found[:18], labels) == {}
    mixed = [replace(g, accounts=(g.accounts[0], f"{(i + 1) % 24}x")) for i, g in enumerate(found)]
    assert learn_groups(mixed, labels) == {}
    (one,) = weigh_groups(
        [replace(found[0], scores=(SHIFT, SHIFT, math.nan))], {}, accounts=accounts
    )
    assert not one.own
    assert one.ratio == accounts([SHIFT])
    assert one.ratio.log < accounts([SHIFT] * 5).log
    (none,) = weigh_groups([replace(found[0], scores=(math.nan,))], {}, accounts=accounts)
    assert none.ratio.log == 0


def test_what_was_learnt_before_has_none_and_damage_is_said() -> None:
    assert from_json(None) == {}
    for value in ([], {"other": {}}, {"near": {"sizes": []}}):
        with pytest.raises(ValueError, match="damaged"):
            from_json(value)
