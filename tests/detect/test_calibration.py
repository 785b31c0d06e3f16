"""Counted bounds against SciPy's beta quantile, and the logistic fit of the ratio."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from hallmark.detect.calibration import (
    LEAST_GROUP,
    Calibration,
    as_tensors,
    fit_ratio,
    from_tensors,
)
from hallmark.stats import supported_log_ratios


def test_bounds_are_beta_quantiles(calibration: Calibration) -> None:
    for score in (-3.0, -1.0, 0.5, 2.0, 99.0):
        bound = calibration.false_positives(score, 40)
        human = calibration.references[0].human[bound.group]
        k, n = int((human >= score).sum()), len(human)
        assert (bound.errors, bound.n) == (k, n)
        expected = stats.beta.ppf(0.95, k + 1, n - k) if k < n else 1
        assert bound.rate == pytest.approx(expected)
        missed = calibration.false_negatives(score, 40)
        k = int((calibration.references[0].synthetic <= score).sum())
        assert missed.errors == k
        assert missed.rate == pytest.approx(stats.beta.ppf(0.95, k + 1, 400 - k) if k < 400 else 1)


def test_the_worst_group_is_taken(calibration: Calibration) -> None:
    assert calibration.false_positives(0.0, 20).group == "prose"  # centred 1 nat above news
    # Where nobody errs, the smaller group knows least.
    assert calibration.false_positives(50.0, 20).group == "prose"


def test_small_groups_count_as_one(calibration: Calibration) -> None:
    prose = calibration.references[0].human["prose"]

    def bound(human: dict[str, np.ndarray]) -> tuple[str, int]:
        first = dataclasses.replace(calibration.references[0], human=human)
        found = dataclasses.replace(calibration, references=(first,)).false_positives(50.0, 20)
        return found.group, found.n

    few = np.full(LEAST_GROUP - 1, -5.0)
    assert bound({"news": few, "prose": prose}) == ("prose", len(prose))
    assert bound({"news": np.full(LEAST_GROUP, -5.0), "prose": prose}) == ("news", LEAST_GROUP)
    assert bound({"news": few, "blog": few}) == ("all", 2 * len(few))
    low = np.full(4 * LEAST_GROUP, -50.0)
    assert bound({"news": few, "blog": few, "essays": low}) == ("others", 2 * len(few))


def test_a_text_is_compared_with_texts_no_longer_than_it(calibration: Calibration) -> None:
    assert [calibration.at(n) for n in (1, 16, 63, 64, 5000)] == [0, 0, 0, 1, 1]
    assert calibration.shortest == 16


def test_the_ratio_is_interpolated_and_rises_with_the_score(calibration: Calibration) -> None:
    assert calibration.log_ratio(2.0, 16) == pytest.approx(0.8 * 2 + 0.1)
    assert calibration.log_ratio(2.0, 4000) == pytest.approx(1.1 * 2 - 0.2)
    assert calibration.log_ratio(2.0, 32) == pytest.approx((0.8 + 1.1) / 2 * 2 - 0.05)
    scores = np.linspace(-9, 9, 40)
    for tokens in (16, 30, 900):
        assert (np.diff([calibration.fitted_log_ratio(s, tokens) for s in scores]) > 0).all()
        assert (np.diff([calibration.log_ratio(s, tokens) for s in scores]) >= 0).all()
        rates = [calibration.false_positives(s, tokens).rate for s in scores]
        assert (np.diff(rates) <= 0).all()
        assert (np.diff([calibration.false_negatives(s, tokens).rate for s in scores]) >= 0).all()


def test_a_ratio_goes_no_further_than_the_texts_do(calibration: Calibration) -> None:
    for tokens, reference in zip((16, 64), calibration.references, strict=True):
        human = np.concatenate(list(reference.human.values()))
        fitted = [
            np.array([calibration.fitted_log_ratio(score, tokens) for score in scores])
            for scores in (human, reference.synthetic)
        ]
        low, high = supported_log_ratios(*fitted)
        assert calibration.log_ratio(1e6, tokens) == pytest.approx(high)
        assert calibration.log_ratio(-1e6, tokens) == pytest.approx(low)
        assert calibration.log_ratio(0.3, tokens) == calibration.fitted_log_ratio(0.3, tokens)
    assert calibration.log_ratio(-1e6, 30) < 0 < calibration.log_ratio(1e6, 30)


def test_saved_and_read_back(calibration: Calibration) -> None:
    tensors = as_tensors(calibration)
    back = from_tensors(tensors, [16, 64])
    assert as_tensors(back).keys() == tensors.keys()
    for name, array in as_tensors(back).items():
        assert (array == tensors[name]).all()
    for score in (-99.0, -2.0, 0.0, 3.0):
        assert back.false_positives(score, 70) == calibration.false_positives(score, 70)
        assert back.log_ratio(score, 70) == calibration.log_ratio(score, 70)


@pytest.mark.parametrize(
    ("lengths", "missing", "message"),
    [
        ([16, 96], "", "slope|no human scores of 96"),
        ([16], "", "calibration/slope has shape"),
        ([16, 64], "synthetic/64", "synthetic/64 is missing"),
        ([16, 64], "human/16/", "no human scores of 16"),
        ([16, 64], "calibration/slope", "slope is missing"),
    ],
)
def test_what_is_missing_is_named(
    calibration: Calibration, lengths: list[int], missing: str, message: str
) -> None:
    tensors = as_tensors(calibration)
    kept = {n: t for n, t in tensors.items() if not (missing and n.startswith(missing))}
    with pytest.raises(ValueError, match=message):
        from_tensors(kept, lengths)


def test_a_falling_slope_or_an_empty_group_is_refused(calibration: Calibration) -> None:
    tensors = as_tensors(calibration)
    with pytest.raises(ValueError, match="not be below 0"):
        from_tensors(tensors | {"calibration/slope": np.array([1.0, -1.0])}, [16, 64])
    with pytest.raises(ValueError, match="human/16/news has shape"):
        from_tensors(tensors | {"human/16/news": np.zeros(0)}, [16, 64])


def test_fit_ratio_finds_the_true_ratio_of_two_gaussians() -> None:
    """N(1, 1) over N(-1, 1) has log-ratio 2x, whatever the numbers of the two."""
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(-1, 1, 6000), rng.normal(1, 1, 2000)])
    labels = np.repeat([0, 1], [6000, 2000])
    slope, intercept = fit_ratio(scores, labels, np.ones(8000))
    assert slope == pytest.approx(2, abs=0.15)
    assert intercept == pytest.approx(0, abs=0.1)


def test_fit_ratio_of_a_score_that_points_the_wrong_way_says_nothing() -> None:
    scores, labels = np.linspace(-1, 1, 60), np.repeat([1, 0], 30)
    weights = np.ones(60)
    assert fit_ratio(scores, labels, weights) == (0, 0)
    assert_allclose(weights, 1)  # the caller's are left alone


def test_fit_ratio_needs_both_kinds() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        fit_ratio(np.zeros(3), np.ones(3, dtype=np.int64), np.ones(3))
