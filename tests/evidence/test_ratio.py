"""Likelihood ratios against counts by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hallmark.evidence.ratio import NOTHING, Ratio, learn


def test_a_ratio_is_that_of_two_shares() -> None:
    values = [0] * 30 + [1] * 10 + [0] * 5 + [1] * 35
    labels = [0] * 40 + [1] * 40
    found = learn(values, labels, bins=2)
    assert found.edges == (1.0,)
    low, high = found(0), found(1)
    assert low.log == pytest.approx(math.log((5.5 / 41) / (30.5 / 41)))
    assert high.log == pytest.approx(math.log(35.5 / 10.5))
    half = 1.959964 * math.sqrt(1 / 35.5 - 1 / 41 + 1 / 10.5 - 1 / 41)
    assert (high.low, high.high) == pytest.approx((high.log - half, high.log + half), abs=1e-5)
    assert (low.n, high.n) == (35, 45)
    assert (high.sure, low.sure) == (high.low, low.high)


def test_what_the_interval_cannot_tell_from_nothing_does_not_count() -> None:
    assert Ratio(0.4, -0.1, 0.9, 5).sure == 0.0
    assert Ratio(0.4, 0.1, 0.9, 5).sure == 0.1
    assert Ratio(-0.4, -0.9, -0.1, 5).sure == -0.1


def test_an_interval_covers_the_true_ratio() -> None:
    generator = np.random.default_rng(0)
    labels = [0] * 60 + [1] * 60
    met = 0
    for _ in range(400):
        values = np.concatenate([generator.random(60) < 0.3, generator.random(60) < 0.6])
        found = learn(values.astype(float), labels)(1.0)
        met += found.low <= math.log(2) <= found.high
    assert 0.92 <= met / 400 <= 0.99


def test_what_could_not_be_read_is_no_evidence() -> None:
    found = learn([math.nan, 1, 2, 3, math.nan, 2, 3, 4], [0, 0, 0, 0, 1, 1, 1, 1])
    assert found(math.nan) == NOTHING
    assert sum(r.n for r in found.ratios) == 6
    assert learn([math.nan] * 2, [0, 1])(3.0) == NOTHING


def test_values_of_one_kind_alone_are_refused() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        learn([1, 2], [1, 1])
    with pytest.raises(ValueError, match="a label, 0"):
        learn([1, 2], [1])


def test_every_bin_holds_something_and_a_common_value_has_its_own() -> None:
    values = [0.0] * 80 + list(range(1, 21))
    found = learn(values, [0, 1] * 50)
    assert found.edges[0] == 1.0
    assert all(r.n > 0 for r in found.ratios)
    assert found(0).n == 80


def test_what_lies_far_from_all_that_was_seen_is_no_evidence() -> None:
    found = learn([0.0] * 38 + [1.0] * 2 + [0.0] * 10 + [1.0] * 30, [0] * 40 + [1] * 40)
    assert found(0.0).sure < 0 < found(1.0).sure
    for value in (0.6, 0.001, -1.0, 1.5, math.inf):
        assert found(value) == NOTHING
    many = learn(np.arange(100.0), [0, 1] * 50)
    assert [many(v).n for v in (0.0, 7.5, 99.0)] == [20, 20, 20]
    assert many(100.0) == NOTHING
