"""Reductions of log-probabilities, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hallmark.detect.background import CACHES, AdaptiveScores
from hallmark.detect.surprisal import (
    cache_features,
    class_features,
    network_features,
    tail_features,
)
from hallmark.lm.score import TokenScores


def test_tails_of_four_tokens() -> None:
    found = tail_features("x", np.array([-1.0, -3.0, -5.0, -11.0]))
    assert found["x_mean"] == -5
    assert found["x_sd"] == pytest.approx(math.sqrt((16 + 4 + 0 + 36) / 4))
    assert found["x_q50"] == -4
    assert found["x_slope"] == -8 - -2
    assert found["x_tail_2"] == pytest.approx(math.sqrt(3 / 4))
    assert found["x_tail_10"] == pytest.approx(math.sqrt(1 / 4))
    assert found["x_tail_12"] == 0
    assert found["x_roll_low"] == -11
    covered = (4 * 2 + 2 * 0 + 0 * -6) / 4  # centred: 4, 2, 0, -6
    assert found["x_autocorrelation"] == pytest.approx(covered / (56 / 4))
    assert found["x_skew"] == pytest.approx((64 + 8 - 216) / 4 / 14**1.5)


def test_long_texts_are_rolled() -> None:
    values = np.concatenate([np.full(60, -1.0), np.full(60, -3.0)])
    found = tail_features("x", values)
    assert found["x_roll_low"] == pytest.approx(-3)
    assert found["x_roll_high"] == pytest.approx(-1)


def test_one_token_and_constant_texts_are_finite() -> None:
    for values in (np.array([-2.0]), np.full(5, -2.0), np.zeros(80)):
        found = tail_features("x", values)
        assert all(math.isfinite(v) for v in found.values())
        assert found["x_skew"] == found["x_slope"] == found["x_sd"] == 0


def test_kinds_of_tokens() -> None:
    v = np.array([-1.0, -9.0, -2.0])
    unigram = np.array([-3.0, -10.0, -7.0])
    first = np.array([True, True, False])
    found = class_features("x", v, unigram, starts=np.array([True, False, False]), first=first)
    mean = -4
    assert found["x_start"] == pytest.approx((-1 + 10 * mean) / 11)
    assert found["x_again"] == pytest.approx((-2 + 10 * mean) / 11)
    assert found["x_rare"] == pytest.approx((-9 + 10 * mean) / 11)
    assert found["x_common_high"] == pytest.approx(math.sqrt(0.5 / 6))
    assert found["x_rare_high"] == pytest.approx(math.sqrt(1.5 / 6))
    assert found["x_inside_high"] == pytest.approx(math.sqrt(1.5 / 7))


def test_what_the_caches_add() -> None:
    caches = np.zeros((2, len(CACHES)))
    caches[1, 0] = 0.5
    log = np.log([0.1, 0.25])
    adaptive = AdaptiveScores(np.array([4, 5]), np.log([1e-5, 0.2]), log, caches, log + 0.3)
    found = cache_features(adaptive, np.array([True, False]))
    gains = [math.log(0.9), math.log(0.9 + 0.1 * 0.5 / 0.25)]
    assert found["cache_first"] == 0.5
    assert found["cache_gain"] == pytest.approx(0.3)
    assert found["cache_unigram_hit"] == 0.5
    assert found["cache_unigram_gain"] == pytest.approx(sum(gains) / 2)
    assert found["cache_unigram_rare"] == pytest.approx(gains[0] / 2)
    assert found["cache_unigram_common"] == pytest.approx(gains[1] / 2)
    assert found["cache_types"] == pytest.approx(1 / (2 - math.exp(-2e-5) - math.exp(-0.4)))


def test_network_features_are_its_statistics() -> None:
    half = np.full(2, 0.5, dtype=np.float32)
    rank = np.array([1, 200], dtype=np.int32)
    scores = TokenScores(rank, -4 * half, rank, half, half, 2)
    found = network_features(scores)
    assert found["lm_log-likelihood"] == -2
    assert found["lm_gltr_2"] == pytest.approx(math.sqrt(0.5))
    assert found["lm_curvature_mean"] == -1.5
    assert found["lm_log_rank_sd"] == pytest.approx(math.log(200) / 2)
