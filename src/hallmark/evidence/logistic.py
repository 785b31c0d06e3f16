"""Logistic regression with bounded weights and balanced classes, by scipy's L-BFGS-B."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Floats = NDArray[np.float64]
_RIDGE = 1e-3  # keeps weights finite where the classes do not overlap


def fit_logistic(
    rows: Floats, labels: Sequence[int], *, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> tuple[Floats, float]:
    """Weights (F,), each within `bounds`, and bias of the log-odds that a row's label is 1.

    rows: (N, F). Both labels weigh the same in all, so the log-odds are a log-likelihood ratio.
    ValueError where a label is missing.
    """
    truth = np.asarray(labels, dtype=np.float64)
    if set(truth.tolist()) != {0.0, 1.0}:
        raise ValueError("both kinds of label, 0 and 1, must occur")
    weight = np.where(truth == 1, 0.5 / truth.sum(), 0.5 / (1 - truth).sum())
    width = rows.shape[1]

    def loss(at: Floats) -> tuple[float, Floats]:
        odds = rows @ at[:width] + at[width]
        wrong = special.expit(odds) - truth
        value = float((weight * (np.logaddexp(0, odds) - truth * odds)).sum())
        slope = np.append(rows.T @ (weight * wrong), (weight * wrong).sum())
        slope[:width] += _RIDGE * at[:width]
        return value + _RIDGE / 2 * float(at[:width] @ at[:width]), slope

    limits = [bounds] * width + [(-np.inf, np.inf)]
    found = optimize.minimize(loss, np.zeros(width + 1), jac=True, method="L-BFGS-B", bounds=limits)
    return found.x[:width], float(found.x[width])
