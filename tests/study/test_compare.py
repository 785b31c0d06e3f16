"""Means, contrasts and corrections against independent references and known effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_ind

from hallmark.study.compare import (
    bootstrap_error,
    contrasts,
    holm,
    mean_estimates,
    means,
    tost,
    two_way,
)  # fmt: skip
from hallmark.study.definition import Contrast, Study
from hallmark.study.power import simulate
from hallmark.study.ratings import Values


def test_holm_is_that_of_statsmodels() -> None:
    p = [0.04, 0.001, 0.03, 0.5, 0.0004]
    assert holm(p) == pytest.approx(list(multipletests(p, method="holm")[1]))


def test_with_one_rating_a_rater_and_text_it_is_a_plain_t_test() -> None:
    draw = np.random.default_rng(1)
    a, b = draw.normal(6, 2, 40), draw.normal(7, 2, 40)
    each = np.arange(80)
    values = Values(each, each, np.repeat([0, 1], 40), np.concatenate([a, b]), ("a", "b"))
    error = two_way(values, np.array([-1.0, 1.0]))
    assert error.variance == pytest.approx(a.var(ddof=1) / 40 + b.var(ddof=1) / 40, rel=0.02)
    (found,) = contrasts(values, [Contrast("b", "a", equivalence=1.5)])
    assert found.p == pytest.approx(stats.ttest_ind(a, b).pvalue, abs=0.01)
    assert found.equivalence_p == pytest.approx(ttost_ind(b, a, -1.5, 1.5)[0], abs=0.01)
    assert found.d == pytest.approx(
        (b.mean() - a.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    )


def test_the_bootstrap_agrees_with_linearisation(study: Study) -> None:
    values = simulate(study, np.random.default_rng(0))
    for weights in (np.array([1.0, 0, 0, 0]), np.array([-1.0, 0, 1.0, 0])):
        drawn = bootstrap_error(values, weights, resamples=4000)
        assert drawn.variance == pytest.approx(two_way(values, weights).variance, rel=0.1)


def test_intervals_cover_and_shrink_nowhere_they_should_not(study: Study) -> None:
    """A small version of recipes/study_coverage.py: intervals of known effects, 150 studies."""
    draw, weights = np.random.default_rng(2), np.array([-1.0, 1, 0, 0])
    covered = 0
    for _ in range(150):
        drawn = simulate(study, draw)
        found = two_way(drawn, weights).interval(float(weights @ means(drawn)), 1)
        covered += found.low < 0.5 < found.high
    assert 0.90 <= covered / 150 <= 0.99


def test_means_are_in_the_order_of_the_conditions(values: Values) -> None:
    found = mean_estimates(values, resamples=200)
    assert list(found) == ["a", "b", "c"]
    assert found["b"].value == pytest.approx(values.value[values.condition == 1].mean())
    assert sum(e.n for e in found.values()) == len(values)


def test_equal_ratings_have_no_spread(values: Values) -> None:
    flat = replace(values, value=np.ones(len(values)))
    (found,) = contrasts(flat, [Contrast("b", "a")])
    assert (found.estimate.value, found.p) == (0, 1)
    assert tost(0.0, two_way(flat, np.array([-1.0, 1, 0])), 0.5) < 1e-6
    with pytest.raises(ValueError, match="no ratings of the condition 'd'"):
        contrasts(values, [Contrast("d", "a")])
