"""Timing signals on times whose values are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hallmark.evidence import timing


def test_burstiness_of_a_clock_of_chance_and_of_bursts() -> None:
    assert timing.burstiness(np.arange(50) * 600.0) == pytest.approx(-1)
    poisson = np.cumsum(np.random.default_rng(0).exponential(60, 20_000))
    assert timing.burstiness(poisson) == pytest.approx(0, abs=0.02)
    bursts = np.concatenate([day * 86400 + np.arange(20.0) for day in range(20)])
    assert timing.burstiness(bursts) > 0.5
    assert math.isnan(timing.burstiness([1, 2, 3, 4]))
    assert math.isnan(timing.burstiness([7.0] * 9))


def test_the_busiest_hour_counts_posts_within_one() -> None:
    assert timing.busiest([0, 10, 3600, 3601, 9000]) == 3
    assert timing.busiest([5]) == 1
    assert math.isnan(timing.busiest([]))


def test_rest_is_the_longest_run_of_hours_without_a_post_over_midnight_too() -> None:
    days = [day * 86400.0 + hour * 3600 for day in range(4) for hour in range(8, 20)]
    assert timing.rest(days) == 12
    assert timing.rest(np.arange(48) * 3600.0) == 0
    assert math.isnan(timing.rest(days[:23]))
