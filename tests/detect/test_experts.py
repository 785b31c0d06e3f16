"""Two families at a ladder of lengths: interpolation and mixture."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hallmark.detect.experts import CLIP, SHARES, Experts, between, mixture
from hallmark.detect.landmarks import GAMMA

LENGTHS = np.array([64, 128, 256])


@pytest.fixture
def experts() -> Experts:
    rng = np.random.default_rng(0)
    return Experts(
        ("a", "b"), LENGTHS, rng.normal(size=(3, 2)), np.exp(rng.normal(size=(3, 2))),
        rng.normal(size=(2, 3, 2)), rng.normal(size=(2, 3)), rng.normal(size=(5, 2)),
        rng.normal(size=(2, 3, 5)),
    )  # fmt: skip


def one_ratio(e: Experts, x: np.ndarray, k: int, at: int) -> float:
    z = [max(-CLIP, min(CLIP, (x[f] - e.centre[at, f]) / e.scale[at, f])) for f in range(2)]
    straight = sum(z[f] * e.weights[k, at, f] for f in range(2)) + e.bias[k, at]
    squares = [sum((z[f] - e.landmarks[m, f]) ** 2 for f in range(2)) for m in range(5)]
    return straight + sum(
        e.dual_weights[k, at, m] * math.exp(-GAMMA * squares[m] / 2) for m in range(5)
    )


def test_places_between_lengths() -> None:
    low, share = between(LENGTHS, np.array([1, 64, 90, 128, 181, 256, 9999]))
    assert low.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert_allclose(share, [0, 0, math.log2(90 / 64), 0, math.log2(181 / 128), 0, 0])


def test_ratios_at_and_between_lengths(experts: Experts) -> None:
    x = np.random.default_rng(1).normal(size=(4, 2)) * 3
    found = experts.ratios(x, np.array([64, 90, 256, 5000]))
    t = math.log2(90 / 64)
    for k in range(2):
        at = [one_ratio(experts, row, k, a) for row, a in zip(x, (0, 0, 2, 2), strict=True)]
        at[1] = (1 - t) * at[1] + t * one_ratio(experts, x[1], k, 1)
        assert_allclose(found[:, k], at)


def test_the_score_is_continuous_in_the_length(experts: Experts) -> None:
    tokens = np.arange(60, 300)
    scores = experts.score(np.tile([0.3, -0.2], (len(tokens), 1)), tokens)
    assert np.abs(np.diff(scores)).max() < 0.1


def test_one_wild_feature_is_clipped(experts: Experts) -> None:
    wild, wilder = experts.score(np.array([[1e9, 0.0], [1e12, 0.0]]), np.array([64, 64]))
    assert wild == wilder


def test_mixture_is_of_likelihoods() -> None:
    ratios = np.log([[3.0, 1.0], [0.1, 0.1], [1000.0, 1e-9]])
    pure, truncated = SHARES
    assert_allclose(np.exp(mixture(ratios)), [3 * pure + truncated, 0.1, 1000 * pure])
    assert_allclose(mixture(np.array([[5000.0, 0.0]])), [5000 + math.log(pure)])
    assert_allclose(pure + truncated, 1)


def test_no_texts(experts: Experts) -> None:
    assert experts.score(np.zeros((0, 2)), np.zeros(0, dtype=np.int64)).shape == (0,)


def test_saved_and_read_back(experts: Experts) -> None:
    back = Experts.from_tensors(experts.names, experts.tensors())
    x, tokens = np.random.default_rng(2).normal(size=(9, 2)), np.arange(50, 500, 50)
    assert (back.score(x, tokens) == experts.score(x, tokens)).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"centre": np.zeros((3, 5))}, "centre has shape"),
        ({"weights": np.zeros((2, 3))}, "weights has shape"),
        ({"bias": np.zeros((1, 3))}, "bias has shape"),
        ({"scale": np.zeros((3, 2))}, "scale must be above 0"),
        ({"landmarks": np.zeros((5, 1))}, "landmarks has shape"),
        ({"dual_weights": np.zeros((2, 3, 4))}, "dual_weights has shape"),
        ({"landmarks": np.full((5, 2), 1e300)}, "landmarks must lie within 4"),
        ({"dual_weights": np.full((2, 3, 5), -1e300)}, "dual_weights holds a number above 1e"),
        ({"weights": np.full((2, 3, 2), 1e300)}, "weights holds a number above 1e"),
        ({"weights": np.zeros((3, 3, 2))}, "weights has shape"),
        ({"lengths": np.array([64, 64, 128])}, "lengths must rise"),
        ({"lengths": np.array([64.0, 96.0, 128.0])}, "type float64"),
        ({"lengths": np.zeros(0, dtype=np.int64)}, "lengths has shape"),
    ],
)
def test_arrays_that_do_not_fit(experts: Experts, changed: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Experts.from_tensors(experts.names, experts.tensors() | changed)


def test_a_missing_array(experts: Experts) -> None:
    arrays = experts.tensors()
    del arrays["bias"]
    with pytest.raises(ValueError, match="array bias is missing"):
        Experts.from_tensors(experts.names, arrays)
