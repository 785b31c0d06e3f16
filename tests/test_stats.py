"""Intervals against SciPy, scikit-learn, published figures and their own coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as reference
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

from hallmark.stats import (
    Estimate,
    auroc,
    balanced_accuracy,
    bootstrap,
    clopper_pearson_lower,
    clopper_pearson_upper,
    paired_difference,
    supported_log_ratios,
    threshold_at_fpr,
    tpr_at_fpr,
    wilson,
)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (81, 263), (0, 1)])
def test_wilson_is_scipys(k: int, n: int) -> None:
    found = wilson(k, n)
    expected = reference.binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert (found.value, found.n) == (k / n, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_published_example() -> None:
    found = wilson(81, 263)  # Newcombe 1998, table I
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


def test_wilson_of_nothing_says_nothing() -> None:
    found = wilson(0, 0)
    assert math.isnan(found.value)
    assert (found.low, found.high, found.n) == (0, 1, 0)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (1, 0)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="from 0 to"):
        wilson(k, n)
    with pytest.raises(ValueError, match="from 0 to"):
        clopper_pearson_upper(k, n)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 40), (39, 40), (40, 40), (0, 1000)])
def test_clopper_pearson_is_scipys(k: int, n: int) -> None:
    test = reference.binomtest(k, n, alternative="less")
    expected = test.proportion_ci(0.95, method="exact").high
    assert clopper_pearson_upper(k, n) == pytest.approx(expected, abs=1e-12)


def test_rule_of_three() -> None:
    assert clopper_pearson_upper(0, 1000) == pytest.approx(3 / 1000, rel=0.01)
    assert clopper_pearson_upper(0, 0) == 1.0


@pytest.mark.parametrize(("k", "n"), [(0, 0), (0, 50), (3, 50), (50, 50)])
def test_the_lower_bound_is_the_upper_one_of_what_did_not_happen(k: int, n: int) -> None:
    assert clopper_pearson_lower(k, n) == pytest.approx(1 - clopper_pearson_upper(n - k, n))


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_auroc_is_scikit_learns_with_ties(decimals: int) -> None:
    generator = np.random.default_rng(decimals)
    human = generator.normal(0, 1, 137).round(decimals)
    synthetic = generator.normal(0.7, 1.5, 83).round(decimals)
    labels = np.repeat([0, 1], [137, 83])
    found = auroc(human, synthetic)
    assert found.value == pytest.approx(roc_auc_score(labels, np.r_[human, synthetic]), abs=1e-12)
    assert found.low < found.value < found.high
    assert found.n == 220


def test_delong_variance_is_that_of_placements() -> None:
    human, synthetic = np.array([1.0, 2.0, 2.0, 3.0, 7.0]), np.array([2.0, 4.0, 5.0, 8.0])
    wins = (synthetic > human[:, None]) + 0.5 * (synthetic == human[:, None])
    variance = wins.mean(0).var(ddof=1) / 4 + wins.mean(1).var(ddof=1) / 5
    area = wins.mean()
    half = 1.959963984540054 * math.sqrt(variance) / (area * (1 - area))
    centre = math.log(area / (1 - area))
    found = auroc(human, synthetic)
    assert found.value == pytest.approx(area)
    assert found.low == pytest.approx(1 / (1 + math.exp(half - centre)))
    assert found.high == pytest.approx(1 / (1 + math.exp(-half - centre)))


def test_auroc_interval_covers_at_its_rate() -> None:
    truth = reference.norm.cdf(1.5 / math.sqrt(2))
    generator = np.random.default_rng(7)
    covered = 0
    for _ in range(400):
        found = auroc(generator.normal(0, 1, 40), generator.normal(1.5, 1, 40))
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 400 <= 0.99


def test_perfect_separation_is_not_certainty() -> None:
    found = auroc([1, 2, 3], [4, 5, 6, 7])
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(1 - clopper_pearson_upper(0, 3))
    turned = auroc([4, 5, 6, 7], [1, 2, 3])
    assert (turned.value, turned.low) == (0.0, 0.0)
    assert turned.high == pytest.approx(clopper_pearson_upper(0, 3))


def test_one_text_of_a_class_gives_no_interval() -> None:
    assert auroc([1.0], [0.0, 2.0]) == Estimate(0.5, 0.0, 1.0, 3)


@pytest.mark.parametrize("function", [auroc, lambda h, s: balanced_accuracy(h, s, threshold=0)])
def test_missing_and_nan_scores_are_refused(function) -> None:
    with pytest.raises(ValueError, match="no human scores"):
        function([], [1.0])
    with pytest.raises(ValueError, match="1 synthetic scores are not numbers"):
        function([1.0], [float("nan"), 2.0])


@pytest.mark.parametrize("fpr", [0.0, 0.01, 0.05, 0.29, 0.5])
@pytest.mark.parametrize("decimals", [1, 9])
def test_tpr_at_fpr_is_the_roc_curves(fpr: float, decimals: int) -> None:
    generator = np.random.default_rng(1)
    human = generator.normal(0, 1, 100).round(decimals)
    synthetic = generator.normal(1, 1, 70).round(decimals)
    false, true, _ = roc_curve(
        np.repeat([0, 1], [100, 70]), np.r_[human, synthetic], drop_intermediate=False
    )
    assert tpr_at_fpr(human, synthetic, fpr=fpr).value == pytest.approx(
        true[false <= fpr + 1e-12].max()
    )
    assert (human > threshold_at_fpr(human, fpr=fpr)).mean() <= fpr + 1e-12


def test_tpr_with_a_threshold_fitted_elsewhere() -> None:
    assert tpr_at_fpr([0.0], [1.0, 2.0, 3.0], fpr=0.05, threshold=1.5) == wilson(2, 3)


@pytest.mark.parametrize("fpr", [-0.1, 1.0])
def test_impossible_fpr_is_refused(fpr: float) -> None:
    with pytest.raises(ValueError, match="fpr must be"):
        threshold_at_fpr([1.0, 2.0], fpr=fpr)


def test_balanced_accuracy_is_scikit_learns() -> None:
    generator = np.random.default_rng(2)
    human, synthetic = generator.normal(0, 1, 90), generator.normal(1, 1, 30)
    found = balanced_accuracy(human, synthetic, threshold=0.4)
    called = np.r_[human, synthetic] > 0.4
    assert found.value == pytest.approx(
        balanced_accuracy_score(np.repeat([0, 1], [90, 30]), called)
    )
    assert 0 < found.low < found.value < found.high < 1
    assert found.n == 120


def test_bootstrap_of_a_mean_is_the_normal_interval() -> None:
    values = np.random.default_rng(3).normal(5, 2, 400)
    found = bootstrap(lambda i: float(values[i].mean()), range(400), seed=1)
    half = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(
        (found.value - half, found.value + half), abs=0.03
    )
    assert found == bootstrap(lambda i: float(values[i].mean()), range(400), seed=1)
    assert found != bootstrap(lambda i: float(values[i].mean()), range(400), seed=2)


def test_bootstrap_keeps_groups_together() -> None:
    values = np.repeat(np.random.default_rng(4).normal(0, 1, 50), 20)
    names = [f"document {i // 20}" for i in range(1000)]
    found = bootstrap(lambda i: float(values[i].mean()), names, resamples=500)
    alone = bootstrap(lambda i: float(values[i].mean()), range(1000), resamples=500)
    assert (found.n, alone.n) == (50, 1000)
    assert (found.high - found.low) / (alone.high - alone.low) == pytest.approx(20**0.5, rel=0.2)


def test_bootstrap_strata_keep_their_sizes() -> None:
    strata = ["human"] * 3 + ["synthetic"] * 5
    sizes = []

    def count(indices) -> float:
        sizes.append((len(indices), int((indices < 3).sum())))
        return 0.0

    bootstrap(count, range(8), strata=strata, resamples=50)
    assert set(sizes) == {(8, 3)}


def test_bootstrap_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no items"):
        bootstrap(lambda i: 0.0, [])


def test_estimate_reads_well() -> None:
    assert str(Estimate(0.91234, 0.9, 0.92, 500)) == "0.912 [0.900, 0.920] (n = 500)"


def test_a_paired_difference_knows_that_items_are_the_same() -> None:
    before = [True] * 60 + [False] * 40
    same = paired_difference(before, before)
    assert same.value == 0
    assert -0.05 < same.low < 0 < same.high < 0.05
    lost = paired_difference(before, [True] * 50 + [False] * 50)
    assert (lost.value, lost.n) == (pytest.approx(0.1), 100)
    assert 0.03 < lost.low < 0.1 < lost.high < 0.18
    turned = paired_difference([True] * 50 + [False] * 50, before)
    assert (turned.low, turned.high) == (pytest.approx(-lost.high), pytest.approx(-lost.low))
    unrelated = paired_difference([True, False] * 50, [True] * 50 + [False] * 50)
    assert unrelated.high > 0.12
    with pytest.raises(ValueError, match="both outcomes of each item"):
        paired_difference([True], [True, False])


def test_supported_ratios_against_every_threshold() -> None:
    rng = np.random.default_rng(1)
    for n in (1, 5, 40):
        human, synthetic = rng.normal(-1, 2, n), rng.normal(1, 2, 2 * n)
        high, low = 0.0, 0.0
        for level in np.concatenate([human, synthetic, np.arange(-8, 8, 0.01)]):
            right, wrong = (synthetic >= level).mean(), ((human >= level).sum() + 1) / (n + 1)
            if right > 0:
                high = max(high, min(level, np.log(right / wrong)))
            right, wrong = (human <= level).mean(), ((synthetic <= level).sum() + 1) / (2 * n + 1)
            if right > 0:
                low = min(low, max(level, np.log(wrong / right)))
        assert supported_log_ratios(human, synthetic) == pytest.approx((low, high))
