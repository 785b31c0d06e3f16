"""The compiled softmax over causal scores, and its gradient, give PyTorch's numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hallmark.lm.causal import softmax_, softmax_gradient_


def scores(batch: int, queries: int, keys: int, *, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (4 * torch.randn(batch, queries, keys, generator=generator)).bfloat16()


def seen(queries: int, keys: int) -> Tensor:
    """Which keys each query sees: the last of them sees all."""
    return torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("batch", "queries", "keys"), [(1, 1, 1), (3, 5, 5), (2, 7, 40)])
def test_weights_and_gradients(batch: int, queries: int, keys: int, threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        compare(batch, queries, keys)
    finally:
        torch.set_num_threads(before)


def compare(batch: int, queries: int, keys: int) -> None:
    given, gradient = (scores(batch, queries, keys, seed=seed) for seed in (0, 1))
    exact = given.double().masked_fill(~seen(queries, keys), float("-inf")).requires_grad_()
    wanted = exact.softmax(-1)
    torch.autograd.backward(wanted, gradient.double())
    weights, own = given.clone(), gradient.clone()
    sums = softmax_(weights)
    torch.testing.assert_close(weights.double(), wanted.detach(), atol=1e-30, rtol=2**-8)
    torch.testing.assert_close(sums.double(), exact.detach().logsumexp(-1), atol=1e-6, rtol=1e-6)
    again = given.clone()
    softmax_gradient_(again, own, sums)
    torch.testing.assert_close(again, weights, atol=0, rtol=2**-7)
    assert exact.grad is not None
    torch.testing.assert_close(own.double(), exact.grad, atol=1e-5, rtol=2**-7)
    assert not weights[:, ~seen(queries, keys)].any()
    assert not own[:, ~seen(queries, keys)].any()


def test_what_is_hidden_does_not_matter() -> None:
    given, gradient = (scores(2, 4, 9, seed=seed) for seed in (0, 1))
    other, other_gradient = given.clone(), gradient.clone()
    for x in (other, other_gradient):
        x[:, ~seen(4, 9)] = float("nan")
    weights, other_weights = given.clone(), other.clone()
    sums = softmax_(weights)
    assert torch.equal(sums, softmax_(other_weights))
    assert torch.equal(weights, other_weights)
    softmax_gradient_(given, gradient, sums)
    softmax_gradient_(other, other_gradient, sums)
    assert torch.equal(gradient, other_gradient)
    assert torch.equal(given, other)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_what_is_not_finite_shows(broken: float) -> None:
    given = scores(2, 3, 6, seed=0)
    given[1, 2, 0] = broken
    weights, gradient = given.clone(), torch.ones(2, 3, 6).bfloat16()
    sums = softmax_(weights)
    softmax_gradient_(given, gradient, sums)
    for x in (weights, given, gradient):
        assert x[1, 2].isnan().all()
        assert x[0].isfinite().all()
