"""Logistic regression with bounded weights and balanced classes, by scipy's L-BFGS-B."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import optimize, special

from hallmark.stats import Floats

_RIDGE = 1e-3  # keeps weights finite where the classes do not overlap


def fit_logistic(
    rows: Floats,
    labels: Sequence[int],
    *,
    bounds: Sequence[tuple[float, float]] | None = None,
    intercept: bool = True,
) -> Floats:
    """Weights (F,), or (F + 1,) with the intercept last, of the log-odds that a label is 1.

    rows: (N, F). bounds: of each weight but the intercept. Both labels weigh the same in all, so
    the log-odds are a log-likelihood ratio. ValueError where a label is missing.
    """
    truth = np.asarray(labels, dtype=np.float64)
    if set(truth.tolist()) != {0.0, 1.0}:
        raise ValueError("both kinds of label, 0 and 1, must occur")
    weight = np.where(truth == 1, 0.5 / truth.sum(), 0.5 / (1 - truth).sum())
    width = rows.shape[1]
    matrix = np.column_stack([rows, np.ones(len(rows))]) if intercept else rows
    ridge = np.append(np.full(width, _RIDGE), np.zeros(matrix.shape[1] - width))

    def loss(at: Floats) -> tuple[float, Floats]:
        odds = matrix @ at
        value = float((weight * (np.logaddexp(0, odds) - truth * odds)).sum())
        slope = matrix.T @ (weight * (special.expit(odds) - truth)) + ridge * at
        return value + float(ridge @ at**2) / 2, slope

    free = [(-np.inf, np.inf)] * (matrix.shape[1] - width)
    limits = [*(bounds or [(-np.inf, np.inf)] * width), *free]
    start = np.zeros(matrix.shape[1])
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits)
    return np.asarray(found.x)
