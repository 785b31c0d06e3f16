"""What a step holds: pairs of one length, every source its share, some tokens hidden."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from hallmark.detect.encoders.crops import Crops
from hallmark.detect.encoders.settings import EncoderConfig

CONFIG = EncoderConfig(max_length=50, min_length=10, batch_size=8, token_dropout=0.0)
HIDDEN = -7


def make(config: EncoderConfig = CONFIG, lengths: tuple[int, ...] = (100, 30, 200)) -> Crops:
    """Each text's ids are hundreds of its own number; human: 0 to 2; synthetic: 3, and 4 to 8."""
    ids = [np.arange(n, dtype=np.int32) + 1000 * i for i, n in enumerate(lengths * 3)]
    labels, sources = [0] * 3 + [1] * 6, ["w"] * 3 + ["a"] + ["b"] * 5
    return Crops(ids, labels, sources, config, hidden=HIDDEN)


def test_pairs_have_one_length_and_classes_are_balanced() -> None:
    crops = make()
    lengths = set()
    for step in range(40):
        rows = crops.step(step)
        assert [row.label for row in rows] == [0, 1] * 4
        for human, synthetic in zip(rows[::2], rows[1::2], strict=True):
            assert len(human.ids) == len(synthetic.ids)
            lengths.add(len(human.ids))
            for row in (human, synthetic):  # a stretch of one text
                assert np.array_equal(np.diff(row.ids), np.ones(len(row.ids) - 1))
    assert min(lengths) == 10
    assert max(lengths) == 50
    assert len(lengths) > 30


def test_sources_have_equal_shares_and_every_text_its_turn() -> None:
    crops = make()
    synthetic = [row.ids[0] // 1000 for step in range(30) for row in crops.step(step)[1::2]]
    count = Counter(synthetic)
    assert count[3] == 60  # the only text of its source has half of all
    assert {count[i] for i in range(4, 9)} == {12}
    human = Counter(row.ids[0] // 1000 for step in range(30) for row in crops.step(step)[::2])
    assert set(human.values()) == {40}


def test_a_step_depends_on_seed_and_step_alone() -> None:
    one, other = make(), make()
    for step in (7, 0, 7, 3):
        for a, b in zip(one.step(step), other.step(step), strict=True):
            assert np.array_equal(a.ids, b.ids)
        other.step(step + 20)
    changed = make(replace(CONFIG, seed=1)).step(7)
    assert any(not np.array_equal(a.ids, b.ids) for a, b in zip(one.step(7), changed, strict=True))


def test_dropout_hides_the_share_that_it_says() -> None:
    crops = make(replace(CONFIG, token_dropout=0.25))
    rows = [row for step in range(60) for row in crops.step(step)]
    hidden = np.concatenate([row.ids == HIDDEN for row in rows])
    assert hidden.mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / len(hidden)))
    assert not any((ids == HIDDEN).any() for ids in [r.ids for r in make().step(0)])


def test_short_and_empty_texts() -> None:
    crops = make(lengths=(3, 0, 200))
    assert crops.larger_class == 4
    for row in crops.step(0) + crops.step(1):
        assert 1 <= len(row.ids) <= 50
