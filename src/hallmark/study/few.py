"""Too few raters: estimates that keep their value and lose their interval.

With n raters a bootstrap has C(2n - 1, n) different draws: 35 of four raters, 126 of five. Only
from five on does a tail of 2.5 % hold more than one of them; fewer give intervals of no width.
"""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

from hallmark.stats import Estimate

FEWEST_RATERS = 5  # for an interval, a test or a headline
TOO_FEW = "too few raters"


def enough(estimate: Estimate, raters: int) -> Estimate:
    """The estimate; with fewer raters than `FEWEST_RATERS` its value alone, low and high NaN."""
    return estimate if raters >= FEWEST_RATERS else replace(estimate, low=nan, high=nan)


def is_bare(estimate: Estimate) -> bool:
    """Whether the estimate has no interval."""
    return isnan(estimate.low) or isnan(estimate.high)


def raters_in_words(n: int) -> str:
    """'1 rater', '2 raters'."""
    return f"{n:,} rater{'' if n == 1 else 's'}"
