"""Power: the textbook figure, and closed form against simulation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from statsmodels.stats.power import NormalIndPower

from hallmark.study.definition import Expectation, Study
from hallmark.study.power import group_size, promises, raters_needed


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
