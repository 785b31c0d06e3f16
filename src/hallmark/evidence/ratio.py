"""What a value is worth: likelihood ratios learnt from labelled accounts, with their intervals.

Values are put into a few bins; the ratio is that of the bin's share among synthetic and among human
accounts. A bin that few accounts fall into has a wide interval, and fusion takes the end nearest
to no evidence: what is not known does not count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from hallmark.stats import CONFIDENCE

BINS = 5


@dataclass(frozen=True)
class Ratio:
    """Natural log of a likelihood ratio, synthetic over human, with its interval.

    n: labelled accounts behind it, in the bin.
    """

    log: float
    low: float
    high: float
    n: int

    @property
    def sure(self) -> float:
        """The end of the interval that is nearest to 0; 0 where it holds 0."""
        if self.low <= 0 <= self.high:
            return 0.0
        return self.low if self.low > 0 else self.high


NOTHING = Ratio(0.0, 0.0, 0.0, 0)


@dataclass(frozen=True)
class Binned:
    """A signal's ratios: bin i holds values from `edges[i - 1]` to below `edges[i]`.

    seen: lowest and highest value of the labelled accounts in each bin, NaN where there is none.
    """

    edges: tuple[float, ...]
    ratios: tuple[Ratio, ...]
    seen: tuple[tuple[float, float], ...]

    def __call__(self, value: float) -> Ratio:
        """The ratio of a value; no evidence for NaN, which says that it could not be read, and for
        a value beyond what was seen in its bin: others, far from it, say nothing of it.
        """
        if math.isnan(value):
            return NOTHING
        place = int(np.searchsorted(self.edges, value, side="right"))
        low, high = self.seen[place]
        return self.ratios[place] if low <= value <= high else NOTHING


def learn(
    values: ArrayLike, labels: Sequence[int], *, bins: int = BINS, confidence: float = CONFIDENCE
) -> Binned:
    """Ratios of a signal from accounts with labels 0 (human) and 1 (synthetic).

    Edges are quantiles of all values, each value once where many are the same. A half is added to
    each count (Haldane 1956; Anscombe 1956); intervals are Wald's on the log of the ratio of two
    proportions (Katz et al. 1978). ValueError where a class is missing.
    """
    found, truth = np.asarray(values, dtype=np.float64), np.asarray(labels)
    if found.shape != truth.shape or set(truth.tolist()) != {0, 1}:
        raise ValueError("give a label, 0 (human) or 1 (synthetic), for each value, and both kinds")
    known = ~np.isnan(found)
    found, truth = found[known], truth[known]
    if not len(found):
        return Binned((), (NOTHING,), ((math.nan, math.nan),))
    return learn_binned(found, truth.tolist(), _edges(found, bins), confidence=confidence)


def learn_binned(
    values: NDArray[np.float64],
    labels: Sequence[int],
    edges: NDArray[np.float64],
    *,
    confidence: float = CONFIDENCE,
) -> Binned:
    """The ratios of bins with these edges, as `learn` finds them; no value is NaN."""
    truth = np.asarray(labels)
    places = np.searchsorted(edges, values, side="right")
    z = float(special.ndtri(0.5 + confidence / 2))
    totals = [int((truth == label).sum()) for label in (0, 1)]
    ratios, seen = [], []
    for i in range(len(edges) + 1):
        human, synthetic = (int(((places == i) & (truth == label)).sum()) for label in (0, 1))
        ratios.append(_ratio(human, totals[0], synthetic, totals[1], z=z))
        own = values[places == i]
        seen.append((float(own.min()), float(own.max())) if len(own) else (math.nan, math.nan))
    return Binned(tuple(edges.tolist()), tuple(ratios), tuple(seen))


def _edges(values: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """At most bins - 1 edges: quantiles, no two the same, none below which nothing lies."""
    quantiles = np.quantile(values, np.arange(1, bins) / bins, method="higher")
    edges = np.unique(quantiles)
    if len(edges) < bins - 1:  # one value takes up much: give it a bin of its own
        above = np.unique(values)
        edges = np.unique(np.concatenate([edges, above[above > edges[0]][:1]]))
    return np.asarray(edges[edges > values.min()])


def _ratio(human: int, humans: int, synthetic: int, synthetics: int, *, z: float) -> Ratio:
    a, m = synthetic + 0.5, synthetics + 1.0
    b, n = human + 0.5, humans + 1.0
    log = math.log(a / m) - math.log(b / n)
    half = z * math.sqrt(1 / a - 1 / m + 1 / b - 1 / n)
    return Ratio(log, log - half, log + half, human + synthetic)
