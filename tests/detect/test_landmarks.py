"""The Gaussian kernel beside scikit-learn's, and its root."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose
from sklearn.metrics.pairwise import rbf_kernel

from hallmark.detect.landmarks import REACH, compared, likeness, root


def rows(n: int, *, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 5))


def test_likeness_is_a_gaussian_of_the_mean_squared_distance() -> None:
    texts, landmarks = rows(7, seed=0), rows(4, seed=1)
    expected = rbf_kernel(texts, landmarks, gamma=REACH / 5)
    assert_allclose(likeness(texts, landmarks), expected, rtol=1e-12)


def test_a_text_is_most_like_itself() -> None:
    found = likeness(1e3 + rows(6, seed=0), 1e3 + rows(6, seed=0))
    assert_allclose(found.diagonal(), 1, atol=1e-6)
    assert (found <= 1).all()
    assert (found[~np.eye(6, dtype=bool)] < 0.999).all()


def test_the_map_has_the_products_of_the_kernel() -> None:
    landmarks = rows(20, seed=0)
    kernel = likeness(landmarks, landmarks)
    mapped = kernel @ root(landmarks)
    assert_allclose(mapped @ mapped.T, kernel, atol=3e-3)


def test_landmarks_that_are_the_same_text() -> None:
    landmarks = np.tile(rows(1, seed=0), (5, 1))
    mapped = likeness(landmarks, landmarks) @ root(landmarks)
    assert_allclose(mapped @ mapped.T, 1, atol=1e-3)


def test_function_words_are_not_compared() -> None:
    assert compared(["word_the", "words", "lm_rank"]).tolist() == [False, True, True]


def test_without_features_all_texts_are_alike() -> None:
    assert likeness(np.zeros((2, 0)), np.zeros((3, 0))).tolist() == [[1.0] * 3] * 2
