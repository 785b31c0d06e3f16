"""Crops: balanced, of one length in a pair, sources in equal shares, a function of the step."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from hallmark.detect.encoders.crops import Crops
from hallmark.detect.encoders.settings import EncoderConfig

HIDDEN = 9999


def crops(**changes: Any) -> Crops:
    """Texts of 40 ids, text i from 100 i on; the source "few" has 2 of the 12 synthetic ones."""
    config = EncoderConfig(**{"batch_size": 24, "max_length": 30, "min_length": 10, **changes})
    ids = [np.arange(100 * i, 100 * i + 40, dtype=np.int32) for i in range(24)]
    labels = [i % 2 for i in range(24)]
    sources = ["human" if i % 2 == 0 else "few" if i < 4 else "many" for i in range(24)]
    return Crops(ids, labels, sources, config, hidden=HIDDEN)


def test_pairs_are_balanced_and_of_one_length() -> None:
    rows = crops().step(0)
    assert [row.label for row in rows] == [0, 1] * 12
    lengths = [len(row.ids) for row in rows]
    assert lengths[::2] == lengths[1::2]
    assert len(set(lengths)) > 5
    every = [len(row.ids) for step in range(20) for row in crops().step(step)]
    assert (min(every), max(every)) == (10, 30)


def test_a_crop_is_a_stretch_of_a_text_of_its_class() -> None:
    starts = set()
    for row in crops(token_dropout=0.0).step(3):
        np.testing.assert_array_equal(np.diff(row.ids), 1)
        assert row.ids[0] // 100 == row.ids[-1] // 100
        assert row.ids[0] // 100 % 2 == row.label
        starts.add(int(row.ids[0] % 100))
    assert len(starts) > 5  # anywhere in the text


def test_sources_have_equal_shares_and_no_text_is_left_out() -> None:
    made = crops(token_dropout=0.0)
    seen = Counter(int(r.ids[0]) // 100 for step in range(5) for r in made.step(step) if r.label)
    assert seen[1] + seen[3] == 30  # half of 60: the source of two texts
    assert abs(seen[1] - seen[3]) <= 1
    assert {seen[i] for i in range(5, 24, 2)} == {3}  # ten texts share the other half


def test_the_share_of_hidden_tokens() -> None:
    made = crops(token_dropout=0.25)
    ids = np.concatenate([row.ids for step in range(40) for row in made.step(step)])
    assert abs(np.mean(ids == HIDDEN) - 0.25) < 0.02
    assert not (
        np.concatenate([row.ids for row in crops(token_dropout=0.0).step(0)]) == HIDDEN
    ).any()


def test_a_step_is_the_same_whatever_came_before() -> None:
    made = crops()
    for step in range(7):
        before = made.step(step)
    alone = crops().step(6)
    assert all(np.array_equal(a.ids, b.ids) for a, b in zip(before, alone, strict=True))
    assert any(
        not np.array_equal(a.ids, b.ids) for a, b in zip(crops(seed=1).step(6), alone, strict=True)
    )


def test_a_short_text_sets_the_length_of_its_pair() -> None:
    config = EncoderConfig(batch_size=2, token_dropout=0.0)
    made = Crops([np.arange(4), np.arange(300)], [0, 1], ["", ""], config, hidden=HIDDEN)
    assert [len(row.ids) for row in made.step(0)] == [4, 4]


def test_both_classes_need_tokens() -> None:
    with pytest.raises(ValueError, match="both human and synthetic texts with tokens are needed"):
        Crops([np.arange(0), np.arange(5)], [0, 1], ["", ""], EncoderConfig(), hidden=HIDDEN)
