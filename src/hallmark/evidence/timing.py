"""When an account posts: bursts, evenness, hours without sleep. Times in seconds, UTC."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEAST = 5  # posts below which times say nothing
LEAST_DAYS = 24  # posts below which hours of the day say nothing
HOUR, DAY = 3600.0, 86400.0


def burstiness(times: ArrayLike) -> float:
    """(s - m) / (s + m) of the intervals between posts: -1 clockwork, 0 Poisson, 1 bursts.

    Goh and Barabasi 2008, equation 1, as Kim and Jo 2016 (equation 22) correct it for n intervals.
    NaN for fewer than LEAST posts.
    """
    gaps = np.diff(_sorted(times))
    n = len(gaps)
    if n + 1 < LEAST or not gaps.sum():
        return math.nan
    ratio = float(gaps.std() / gaps.mean())
    return (math.sqrt(n + 1) * ratio - math.sqrt(n - 1)) / (
        (math.sqrt(n + 1) - 2) * ratio + math.sqrt(n - 1)
    )


def busiest(times: ArrayLike, *, window: float = HOUR) -> float:
    """The most posts in any `window` seconds; NaN without a post."""
    ordered = _sorted(times)
    if not len(ordered):
        return math.nan
    ends = np.searchsorted(ordered, ordered + window, side="right")
    return float((ends - np.arange(len(ordered))).max())


def rest(times: ArrayLike) -> float:
    """The longest run of hours of the day (UTC, around midnight too) in which it never posts.

    People sleep; schedulers need not. NaN for fewer than LEAST_DAYS posts.
    """
    ordered = _sorted(times)
    if len(ordered) < LEAST_DAYS:
        return math.nan
    used = np.zeros(24, dtype=bool)
    used[(ordered % DAY // HOUR).astype(int)] = True
    places = np.flatnonzero(used)
    gaps = np.diff(np.concatenate([places, [places[0] + 24]])) - 1
    return float(gaps.max())


def _sorted(times: ArrayLike) -> NDArray[np.float64]:
    return np.sort(np.asarray(times, dtype=np.float64).ravel())
