"""Logistic regression on TF-IDF rows for one C after another, each begun where the last ended.

The objective is liblinear's, which the published recipe uses: |w|^2 / 2 + C sum of log-losses,
the intercept being one more weight. The optimiser is SciPy's L-BFGS-B; loss and gradient are one
compiled pass over the counts. TF-IDF values are never written down: a row is counts x idf / norm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from hallmark.detect.ngrams import COUNT_BITS, Rows, threads
from hallmark.lm.compiled import kept

Floats = NDArray[np.float64]
TOLERANCE = 1e-4  # liblinear's: of the gradient's norm at zero, times the smaller class's share
MOST_STEPS = 1000
_MEMORY = 10  # steps that L-BFGS remembers
_BITS, _LOW = np.uint32(COUNT_BITS), np.uint32(2**COUNT_BITS - 1)


@dataclass(frozen=True)
class Fitted:
    """Weights (features,) of TF-IDF values and the intercept, for one C."""

    c: float
    weights: Floats
    intercept: float


def margins(rows: Rows, idf: Floats, weights: Floats) -> Floats:
    """TF-IDF rows, each of length 1, times `weights`; 0 for a text without features."""
    out = np.empty(len(rows.ends))
    _margins(rows.entries, rows.ends, idf, idf * weights, out)
    return out


def fit_path(
    rows: Sequence[Rows], labels: Sequence[int], idf: Floats, c_values: Sequence[float]
) -> Iterator[Fitted]:
    """The solution for every C in turn. `labels` (texts,) are 0 or 1."""
    signs = np.where(np.asarray(labels) == 1, 1.0, -1.0)
    share = min((signs > 0).mean(), (signs < 0).mean())
    problem = _Problem(rows, signs, idf)
    with ThreadPoolExecutor(problem.workers) as pool:
        point = np.zeros(len(idf) + 1)
        for c in c_values:
            point = problem.solve(point, c, tolerance=TOLERANCE * float(share), pool=pool)
            yield Fitted(c, point[:-1].copy(), float(point[-1]))


class _Problem:
    """The rows in as many shares as there are threads, and room for a gradient of each."""

    def __init__(self, rows: Sequence[Rows], signs: Floats, idf: Floats) -> None:
        self.workers = max(1, min(threads(), len(rows)))
        self._idf = idf
        starts = np.cumsum([0, *(len(r.ends) for r in rows)])
        self._rows = [
            (r, signs[at : at + len(r.ends)], _scales(r, idf))
            for r, at in zip(rows, starts[:-1], strict=True)
        ]
        self._gradients = [np.zeros(len(idf)) for _ in range(self.workers)]
        self._norm = math.inf  # of the last gradient

    def solve(self, point: Floats, c: float, *, tolerance: float, pool: ThreadPoolExecutor) -> Floats:
        """The minimum for this C, from `point` on."""

        def objective(at: Floats) -> tuple[float, Floats]:
            return self._objective(at, c, pool)

        self._objective(np.zeros_like(point), c, pool)
        enough = tolerance * self._norm

        def stop(_: Floats) -> None:
            if self._norm <= enough:
                raise StopIteration

        options = {"maxiter": MOST_STEPS, "maxfun": 2 * MOST_STEPS, "maxcor": _MEMORY, "ftol": 0, "gtol": 0}
        found = minimize(objective, point, jac=True, method="L-BFGS-B", callback=stop, options=options)
        return np.asarray(found.x)

    def _objective(self, point: Floats, c: float, pool: ThreadPoolExecutor) -> tuple[float, Floats]:
        scaled = self._idf * point[:-1]
        sums = list(
            pool.map(lambda k: self._share(k, scaled, float(point[-1])), range(self.workers))
        )
        gradient = point.copy()
        for k in range(self.workers):
            gradient[:-1] += c * self._idf * self._gradients[k]
        gradient[-1] += c * sum(slope for _, slope in sums)
        self._norm = float(np.linalg.norm(gradient))
        return float(point @ point) / 2 + c * sum(loss for loss, _ in sums), gradient

    def _share(self, worker: int, scaled: Floats, intercept: float) -> tuple[float, float]:
        """Loss of a worker's rows and its slope in the intercept; fills the worker's gradient."""
        gradient = self._gradients[worker]
        gradient[:] = 0.0
        loss = slope = 0.0
        for rows, signs, scales in self._rows[worker :: self.workers]:
            more = _losses(rows.entries, rows.ends, scales, signs, scaled, intercept, gradient)
            loss, slope = loss + more[0], slope + more[1]
        return loss, slope


def _scales(rows: Rows, idf: Floats) -> Floats:
    """What makes each row's length 1."""
    out = np.empty(len(rows.ends))
    _norms(rows.entries, rows.ends, idf, out)
    return out


@kept
def _norms(entries, ends, idf, out):
    """1 / norm of every row. Entries of one feature lie side by side."""
    at = 0
    for i in range(len(ends)):
        total = 0.0
        while at < ends[i]:
            number = entries[at] >> _BITS
            uses = np.int64(0)
            while at < ends[i] and entries[at] >> _BITS == number:
                uses += np.int64(entries[at] & _LOW)
                at += 1
            total += (uses * idf[number]) ** 2
        out[i] = 1.0 / math.sqrt(total) if total > 0 else 0.0


@kept
def _margins(entries, ends, idf, scaled, out):
    _norms(entries, ends, idf, out)
    at = 0
    for i in range(len(ends)):
        total = 0.0
        while at < ends[i]:
            total += np.float64(entries[at] & _LOW) * scaled[entries[at] >> _BITS]
            at += 1
        out[i] *= total


@kept
def _losses(entries, ends, scales, signs, scaled, intercept, gradient):
    """Sum of log-losses of rows and its slope in the intercept; adds to `gradient` (features,)."""
    at, loss, slope = 0, 0.0, 0.0
    for i in range(len(ends)):
        total = 0.0
        for j in range(at, ends[i]):
            total += np.float64(entries[j] & _LOW) * scaled[entries[j] >> _BITS]
        margin = signs[i] * (total * scales[i] + intercept)
        if margin > 0:
            small = math.exp(-margin)
            loss += math.log1p(small)
            pull = -signs[i] * small / (1 + small)
        else:
            small = math.exp(margin)
            loss += math.log1p(small) - margin
            pull = -signs[i] / (1 + small)
        slope += pull
        pull *= scales[i]
        for j in range(at, ends[i]):
            gradient[entries[j] >> _BITS] += pull * np.float64(entries[j] & _LOW)
        at = ends[i]
    return loss, slope
