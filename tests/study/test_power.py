"""Power: the textbook figure, and closed form against simulation."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower, TTestIndPower

from hallmark.study.compare import two_way
from hallmark.study.definition import Design, Expectation, Study, parse_study
from hallmark.study.plan import places_of
from hallmark.study.power import (
    group_size,
    power_of,
    promises,
    raters_needed,
    simulate,
    step_error,
)
from hallmark.study.template import study_file

TWO = parse_study(tomllib.loads(study_file({"small": "a", "large": "b"})))


def test_the_last_step_of_the_release_needs_1740_a_group() -> None:
    assert group_size(6.91 - 6.72, 2) == 1740
    expected = NormalIndPower().solve_power(effect_size=0.19 / 2, alpha=0.05, power=0.8)
    assert group_size(0.19, 2) == pytest.approx(expected, abs=1)


def test_simulation_agrees_with_the_closed_form(study: Study) -> None:
    means = {"355M": 6.07, "774M": 6.72, "1.5B": 6.91, "human": 7.2}
    design = replace(study.design, texts_per_condition=60)
    found = promises(
        replace(study, design=design, expected=Expectation(means)), studies=300, seed=1
    )
    for promise in found:
        assert promise.simulated is not None
        assert promise.simulated.low - 0.03 < promise.closed < promise.simulated.high + 0.03


def test_no_number_of_raters_makes_up_for_few_texts(study: Study) -> None:
    assert study.expected is not None
    few = replace(study.design, texts_per_condition=5)
    assert raters_needed(0.19, few, 4, study.expected) is None
    many = replace(study.design, texts_per_condition=2000)
    assert raters_needed(0.19, many, 4, study.expected) is not None


@pytest.mark.parametrize("raters", [10**7, 10**9])
def test_with_raters_without_end_it_is_the_t_test_of_texts(raters: int) -> None:
    """Each text's mean is then known, and texts are the only sample: two groups, 2k - 2."""
    design, expected = Design(texts_per_condition=6), Expectation({}, 1.0, 0.5, 1.658)
    for difference in (0.0, 0.3, 1.0):
        found = power_of(difference, design, 2, expected, raters=raters)
        oracle = TTestIndPower().power(difference / 0.5, 6, 0.05)
        assert found == pytest.approx(oracle if difference else 0.05, abs=1e-4)


def test_with_texts_and_raters_without_end_it_is_the_z_test() -> None:
    design = Design(texts_per_condition=10**5, texts_per_rater=1)
    expected = Expectation({}, 1.0, 0.0, 1.0)
    found = power_of(0.01, design, 2, expected, raters=2 * 10**5)
    oracle = NormalIndPower().power(0.01 / 2**0.5, 10**5, 0.05)
    assert found == pytest.approx(oracle, abs=1e-3)


@pytest.mark.parametrize("each", [1, 12])
def test_the_expected_error_is_that_which_the_analysis_finds(each: int) -> None:
    """Variance and degrees of freedom of the formula against the mean of many analyses."""
    design = replace(TWO.design, texts_per_condition=40, ratings_per_text=6, texts_per_rater=each)
    study = replace(TWO, design=design)
    draw, weights = np.random.default_rng(0), np.array([-1.0, 1.0])
    found = [two_way(simulate(study, draw), weights) for _ in range(200)]
    assert study.expected is not None
    error = step_error(design, 2, study.expected, raters=places_of(design, 2))
    assert error.variance == pytest.approx(np.mean([e.variance for e in found]), rel=0.05)
    assert error.df == pytest.approx(np.median([e.df for e in found]), rel=0.1)


def test_with_raters_as_few_as_a_default_study_has_simulation_agrees() -> None:
    """20 raters, 20 texts each: a z test would promise .47, the t test finds .39."""
    (found,) = promises(TWO, studies=1000)
    assert found.simulated is not None
    assert (found.raters, found.simulated.n) == (20, 1000)
    assert found.simulated.low - 0.03 < found.closed < found.simulated.high + 0.03


def test_the_raters_for_80_percent_are_the_fewest() -> None:
    assert TWO.expected is not None
    needed = raters_needed(0.5, TWO.design, 2, TWO.expected)
    assert needed is not None
    below, at = (power_of(0.5, TWO.design, 2, TWO.expected, raters=n) for n in (needed - 1, needed))
    assert below < 0.8 <= at


def test_a_step_far_larger_than_its_error_is_found_by_few() -> None:
    """scipy's noncentral t has no lower tail so far out; a NaN there must not be no power."""
    assert TWO.expected is not None
    design = replace(TWO.design, texts_per_condition=60)
    assert power_of(1.0, design, 2, TWO.expected, raters=10**9) == pytest.approx(1)
    few = raters_needed(1.0, design, 2, TWO.expected)
    assert few is not None
    assert few < 20


def test_too_few_raters_for_a_test_find_nothing() -> None:
    few = replace(TWO.design, texts_per_condition=6, ratings_per_text=4)
    (found,) = promises(replace(TWO, design=few), studies=5)
    assert (found.raters, found.closed) == (4, 0.0)
    assert found.simulated is not None
    assert found.simulated.value == 0
