"""The bounded fit against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hallmark.evidence.logistic import fit_logistic


@pytest.mark.parametrize("intercept", [True, False])
def test_without_bounds_it_is_scikit_learns(intercept: bool) -> None:
    generator = np.random.default_rng(0)
    labels = (generator.random(300) < 0.3).astype(int)
    rows = generator.normal(size=(300, 3)) + labels[:, None] * [1.0, 0.5, 0.0]
    found = fit_logistic(rows, labels.tolist(), intercept=intercept)
    share = labels.mean()
    weight = np.where(labels == 1, 0.5 / share, 0.5 / (1 - share)) / 300
    peer = LogisticRegression(C=1 / 1e-3, fit_intercept=intercept, tol=1e-10, max_iter=1000)
    peer.fit(rows, labels, sample_weight=weight)
    wanted = np.append(peer.coef_[0], peer.intercept_) if intercept else peer.coef_[0]
    np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_weights_stay_within_their_bounds() -> None:
    rows = np.array([[-3.0, 1.0], [-1.0, 2.0], [1.0, 0.5], [3.0, 0.1]])
    found = fit_logistic(rows, [0, 0, 1, 1], bounds=[(0, 1), (0, 1)], intercept=False)
    assert found[0] == pytest.approx(1)
    assert 0 <= found[1] <= 1


def test_one_kind_of_label_is_refused() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        fit_logistic(np.ones((2, 1)), [1, 1])
