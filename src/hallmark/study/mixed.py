"""A linear mixed model with crossed random effects of raters and texts, by REML.

value = mean of condition + rater + text + residual. Henderson's equations with the profiled
criterion of Bates et al. (2015, eq. 41): dense in raters + texts, so studies of thousands of
ratings take a second. Tests compare it with statsmodels, whose matrices grow with the ratings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
from scipy import linalg, optimize

from hallmark.stats import CONFIDENCE, Z95, Estimate, Floats
from hallmark.study.compare import Difference
from hallmark.study.ratings import Values


@dataclass(frozen=True)
class LinearMixed:
    """Estimates of a fitted model; `effects` are differences from the first condition."""

    conditions: tuple[str, ...]
    effects: tuple[Estimate, ...]
    intercept: float
    sd_rater: float
    sd_item: float
    sd_residual: float
    criterion: float  # -2 REML log-likelihood


def fit_linear(values: Values) -> LinearMixed:
    """Fit the model; ValueError where a condition or the ratings are too few to tell."""
    k, n = len(values.conditions), len(values)
    if n <= k + 2:
        raise ValueError(f"{n} ratings of {k} conditions are too few for a mixed model")
    design = np.zeros((n, k))
    design[:, 0] = 1
    design[np.arange(n), values.condition] = 1
    parts = _Products(values, design)
    start = min(
        ((a, b) for a in (0.1, 0.5, 1.0) for b in (0.1, 0.5, 1.0)),
        key=lambda theta: parts.deviance(np.array(theta)),
    )
    found = optimize.minimize(
        parts.deviance, start, method="L-BFGS-B", bounds=[(0, None)] * 2,
        options={"ftol": 1e-13, "gtol": 1e-8},
    )  # fmt: skip
    beta, covariance, variance = parts.solve(found.x)
    errors = np.sqrt(np.diag(covariance))
    effects = tuple(
        Estimate(float(b), float(b - Z95 * e), float(b + Z95 * e), n)
        for b, e in zip(beta[1:], errors[1:], strict=True)
    )
    sd = variance**0.5
    return LinearMixed(
        values.conditions, effects, float(beta[0]), float(found.x[0]) * sd,
        float(found.x[1]) * sd, sd, float(found.fun),
    )  # fmt: skip


def apart(linear: LinearMixed, differences: Sequence[Difference]) -> Iterator[str]:
    """Where a registered contrast and the model seem to conclude otherwise, and which counts.

    The model gives differences from its first condition: only contrasts with that are compared.
    """
    first, *others = linear.conditions
    model = dict(zip(others, linear.effects, strict=True))
    for d in differences:
        pair = {d.contrast.higher, d.contrast.lower}
        if first not in pair or isnan(d.p):
            continue
        (other,) = pair - {first}
        registered = d.holm < 1 - CONFIDENCE
        secondary = not model[other].low <= 0 <= model[other].high
        if registered != secondary:
            shows, may = "shows a difference", "shows none: it may be 0"
            yield (
                f"{d.contrast.higher} - {d.contrast.lower}: the registered contrast "
                f"{shows if registered else may}; the linear model {shows if secondary else may}. "
                "Go by the contrast."
            )


class _Products:
    """Cross products of the data, from which every criterion is computed."""

    def __init__(self, values: Values, design: Floats) -> None:
        self.n, self.p = design.shape
        r, i = int(values.rater.max()) + 1, int(values.item.max()) + 1
        self.sizes = (r, i)
        both = np.zeros((r, i))
        np.add.at(both, (values.rater, values.item), 1)
        self.zz = np.block([[np.diag(both.sum(1)), both], [both.T, np.diag(both.sum(0))]])
        self.zx = np.zeros((r + i, self.p))
        np.add.at(self.zx, values.rater, design)
        np.add.at(self.zx, r + values.item, design)
        self.zy = np.zeros(r + i)
        np.add.at(self.zy, values.rater, values.value)
        np.add.at(self.zy, r + values.item, values.value)
        self.xx, self.xy = design.T @ design, design.T @ values.value
        self.yy = float(values.value @ values.value)

    def _reduce(self, theta: Floats) -> tuple[Floats, Floats, float, float]:
        """Factor of the fixed part, its right side, penalised residual, log determinant."""
        scale = np.repeat(theta, self.sizes)
        lower = linalg.cholesky(scale[:, None] * self.zz * scale + np.eye(len(scale)), lower=True)
        cu = linalg.solve_triangular(lower, scale * self.zy, lower=True)
        rzx = linalg.solve_triangular(lower, scale[:, None] * self.zx, lower=True)
        rx = linalg.cholesky(self.xx - rzx.T @ rzx, lower=True)
        cb = linalg.solve_triangular(rx, self.xy - rzx.T @ cu, lower=True)
        residual = self.yy - cu @ cu - cb @ cb
        logdet = 2 * (np.log(np.diag(lower)).sum() + np.log(np.diag(rx)).sum())
        return rx, cb, float(residual), float(logdet)

    def deviance(self, theta: Floats) -> float:
        """-2 REML log-likelihood, residual variance profiled out."""
        _, _, residual, logdet = self._reduce(np.asarray(theta))
        free = self.n - self.p
        return float(logdet + free * (1 + np.log(2 * np.pi * max(residual, 1e-12) / free)))

    def solve(self, theta: Floats) -> tuple[Floats, Floats, float]:
        """Fixed effects, their covariance, and the residual variance."""
        rx, cb, residual, _ = self._reduce(theta)
        variance = residual / (self.n - self.p)
        inverse = linalg.solve_triangular(rx, np.eye(self.p), lower=True)
        return inverse.T @ cb, variance * inverse.T @ inverse, variance
