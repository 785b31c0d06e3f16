"""A cumulative logit mixed model: whole points of a scale, with effects of raters and texts.

P(value <= j) = logistic(threshold_j - condition - rater - text). The likelihood is Laplace's
approximation around the most likely effects (as clmm of Christensen's R package `ordinal`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, special

from hallmark.stats import Z95, Estimate, Floats
from hallmark.study.ratings import Values

_SMALLEST_SD = 1e-3


@dataclass(frozen=True)
class OrdinalMixed:
    """Estimates on the logit scale; `effects` are differences from the first condition."""

    conditions: tuple[str, ...]
    effects: tuple[Estimate, ...]
    thresholds: tuple[float, ...]
    sd_rater: float
    sd_item: float
    log_likelihood: float


def fit_ordinal(values: Values) -> OrdinalMixed:
    """Fit the model to values that are whole points; points nobody gave are left out."""
    points, level = np.unique(values.value, return_inverse=True)
    if len(points) < 2:
        raise ValueError("all ratings are the same; an ordinal model has nothing to explain")
    model = _Model(values, level.astype(np.intp), len(points))
    share = np.cumsum(np.bincount(level))[:-1] / len(level)
    first = special.logit(share)
    start = np.concatenate(
        [first[:1], np.log(np.maximum(np.diff(first), 1e-3)), np.zeros(model.k - 1), [-0.5, -0.5]]
    )
    smallest = float(np.log(_SMALLEST_SD))
    bounds = [(None, None)] * (len(start) - 2) + [(smallest, 3.0)] * 2
    found = optimize.minimize(
        model.loss, start, jac=model.slope, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 200, "ftol": 1e-10},
    )  # fmt: skip
    at = len(points) - 1
    inner = found.x[-2:] > smallest + 0.1  # a deviation at its bound is taken as known
    free = np.flatnonzero(np.concatenate([np.ones(len(start) - 2, dtype=bool), inner]))
    covariance = np.zeros((len(start), len(start)))
    covariance[np.ix_(free, free)] = np.linalg.pinv(model.curvature(found.x)[np.ix_(free, free)])
    effects = []
    for j in range(at, at + model.k - 1):
        b, error = float(found.x[j]), float(np.sqrt(max(covariance[j, j], 0.0)))
        effects.append(Estimate(b, b - Z95 * error, b + Z95 * error, len(values)))
    thresholds, _, sds = model.unpack(found.x)
    return OrdinalMixed(
        values.conditions, tuple(effects), tuple(float(t) for t in thresholds[1:-1]),
        float(sds[0]), float(sds[1]), -float(found.fun),
    )  # fmt: skip


class _Model:
    """Data and the last most likely effects, from which the next search starts."""

    def __init__(self, values: Values, level: NDArray[np.intp], levels: int) -> None:
        self.level, self.levels, self.k = level, levels, len(values.conditions)
        self.rater, self.item, self.condition = values.rater, values.item, values.condition
        self.sizes = (int(values.rater.max()) + 1, int(values.item.max()) + 1)
        self.cell = values.rater * self.sizes[1] + values.item
        self.effects = np.zeros(sum(self.sizes))

    def unpack(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Thresholds with both infinities, condition effects (first 0), standard deviations."""
        cuts = self.levels - 1
        inner = x[0] + np.concatenate([[0.0], np.cumsum(np.exp(x[1:cuts]))])
        beta = np.concatenate([[0.0], x[cuts : cuts + self.k - 1]])
        return np.concatenate([[-np.inf], inner, [np.inf]]), beta, np.exp(x[-2:])

    def loss(self, x: Floats) -> float:
        """Minus Laplace's log-likelihood."""
        thresholds, beta, sds = self.unpack(np.asarray(x))
        scale = np.repeat(sds, self.sizes)
        u = self.effects
        value, gradient, hessian = self._joint(u, thresholds, beta, scale)
        for _ in range(50):
            step = linalg.solve(hessian, gradient, assume_a="pos")
            size = 1.0
            while size > 1e-4:
                trial = self._joint(u - size * step, thresholds, beta, scale)
                if trial[0] <= value + 1e-12:
                    break
                size /= 2
            u = u - size * step
            done = abs(value - trial[0]) < 1e-9 * (1 + abs(value))
            value, gradient, hessian = trial
            if done:
                break
        self.effects = u
        lower = linalg.cholesky(hessian, lower=True)
        return float(value + np.log(np.diag(lower)).sum())

    def _joint(
        self, u: Floats, thresholds: Floats, beta: Floats, scale: Floats
    ) -> tuple[float, Floats, Floats]:
        """Minus log joint density of data and standardised effects, gradient, Hessian."""
        r = self.sizes[0]
        b = scale * u
        eta = beta[self.condition] + b[self.rater] + b[r + self.item]
        high, low = (special.expit(thresholds[self.level + j] - eta) for j in (1, 0))
        dense_high, dense_low = high * (1 - high), low * (1 - low)
        chance = np.maximum(high - low, 1e-300)
        slope = (dense_high - dense_low) / chance  # d(-log chance) / d eta
        bend = slope**2 - (dense_high * (1 - 2 * high) - dense_low * (1 - 2 * low)) / chance
        gradient = scale * self._collect(slope) + u
        both = np.bincount(self.cell, bend, minlength=r * self.sizes[1]).reshape(self.sizes)
        raw = np.block([[np.diag(both.sum(1)), both], [both.T, np.diag(both.sum(0))]])
        hessian = scale[:, None] * raw * scale + np.eye(len(u))
        return float(-np.log(chance).sum() + u @ u / 2), gradient, hessian

    def _collect(self, values: Floats) -> Floats:
        return np.concatenate(
            [
                np.bincount(self.rater, values, minlength=self.sizes[0]),
                np.bincount(self.item, values, minlength=self.sizes[1]),
            ]
        )

    def slope(self, x: Floats) -> Floats:
        """Gradient of the loss by forward differences."""
        base = self.loss(x)
        return np.array([self.loss(x + step) - base for step in np.eye(len(x)) * 1e-5]) / 1e-5

    def curvature(self, x: Floats) -> Floats:
        """Hessian of the loss by second differences."""
        width = 2e-3
        steps = np.eye(len(x)) * width
        found = np.zeros((len(x), len(x)))
        for i in range(len(x)):
            for j in range(i, len(x)):
                a, b = steps[i], steps[j]
                corners = self.loss(x + a + b) - self.loss(x + a - b) - self.loss(x - a + b)
                found[i, j] = found[j, i] = (corners + self.loss(x - a - b)) / (4 * width**2)
        return found
