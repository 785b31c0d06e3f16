"""Means by condition and their differences, with raters and texts both drawn from more of them.

The variance of a mean is V(raters) + V(texts) - V(ratings): each clustered, and what both count
taken out once (Cameron, Gelbach & Miller 2011). Contrasts, Holm's correction, effect sizes and
equivalence tests build on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hallmark.stats import CONFIDENCE, RESAMPLES, Estimate, Floats
from hallmark.study.definition import Contrast
from hallmark.study.few import FEWEST_RATERS, enough
from hallmark.study.ratings import Values


@dataclass(frozen=True)
class Error:
    """Variance of an estimate and the degrees of freedom of its t interval."""

    variance: float
    df: float

    def interval(self, value: float, n: int, *, confidence: float = CONFIDENCE) -> Estimate:
        """The estimate with its t interval."""
        half = float(stats.t.ppf(0.5 + confidence / 2, self.df)) * self.variance**0.5
        return Estimate(value, value - half, value + half, n)


def combine(raters: float, items: float, ratings: float, *, df_r: float, df_i: float) -> Error:
    """The two-way variance and Satterthwaite's degrees of freedom from its three parts.

    It may rightly be below V(texts): raters who read both conditions cancel in a difference.
    Where so little data make it negative, the larger of the one-way variances is taken.
    """
    variance = raters + items - ratings
    if variance <= 0:
        variance = max(raters, items)
    if not variance:
        return Error(0.0, max(1.0, min(df_r, df_i)))
    parts = raters**2 / df_r + items**2 / df_i
    return Error(variance, max(1.0, variance**2 / parts))


def two_way(values: Values, weights: Floats) -> Error:
    """Error of sum(weights x mean of condition), by linearisation."""
    sizes = np.bincount(values.condition, minlength=len(values.conditions))
    centred = values.value - means(values)[values.condition]
    influence = weights[values.condition] * centred / sizes[values.condition]
    used = weights[values.condition] != 0
    by_rater, r = _square_sum(influence, values.rater, used)
    by_item, df_i = 0.0, 0
    for c in np.flatnonzero(weights):
        square, k = _square_sum(influence, values.item, used & (values.condition == c))
        by_item, df_i = by_item + square * _correct(k), df_i + k - 1
    n = int(used.sum())
    each = float((influence**2).sum()) * _correct(n)
    return combine(by_rater * _correct(r), by_item, each, df_r=max(1, r - 1), df_i=max(1, df_i))


def bootstrap_error(
    values: Values, weights: Floats, *, seed: int = 0, resamples: int = RESAMPLES
) -> Error:
    """The same by three bootstraps: of raters, of texts within conditions, and of ratings."""
    generator = np.random.default_rng(seed)
    used = np.flatnonzero(weights[values.condition])
    condition, value = values.condition[used], values.value[used]
    rater = np.unique(values.rater[used], return_inverse=True)[1]
    item = np.unique(values.item[used], return_inverse=True)[1]
    r, n = int(rater.max()) + 1, len(value)
    strata = np.zeros(int(item.max()) + 1, dtype=np.intp)
    strata[item] = condition
    units = (rater, item, np.arange(n))
    draws = (np.zeros(r, dtype=np.intp), strata, condition)
    parts = [
        _spread(_draws(generator, d, resamples), unit, condition, value, weights)
        for unit, d in zip(units, draws, strict=True)
    ]
    df_i = len(strata) - int((weights != 0).sum())
    corrections = (_correct(r), len(strata) / max(1, df_i), _correct(n))
    raters, items, each = (p * c for p, c in zip(parts, corrections, strict=True))
    return combine(raters, items, each, df_r=max(1, r - 1), df_i=max(1, df_i))


def _draws(generator: np.random.Generator, strata: NDArray[np.intp], resamples: int) -> Floats:
    """How often each unit is drawn, units drawn within their strata.  (resamples, units)"""
    drawn = np.zeros((resamples, len(strata)))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        counts = generator.multinomial(
            len(members), np.full(len(members), 1 / len(members)), resamples
        )
        drawn[:, members] = counts
    return drawn


def _spread(
    draws: Floats, unit: NDArray[np.intp], condition: NDArray[np.intp], value: Floats,
    weights: Floats,
) -> float:  # fmt: skip
    """Variance over resamples of the weighted sum of condition means."""
    total = np.zeros(len(draws))
    for c in np.flatnonzero(weights):
        here = condition == c
        sums = np.bincount(unit[here], value[here], minlength=draws.shape[1])
        counts = np.bincount(unit[here], minlength=draws.shape[1])
        with np.errstate(invalid="ignore", divide="ignore"):
            total += weights[c] * (draws @ sums) / (draws @ counts)
    return float(np.nanvar(total))


def means(values: Values) -> Floats:
    """Mean of each condition."""
    k = len(values.conditions)
    counts = np.bincount(values.condition, minlength=k)
    found: Floats = np.bincount(values.condition, values.value, minlength=k) / counts
    return found


def mean_estimates(
    values: Values, *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Estimate]:
    """Mean of each condition with its cluster bootstrap interval; n counts ratings.

    Where too few raters read a condition, its mean has no interval.
    """
    found = means(values)
    counts = np.bincount(values.condition)
    return {
        name: enough(
            bootstrap_error(values, np.eye(len(found))[i], seed=seed, resamples=resamples).interval(
                float(found[i]), int(counts[i])
            ),
            _raters(values, [i]),
        )
        for i, name in enumerate(values.conditions)
    }


def _raters(values: Values, conditions: Sequence[int]) -> int:
    """How many raters read the condition of these that the fewest read."""
    return min(len(np.unique(values.rater[values.condition == c])) for c in conditions)


@dataclass(frozen=True)
class Difference:
    """A registered contrast as found; p values are two-sided, `holm` corrected for all of them.

    With too few raters of either condition there is no interval, p and holm are NaN and nothing
    is said of the margin.

    `d` is the difference in standard deviations of single ratings (Cohen's, pooled). Where there
    is a margin, `equivalence_p` is that of two one-sided tests (Schuirmann 1987).
    """

    contrast: Contrast
    estimate: Estimate
    d: float
    p: float
    holm: float
    equivalence_p: float | None
    equivalent: bool | None


def contrasts(
    values: Values, registered: Sequence[Contrast], *, alpha: float = 0.05
) -> list[Difference]:
    """Every registered contrast, tested by the two-way variance."""
    rows = []
    for contrast in registered:
        missing = {contrast.higher, contrast.lower} - set(values.conditions)
        if missing:
            raise ValueError(f"no ratings of the condition {sorted(missing)[0]!r}")
        weights = np.zeros(len(values.conditions))
        weights[values.conditions.index(contrast.higher)] = 1
        weights[values.conditions.index(contrast.lower)] = -1
        error = two_way(values, weights)
        rows.append((contrast, float(weights @ means(values)), error))
    tested = [
        _raters(values, list(map(values.conditions.index, (c.higher, c.lower)))) >= FEWEST_RATERS
        for c in registered
    ]
    raw = [_p(v, error) if t else 1.0 for (_, v, error), t in zip(rows, tested, strict=True)]
    found = [
        _difference(values, *row, p=p, corrected=h, alpha=alpha)
        for row, p, h in zip(rows, raw, holm(raw), strict=True)
    ]
    return [d if t else _untested(d) for d, t in zip(found, tested, strict=True)]


def _untested(found: Difference) -> Difference:
    return replace(
        found, estimate=enough(found.estimate, 0), p=nan, holm=nan, equivalence_p=None,
        equivalent=None,
    )  # fmt: skip


def _difference(
    values: Values, contrast: Contrast, value: float, error: Error, *, p: float,
    corrected: float, alpha: float,
) -> Difference:  # fmt: skip
    chosen = [values.conditions.index(c) for c in (contrast.higher, contrast.lower)]
    groups = [values.value[values.condition == c] for c in chosen]
    n = sum(map(len, groups))
    pooled = (sum(((g - g.mean()) ** 2).sum() for g in groups) / max(1, n - 2)) ** 0.5
    equivalence = tost(value, error, contrast.equivalence) if contrast.equivalence else None
    return Difference(
        contrast, error.interval(value, n), value / pooled if pooled else float("nan"), p,
        corrected, equivalence, None if equivalence is None else equivalence < alpha,
    )  # fmt: skip


def tost(value: float, error: Error, margin: float) -> float:
    """p of the test that the true difference lies within (-margin, margin): the larger of two."""
    scale = max(error.variance, 1e-300) ** 0.5
    return float(
        max(
            stats.t.sf((value + margin) / scale, error.df),
            stats.t.cdf((value - margin) / scale, error.df),
        )
    )


def holm(p: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down correction: controls the chance of any false finding."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    corrected, largest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        corrected[i] = largest
    return corrected


def _p(value: float, error: Error) -> float:
    if not error.variance:
        return 1.0 if value == 0 else 0.0
    return float(2 * stats.t.sf(abs(value) / error.variance**0.5, error.df))


def _square_sum(
    influence: Floats, unit: NDArray[np.intp], used: NDArray[np.bool_]
) -> tuple[float, int]:
    """Sum over units of the square of their summed influence, and how many units there are."""
    sums = np.bincount(unit[used], influence[used])
    return float((sums**2).sum()), len(np.unique(unit[used]))


def _correct(n: int) -> float:
    return n / (n - 1) if n > 1 else 1.0
