"""Cells: thresholds from validation, rates from test, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from hallmark.evaluate.cells import ROC_AT, best_threshold, cell_of, difference, fit_thresholds
from hallmark.stats import Estimate


def test_the_best_threshold_is_the_best_of_all() -> None:
    generator = np.random.default_rng(0)
    human, synthetic = generator.normal(0, 1, 80), generator.normal(1, 1, 31)
    scores, labels = np.concatenate([human, synthetic]), np.repeat([0, 1], [80, 31])

    def right(threshold: float) -> float:
        return float(balanced_accuracy_score(labels, scores > threshold))

    assert right(best_threshold(human, synthetic)) == pytest.approx(max(map(right, scores)))


def test_scores_that_are_all_the_same_have_a_threshold() -> None:
    assert best_threshold(np.zeros(3), np.zeros(4)) == 0.0


def test_a_cell_keeps_the_thresholds_of_validation() -> None:
    generator = np.random.default_rng(1)
    thresholds = fit_thresholds(generator.normal(0, 1, 400), generator.normal(2, 1, 400))
    human, synthetic = generator.normal(1, 1, 300), generator.normal(3, 1, 200)
    cell = cell_of(
        human, synthetic, thresholds, detector="d", row="r", column="c", length=9
    )  # fmt: skip
    assert (cell.n_human, cell.n_synthetic, cell.length) == (300, 200, 9)
    labels = np.repeat([0, 1], [300, 200])
    scores = np.concatenate([human, synthetic])
    assert cell.auroc.value == pytest.approx(roc_auc_score(labels, scores))
    assert cell.accuracy.value == pytest.approx(
        balanced_accuracy_score(labels, scores > thresholds.accurate)
    )
    # the human texts of the test are unlike those of validation: the rate that was aimed at fails
    assert cell.fpr[1].low > 0.05
    assert cell.tpr[0].value == pytest.approx(float((synthetic > thresholds.at[0]).mean()))
    assert len(cell.roc) == len(ROC_AT)
    assert list(cell.roc) == sorted(cell.roc)
    assert cell.roc[-1] == 1.0


def test_a_difference_has_newcombes_interval() -> None:
    found = difference(Estimate(0.8, 0.7, 0.9, 100), Estimate(0.6, 0.5, 0.8, 60))
    assert found.value == pytest.approx(0.2)
    assert found.low == pytest.approx(0.2 - np.hypot(0.1, 0.2))
    assert found.high == pytest.approx(0.2 + np.hypot(0.1, 0.1))
    assert found.n == 60
