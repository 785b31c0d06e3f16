"""Pooled content evidence on scores whose true likelihood ratio is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hallmark.evidence.pooled import LEAST_ACCOUNTS, SIZES, Pooled, learn_pooled
from hallmark.evidence.ratio import NOTHING

SHIFT = 0.6  # of synthetic scores, in standard deviations: the log-ratio of k texts of mean m
# is k * SHIFT * (m - SHIFT / 2)


def accounts(seed: int, count: int = 120) -> tuple[dict[str, list[float]], dict[str, int]]:
    generator = np.random.default_rng(seed + 1000)
    scores, labels = {}, {}
    for i in range(count):
        label = i % 2
        scores[str(i)] = generator.normal(SHIFT * label, 1, 24).tolist()
        labels[str(i)] = label
    return scores, labels


@pytest.fixture(scope="module")
def pooled() -> Pooled:
    return learn_pooled(*accounts(0))


def test_evidence_grows_with_the_number_of_texts(pooled: Pooled) -> None:
    assert pooled.sizes == SIZES
    assert (np.diff(pooled.slope[:, 0]) > 0).all()
    assert pooled.slope[0, 0] == pytest.approx(SHIFT, abs=0.2)
    synthetic = [pooled([SHIFT] * k).log for k in (1, 3, 5, 7, 20)]
    assert synthetic == sorted(synthetic)
    assert pooled([SHIFT] * 20).log > 1.5
    assert pooled([0.0] * 20).log < -1.5
    assert pooled([SHIFT] * 500).log == pooled([SHIFT] * 20).log


def test_intervals_cover_the_true_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hallmark.evidence.pooled.RESAMPLES", 40)
    monkeypatch.setattr("hallmark.evidence.pooled.SIZES", (1, 5))
    met = []
    for seed in range(12):
        found = learn_pooled(*accounts(seed, count=60))
        for k in (1, 5):
            for mean in (0.0, SHIFT):
                own = found([mean] * k)
                met.append(own.low <= k * SHIFT * (mean - SHIFT / 2) <= own.high)
    assert np.mean(met) >= 0.85  # 48 in all, those of one seed alike


def test_texts_that_could_not_be_scored_are_left_out(pooled: Pooled) -> None:
    assert pooled([math.nan, 0.3, math.nan]) == pooled([0.3])
    assert pooled([math.nan]) == pooled([]) == NOTHING


def test_too_few_accounts_are_refused() -> None:
    scores, labels = accounts(0, count=2 * LEAST_ACCOUNTS - 2)
    with pytest.raises(ValueError, match="label more"):
        learn_pooled(scores, labels)
