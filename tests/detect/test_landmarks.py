"""The Gaussian kernel beside scikit-learn's."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose
from sklearn.metrics.pairwise import rbf_kernel

from hallmark.detect.landmarks import GAMMA, compared, kernel


def rows(n: int, *, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 5))


def test_it_is_a_gaussian_of_the_mean_squared_distance() -> None:
    texts, landmarks = rows(7, seed=0), rows(4, seed=1)
    expected = rbf_kernel(texts, landmarks, gamma=GAMMA / 5)
    assert_allclose(kernel(texts, landmarks), expected, rtol=1e-12)


def test_a_text_is_most_like_itself() -> None:
    found = kernel(1e3 + rows(6, seed=0), 1e3 + rows(6, seed=0))
    assert_allclose(found.diagonal(), 1, atol=1e-6)
    assert (found <= 1).all()
    assert (found[~np.eye(6, dtype=bool)] < 0.999).all()


def test_function_words_are_not_compared() -> None:
    assert compared(["word_the", "words", "lm_rank"]).tolist() == [False, True, True]
