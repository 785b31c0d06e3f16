"""The bundled detector's features, fitted anew: against scikit-learn's own pipeline."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hallmark.detect import refit
from hallmark.detect.refit import Refit


def sample(seed: int, n: int) -> tuple[np.ndarray, list[int]]:
    """Three features, of which the first tells the classes apart and the last never changes."""
    generator = np.random.default_rng(seed)
    labels = (np.arange(n) % 4 == 0).astype(int)
    raw = generator.normal(0, 1, (n, 2))
    raw[:, 0] += labels
    return np.column_stack([10 + 5 * raw, np.ones(n)]), labels.tolist()


def test_scores_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refit, "STRENGTHS", (0.1,))
    monkeypatch.setattr(refit, "CLIP", 1e9)
    features, labels = sample(0, 200)
    own = Refit()
    own.fit(features, labels, validation=sample(1, 80))
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000)
    oracle = make_pipeline(StandardScaler(), model).fit(features, labels)
    np.testing.assert_allclose(own.score(features), oracle.decision_function(features), atol=1e-4)


def test_the_penalty_is_that_of_the_least_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = sample(0, 40)
    validation = sample(1, 400)
    found = {}
    for strength in (1e-6, 0.1):
        monkeypatch.setattr(refit, "STRENGTHS", (strength,))
        one = Refit()
        one.fit(features, labels, validation=validation)
        found[strength] = one.score(features)
    monkeypatch.setattr(refit, "STRENGTHS", (1e-6, 0.1))
    both = Refit()
    both.fit(features, labels, validation=validation)
    np.testing.assert_array_equal(both.score(features), found[0.1])


def test_what_cannot_be_fitted_is_said() -> None:
    features, labels = sample(0, 8)
    with pytest.raises(ValueError, match="both must occur"):
        Refit().fit(features, [0] * 8, validation=(features, labels))
    with pytest.raises(ValueError, match="not been fitted"):
        Refit().score(features)
