"""Logistic regression on TF-IDF rows for one C after another, each begun near its end.

The objective and the method are liblinear's (Lin, Weng and Keerthi 2008), which the published
recipe uses: |w|^2 / 2 + C sum of log-losses, the intercept being one more weight. A pass over
the counts is compiled; TF-IDF values are never written down: a row is counts x idf / norm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit
from threadpoolctl import threadpool_limits

from hallmark.detect.ngrams import COUNT_BITS, Rows, threads
from hallmark.lm.compiled import ANY_ORDER, kept
from hallmark.stats import Floats

Pool = ThreadPoolExecutor
TOLERANCE = 1e-4  # liblinear's: of the gradient's norm at zero, times the smaller class's share
MOST_STEPS = 1000
_FORCING = 0.1  # a step is solved until this share of the gradient is left
_ENOUGH = 1e-4  # of what its slope promises, that a step must bring
_HALVINGS = 30  # of a step that brings less
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
    """The solution for every C in turn. `labels` (texts,) are 0 or 1.

    Each begins where the line through the two solutions before it leads.
    """
    signs = np.where(np.asarray(labels) == 1, 1.0, -1.0)
    problem = _Problem(rows, signs, idf)
    before = last = np.zeros(len(idf) + 1)
    for c in c_values:
        # BLAS's own threads would wait for work on the processors that the passes need.
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(problem.workers) as pool:
            before, last = last, problem.solve(2 * last - before, c, pool)
        yield Fitted(c, last[:-1].copy(), float(last[-1]))


class _Problem:
    """The rows in as many shares as there are threads, and room for a gradient of each."""

    def __init__(self, rows: Sequence[Rows], signs: Floats, idf: Floats) -> None:
        self.workers = max(1, min(threads(), len(rows)))
        self._idf = idf
        self._tolerance = TOLERANCE * min((signs > 0).mean(), (signs < 0).mean())
        ends = np.cumsum([len(r.ends) for r in rows])
        shares = zip(rows, np.split(signs, ends[:-1]), strict=True)
        self._rows = [_Share(r, own, _scales(r, idf), np.empty(len(own))) for r, own in shares]
        self._sums = [np.zeros(len(idf) + 1) for _ in range(self.workers)]

    def solve(self, point: Floats, c: float, pool: Pool) -> Floats:
        """The minimum for this C, from `point` on: Newton's method by conjugate gradients.

        Stops as liblinear does, where the gradient is small beside that at zero.
        """
        _, gradient = self._losses(np.zeros_like(point), c, pool)
        enough = self._tolerance * float(np.linalg.norm(gradient))
        value, gradient = self._losses(point, c, pool)
        for _ in range(MOST_STEPS):
            size = float(np.linalg.norm(gradient))
            if size <= enough:
                break
            step = self._newton_step(gradient, c, max(_FORCING * size, enough / 2), pool)
            length, slope = 1.0, float(gradient @ step)
            for _ in range(_HALVINGS):
                reached, steeper = self._losses(point + length * step, c, pool)
                if reached <= value + _ENOUGH * length * slope:
                    break
                length /= 2
            point, value, gradient = point + length * step, reached, steeper
        return point

    def _newton_step(self, gradient: Floats, c: float, enough: float, pool: Pool) -> Floats:
        """Minus the inverse of the Hessian at the last point, times `gradient`, to `enough`."""
        step, rest = np.zeros_like(gradient), -gradient
        direction, square = rest.copy(), float(rest @ rest)
        for _ in range(MOST_STEPS):
            bent = direction + c * self._sum(_bend, direction, pool)[1]
            length = square / float(direction @ bent)
            step += length * direction
            rest -= length * bent
            before, square = square, float(rest @ rest)
            if square <= enough * enough:
                break
            direction *= square / before
            direction += rest
        return step

    def _losses(self, point: Floats, c: float, pool: Pool) -> tuple[float, Floats]:
        """The objective and its gradient; the rows keep their losses' second derivatives."""
        loss, gradient = self._sum(_losses, point, pool)
        return float(point @ point) / 2 + c * loss, point + c * gradient

    def _sum(self, kernel: Callable[..., float], point: Floats, pool: Pool) -> tuple[float, Floats]:
        """What a kernel gives for all rows, and what it adds up, in units of the weights."""
        scaled = np.append(self._idf * point[:-1], point[-1])

        def share(worker: int) -> float:
            out, total = self._sums[worker], 0.0
            out[:] = 0.0
            for own in self._rows[worker :: self.workers]:
                r = own.rows
                total += kernel(r.entries, r.ends, own.scales, own.signs, own.bends, scaled, out)
            return total

        total = sum(pool.map(share, range(self.workers)))
        out = np.sum(self._sums, axis=0)
        out[:-1] *= self._idf
        return total, out


@dataclass(frozen=True)
class _Share:
    """Some rows with their texts' signs, what makes their length 1, and room for curvatures."""

    rows: Rows
    signs: Floats
    scales: Floats
    bends: Floats


def _scales(rows: Rows, idf: Floats) -> Floats:
    """What makes each row's length 1."""
    out = np.empty(len(rows.ends))
    _norms(rows.entries, rows.ends, idf, out)
    return out


@kept(**ANY_ORDER)
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


@kept(**ANY_ORDER)
def _margins(entries, ends, idf, scaled, out):
    _norms(entries, ends, idf, out)
    at = 0
    for i in range(len(ends)):
        total = 0.0
        while at < ends[i]:
            total += np.float64(entries[at] & _LOW) * scaled[entries[at] >> _BITS]
            at += 1
        out[i] *= total


@njit(inline="always", **ANY_ORDER)
def _product(entries, begin, end, scaled):
    total = 0.0
    for j in range(begin, end):
        total += np.float64(entries[j] & _LOW) * scaled[entries[j] >> _BITS]
    return total


@njit(inline="always", **ANY_ORDER)
def _add(entries, begin, end, pull, scale, out):
    """Add a row times `pull`; the last of `out` is the intercept's."""
    out[-1] += pull
    pull *= scale
    for j in range(begin, end):
        out[entries[j] >> _BITS] += pull * np.float64(entries[j] & _LOW)


@kept(**ANY_ORDER)
def _losses(entries, ends, scales, signs, bends, scaled, gradient):
    """Sum of the rows' log-losses; adds to their gradient, and keeps second derivatives."""
    at, loss = 0, 0.0
    for i in range(len(ends)):
        margin = signs[i] * (_product(entries, at, ends[i], scaled) * scales[i] + scaled[-1])
        small = math.exp(-abs(margin))
        loss += math.log1p(small) + max(-margin, 0.0)
        wrong = (small if margin > 0 else 1.0) / (1 + small)  # probability of the other label
        bends[i] = wrong * (1 - wrong)
        _add(entries, at, ends[i], -signs[i] * wrong, scales[i], gradient)
        at = ends[i]
    return loss


@kept(**ANY_ORDER)
def _bend(entries, ends, scales, signs, bends, scaled, out):
    """Adds the losses' Hessian times a vector, at the point that `_losses` saw last."""
    at = 0
    for i in range(len(ends)):
        along = _product(entries, at, ends[i], scaled) * scales[i] + scaled[-1]
        _add(entries, at, ends[i], bends[i] * along, scales[i], out)
        at = ends[i]
    return 0.0
