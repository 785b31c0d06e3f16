"""Validation: texts cut to lengths in turn; classes and lengths count alike."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss

from hallmark.detect.encoders.validation import Held, hold, summarise


def test_texts_are_cut_to_every_length_in_turn() -> None:
    ids = [np.arange(600, dtype=np.int32)] * 8 + [np.arange(100), np.arange(30), np.arange(0)]
    held = hold(ids, [0, 1] * 4 + [0, 1, 1], most=200)
    assert held.stratum.tolist() == [64, 64, 128, 128, 200, 200, 64, 64, 64, 64]
    assert [len(own) for own in held.ids] == [64, 64, 128, 128, 200, 200, 64, 64, 64, 30]
    assert held.labels.tolist() == [0, 1] * 4 + [0, 1]


def test_classes_and_lengths_count_alike() -> None:
    rng = np.random.default_rng(0)
    labels = np.array([0] * 30 + [1] * 10 + [0] * 5 + [1] * 15)
    stratum = np.array([64] * 40 + [128] * 20)
    odds = rng.normal(size=60) + labels
    found = summarise(odds, Held([], labels, stratum))
    accuracies, losses = [], []
    for length in (64, 128):
        own, its = odds[stratum == length], labels[stratum == length]
        accuracies.append(balanced_accuracy_score(its, own > 0))
        shares = np.where(its == 1, 1 / (its == 1).sum(), 1 / (its == 0).sum())
        losses.append(log_loss(its, 1 / (1 + np.exp(-own)), sample_weight=shares))
    assert found.accuracy == pytest.approx(np.mean(accuracies))
    assert found.loss == pytest.approx(np.mean(losses))
    assert list(found.by_length.values()) == pytest.approx(accuracies)


def test_accuracy_comes_before_loss() -> None:
    labels, stratum = np.array([0, 1]), np.array([64, 64])
    sure, unsure, wrong = (
        summarise(np.array(odds), Held([], labels, stratum)).rank
        for odds in ([-5.0, 5.0], [-0.1, 0.1], [-50.0, -0.1])
    )
    assert sure < unsure < wrong


def test_both_kinds_are_needed() -> None:
    with pytest.raises(ValueError, match="held-out texts of both kinds"):
        hold([np.arange(5)], [1], most=10)
