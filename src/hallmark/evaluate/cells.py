"""One cell of a cross table: how well one detector tells one corpus from human texts.

Thresholds are fitted on validation texts; every rate is one of test texts, with n and interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hallmark import stats
from hallmark.stats import Estimate, Floats

ROC_AT = tuple(round(0.01 * k, 2) for k in range(101))  # false-positive rates of a curve
RATES = (0.01, 0.05)


@dataclass(frozen=True)
class Thresholds:
    """From validation texts: the most accurate one, and those at 1 % and 5 % false positives."""

    accurate: float
    at: tuple[float, ...]


@dataclass(frozen=True)
class Cell:
    """Test results of a detector's row on a column at a length in tokens.

    accuracy is the mean of the shares called right in each class. tpr and fpr are at the two
    thresholds of `RATES`; roc is the true-positive rate at each of `ROC_AT` among the test texts.
    """

    detector: str
    row: str
    column: str
    length: int
    n_human: int
    n_synthetic: int
    accuracy: Estimate
    auroc: Estimate
    tpr: tuple[Estimate, ...]
    fpr: tuple[Estimate, ...]
    roc: tuple[float, ...]


def best_threshold(human: Floats, synthetic: Floats) -> float:
    """The threshold with the highest balanced accuracy, midway between two scores.

    The only score where all are the same. Both kinds must have scores.
    """
    values = np.unique(np.concatenate([human, synthetic]))
    if len(values) == 1:
        return float(values[0])
    middles = (values[1:] + values[:-1]) / 2
    below, above = np.sort(human), np.sort(synthetic)
    right = np.searchsorted(below, middles, side="right") / len(below)
    caught = 1 - np.searchsorted(above, middles, side="right") / len(above)
    return float(middles[int(np.argmax(right + caught))])


def fit_thresholds(human: Floats, synthetic: Floats) -> Thresholds:
    """The thresholds of validation scores (N,) and (M,)."""
    at = tuple(stats.threshold_at_fpr(human, fpr=rate) for rate in RATES)
    return Thresholds(best_threshold(human, synthetic), at)


def cell_of(
    human: Floats,
    synthetic: Floats,
    thresholds: Thresholds,
    *,
    detector: str,
    row: str,
    column: str,
    length: int,
) -> Cell:
    """The cell of test scores (N,) and (M,); the names are those of the table."""
    return Cell(
        detector, row, column, length, len(human), len(synthetic),
        stats.balanced_accuracy(human, synthetic, threshold=thresholds.accurate),
        stats.auroc(human, synthetic),
        tuple(share_above(synthetic, limit) for limit in thresholds.at),
        tuple(share_above(human, limit) for limit in thresholds.at),
        _curve(human, synthetic),
    )  # fmt: skip


def share_above(scores: Floats, limit: float) -> Estimate:
    """The share of scores above a limit that was not chosen by them."""
    return stats.wilson(int((scores > limit).sum()), len(scores))


def _curve(human: Floats, synthetic: Floats) -> tuple[float, ...]:
    """True-positive rates at `ROC_AT`; at 1 everything is above the threshold."""
    limits = [stats.threshold_at_fpr(human, fpr=rate) for rate in ROC_AT[:-1]]
    return (*(float((synthetic > limit).mean()) for limit in limits), 1.0)


def difference(first: Estimate, second: Estimate) -> Estimate:
    """`first` minus `second` with Newcombe's (1998) interval for independent rates.

    Two cells share their human texts at least, so the interval is wider than need be. n is the
    smaller one.
    """
    value = first.value - second.value
    down = np.hypot(first.value - first.low, second.high - second.value)
    up = np.hypot(first.high - first.value, second.value - second.low)
    n = min(first.n, second.n)
    return Estimate(value, max(-1.0, value - float(down)), min(1.0, value + float(up)), n)
