"""The bundled detector's features under a ridge logistic regression fitted on texts at hand.

It knows one row of numbers a text and one length; `reading` makes the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hallmark.detect.detector import check_labels
from hallmark.detect.experts import CLIP
from hallmark.stats import Floats

STRENGTHS = (0.001, 0.01, 0.1, 1.0)  # inverses of the ridge penalty


class Refit:
    """Score: log-odds in nats that a text is synthetic, from its row of features."""

    def __init__(self) -> None:
        self._centre = self._scale = self._weights = np.zeros(0)
        self._bias = 0.0

    def fit(
        self,
        features: Floats,
        labels: Sequence[int],
        *,
        validation: tuple[Floats, Sequence[int]],
    ) -> None:
        """Learn from (N, F) features with labels 0 and 1; the penalty by loss on `validation`.

        Both classes count the same, however many texts they have. ValueError where one is missing.
        """
        check_labels(labels)
        check_labels(validation[1])
        from sklearn.linear_model import LogisticRegression

        self._centre, self._scale = features.mean(0), np.maximum(features.std(0), 1e-9)
        design, held = self._standardised(features), self._standardised(validation[0])
        best = float("inf")
        for strength in STRENGTHS:
            model = LogisticRegression(
                C=strength, solver="newton-cholesky", class_weight="balanced"
            )
            model.fit(design, np.asarray(labels))
            loss = _balanced_loss(model.decision_function(held), np.asarray(validation[1]))
            if loss < best:
                best = loss
                self._weights, self._bias = model.coef_[0], float(model.intercept_[0])

    def score(self, features: Floats) -> Floats:
        """Log-odds (N,) in nats of (N, F) features."""
        if not len(self._weights):
            raise ValueError("this detector has not been fitted; call fit")
        out: Floats = self._standardised(features) @ self._weights + self._bias
        return out

    def _standardised(self, features: Floats) -> Floats:
        z: Floats = np.clip((features - self._centre) / self._scale, -CLIP, CLIP)
        return z


def _balanced_loss(odds: Floats, truth: NDArray[np.int64]) -> float:
    loss = np.logaddexp(0, np.where(truth == 1, -odds, odds))
    return float(loss[truth == 1].mean() + loss[truth == 0].mean())
