"""Rates, areas and their intervals: every number that is reported comes with n.

Plain arrays in, `Estimate`s out; scores are higher for synthetic. Knows neither models nor
detectors, and needs no PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

CONFIDENCE = 0.95
Z95 = float(special.ndtri(0.5 + CONFIDENCE / 2))  # of a normal law's two-sided interval
RESAMPLES = 2_000

Floats = NDArray[np.float64]


def perplexity(nats: float) -> float:
    """e to the mean loss `nats`; infinity where that is beyond a float (above 709 nats)."""
    try:
        return math.exp(nats)
    except OverflowError:
        return math.inf


@dataclass(frozen=True)
class Estimate:
    """A value, its interval (95 % unless said otherwise) and the number of items behind it."""

    value: float
    low: float
    high: float
    n: int

    @property
    def shown(self) -> str:
        """Value and interval to three decimals, for tables that give n elsewhere."""
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def __str__(self) -> str:
        return f"{self.shown} (n = {self.n})"


def wilson(k: int, n: int, *, confidence: float = CONFIDENCE) -> Estimate:
    """The rate k / n with Wilson's (1927) score interval; (0, 1) and NaN where n is 0."""
    _check_count(k, n)
    if n == 0:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    z = float(special.ndtri(0.5 + confidence / 2))
    rate, square = k / n, z * z / n
    middle = (rate + square / 2) / (1 + square)
    half = z * np.sqrt(rate * (1 - rate) / n + square / (4 * n)) / (1 + square)
    low = 0.0 if k == 0 else float(max(0.0, middle - half))
    high = 1.0 if k == n else float(min(1.0, middle + half))
    return Estimate(rate, low, high, n)


def clopper_pearson_upper(k: int, n: int, *, confidence: float = CONFIDENCE) -> float:
    """One-sided exact upper bound of an error rate seen k times in n (Clopper & Pearson 1934).

    The true rate is above it with probability at most 1 - confidence; 1 where n is 0. Without
    an error it is about 3 / n.
    """
    _check_count(k, n)
    return 1.0 if k == n else float(special.betaincinv(k + 1, n - k, confidence))


def clopper_pearson_lower(k: int, n: int, *, confidence: float = CONFIDENCE) -> float:
    """One-sided exact lower bound of a rate seen k times in n (Clopper & Pearson 1934).

    The true rate is below it with probability at most 1 - confidence; 0 where k is 0.
    """
    _check_count(k, n)
    return 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, 1 - confidence))


def auroc(human: ArrayLike, synthetic: ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """Chance that a synthetic text scores above a human one, ties counted half.

    Exact rank statistic; the interval is DeLong's (1988) on the logit scale, which keeps it in
    (0, 1). At an area of 0 or 1 DeLong's variance is 0, so the bound on the inner side is that
    of an error rate never seen in as many trials as the smaller class has texts.
    """
    below, above = _scores(human, "human"), _scores(synthetic, "synthetic")
    m, n = len(below), len(above)
    ranks = _ranks(np.concatenate([below, above]))
    beaten = (ranks[m:] - _ranks(above)) / m  # of each synthetic text: humans below it
    beating = 1 - (ranks[:m] - _ranks(below)) / n  # of each human text: synthetic above it
    area = float(beaten.mean())
    if area in (0.0, 1.0):
        reach = clopper_pearson_upper(0, min(m, n), confidence=confidence)
        low, high = (0.0, reach) if area == 0.0 else (1 - reach, 1.0)
        return Estimate(area, low, high, m + n)
    if min(m, n) < 2:
        return Estimate(area, 0.0, 1.0, m + n)
    variance = float(beaten.var(ddof=1) / n + beating.var(ddof=1) / m)
    z = float(special.ndtri(0.5 + confidence / 2))
    half = z * np.sqrt(variance) / (area * (1 - area))
    low, high = special.expit(special.logit(area) + np.array([-half, half]))
    return Estimate(area, float(low), float(high), m + n)


def threshold_at_fpr(human: ArrayLike, *, fpr: float) -> float:
    """The lowest threshold that at most a share `fpr` of human texts score above (strictly)."""
    scores = np.sort(_scores(human, "human"))
    if not 0 <= fpr < 1:
        raise ValueError(f"fpr must be from 0 to below 1, not {fpr}")
    allowed = int(np.floor(fpr * len(scores) + 1e-9))
    return float(scores[len(scores) - 1 - allowed])


def tpr_at_fpr(
    human: ArrayLike, synthetic: ArrayLike, *, fpr: float, threshold: float | None = None
) -> Estimate:
    """Share of synthetic texts above the threshold that `fpr` of the human ones allow.

    Wilson's interval, for the threshold as it is: give one fitted on other texts (`fpr` is then
    not used) where the threshold's own uncertainty must not be hidden.
    """
    scores = _scores(synthetic, "synthetic")
    if threshold is None:
        threshold = threshold_at_fpr(human, fpr=fpr)
    return wilson(int((scores > threshold).sum()), len(scores))


def paired_difference(
    before: ArrayLike, after: ArrayLike, *, confidence: float = CONFIDENCE
) -> Estimate:
    """By how much a rate is lower `after` than `before`, both of the same items, true or false.

    Newcombe's (1998) interval for paired rates, method 10 with its continuity correction.
    """
    first = np.asarray(before, dtype=np.bool_).ravel()
    second = np.asarray(after, dtype=np.bool_).ravel()
    if not len(first) or len(first) != len(second):
        raise ValueError("a paired difference needs both outcomes of each item, and at least one")
    n = len(first)
    a, d = int((first & second).sum()), int((~first & ~second).sum())
    b, c = int((first & ~second).sum()), int((~first & second).sum())
    one, two = wilson(a + b, n, confidence=confidence), wilson(a + c, n, confidence=confidence)
    spread = float(a + b) * (c + d) * (a + c) * (b + d)
    agreement = a * d - b * c
    kept = max(agreement - n / 2, 0.0) if agreement > 0 else agreement
    phi = kept / np.sqrt(spread) if spread else 0.0

    def reach(up: float, down: float) -> float:
        return float(np.sqrt(max(0.0, up * up - 2 * phi * up * down + down * down)))

    value = one.value - two.value
    low = value - reach(one.value - one.low, two.high - two.value)
    high = value + reach(one.high - one.value, two.value - two.low)
    return Estimate(value, max(-1.0, low), min(1.0, high), n)


def balanced_accuracy(
    human: ArrayLike, synthetic: ArrayLike, *, threshold: float, confidence: float = CONFIDENCE
) -> Estimate:
    """Mean of the shares called right in each class; above the threshold means synthetic.

    The interval joins the two rates' Wilson intervals by the square-and-add rule for a sum of
    independent rates (Newcombe 1998, method 10).
    """
    below, above = _scores(human, "human"), _scores(synthetic, "synthetic")
    rates = [
        wilson(int((below <= threshold).sum()), len(below), confidence=confidence),
        wilson(int((above > threshold).sum()), len(above), confidence=confidence),
    ]
    value = sum(r.value for r in rates) / 2
    down = float(np.sqrt(sum((r.value - r.low) ** 2 for r in rates))) / 2
    up = float(np.sqrt(sum((r.high - r.value) ** 2 for r in rates))) / 2
    return Estimate(value, max(0.0, value - down), min(1.0, value + up), len(below) + len(above))


def bootstrap(
    statistic: Callable[[NDArray[np.intp]], float],
    groups: Sequence[Hashable],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    strata: Sequence[Hashable] | None = None,
) -> Estimate:
    """Percentile interval of `statistic(indices)`, whole groups drawn with replacement.

    `groups` names each item's group (one document's pieces, one prompt's continuations); give
    each item its own where they are independent. With `strata`, groups are drawn within each
    stratum (say human and synthetic), a group's stratum being that of its first item. Draws
    for which the statistic is NaN are left out. n counts groups.
    """
    if not len(groups):
        raise ValueError("there is nothing to draw from: no items")
    members = _members(groups)
    drawers = _members([strata[m[0]] if strata is not None else 0 for m in members])
    items, sizes = np.concatenate(members), np.array([len(m) for m in members])
    starts = np.cumsum(sizes) - sizes
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        chosen = np.concatenate([s[generator.integers(len(s), size=len(s))] for s in drawers])
        each = sizes[chosen]
        shifts = np.repeat(starts[chosen] - (np.cumsum(each) - each), each)
        drawn.append(statistic(items[shifts + np.arange(len(shifts))]))
    tail = (1 - confidence) / 2
    finite = np.asarray(drawn)[~np.isnan(drawn)]
    low, high = np.quantile(finite, [tail, 1 - tail]) if len(finite) else (np.nan, np.nan)
    value = float(statistic(np.arange(len(groups))))
    return Estimate(value, float(low), float(high), len(members))


def _members(labels: Sequence[Hashable]) -> list[NDArray[np.intp]]:
    """Indices of the items with each label, labels in order of first appearance."""
    found: dict[Hashable, list[int]] = {}
    for i, label in enumerate(labels):
        found.setdefault(label, []).append(i)
    return [np.array(indices, dtype=np.intp) for indices in found.values()]


def _ranks(values: Floats) -> Floats:
    """Ranks from 1, tied values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks


def _check_count(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"a count must be from 0 to {n}, not {k}")


def _scores(values: ArrayLike, name: str) -> Floats:
    """A flat, non-empty array without NaN."""
    scores = np.asarray(values, dtype=np.float64).ravel()
    if not len(scores):
        raise ValueError(f"there are no {name} scores; give at least one text of each class")
    if np.isnan(scores).any():
        raise ValueError(f"{np.isnan(scores).sum()} {name} scores are not numbers; leave them out")
    return scores


def supported_log_ratios(human: Floats, synthetic: Floats) -> tuple[float, float]:
    """The lowest and highest log-likelihood ratios that scored texts support.

    human (H,), synthetic (S,): fitted log-likelihood ratios of texts, at least one of each. At or
    above some score there must be texts of both kinds at such odds as the highest says, with one
    human text more counted than there was; the lowest is the same with the kinds exchanged. After
    the empirical bounds of Vergeer et al. 2016, "Numerical likelihood ratios outputted by LR
    systems are often based on extrapolation: when to stop extrapolating?".
    """
    return -_highest_log_ratio(-synthetic, -human), _highest_log_ratio(human, synthetic)


def _highest_log_ratio(wrong: Floats, right: Floats) -> float:
    """The highest log-ratio that `right` texts support against one more than the `wrong` ones."""
    wrong, levels = np.sort(wrong), np.sort(right)  # no level between two of them does better
    found = (len(levels) - np.searchsorted(levels, levels)) / len(levels)
    err = (len(wrong) - np.searchsorted(wrong, levels) + 1) / (len(wrong) + 1)
    return max(0.0, float(np.minimum(levels, np.log(found / err)).max()))
