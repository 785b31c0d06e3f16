"""Attention out of products gives PyTorch's numbers, forward and backward."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from hallmark.lm import attention
from hallmark.lm.attention import causal_attention


def inputs(batch: int = 3, heads: int = 2, length: int = 20, width: int = 8) -> Tensor:
    """As a layer gives them: queries, keys and values of a position side by side."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, length, 3, heads, width, generator=generator).bfloat16()


def attended(x: Tensor, call, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """What `call` makes of x, and the gradient that it gives x."""
    x = x.clone().requires_grad_()
    out = call(*(part.transpose(1, 2) for part in x.unbind(2)))
    torch.autograd.backward(out, gradient)
    assert x.grad is not None
    return out.detach(), x.grad


def exact(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


@pytest.mark.parametrize("block", [1, 7, 128])
@pytest.mark.parametrize("scores", [1, 2 * 2 * 7 * 20, 2**21])
def test_output_and_gradients_are_pytorchs(
    block: int, scores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "_BLOCK", block)
    monkeypatch.setattr(attention, "_SCORES", scores)
    x = inputs()
    gradient = torch.randn(3, 2, 20, 8, generator=torch.Generator().manual_seed(1)).bfloat16()
    wanted = attended(x.double(), exact, gradient.double())
    found = attended(x, causal_attention, gradient)
    theirs = attended(x, exact, gradient)
    for own, other, true in zip(found, theirs, wanted, strict=True):
        assert own.dtype == torch.bfloat16
        error, usual = ((y.double() - true).norm() / true.norm() for y in (own, other))
        assert error < max(2 * usual, torch.tensor(0.006))


def test_no_position_sees_a_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "_BLOCK", 8)
    x = inputs()
    changed = x.clone()
    changed[:, 13:] += 1
    gradient = torch.ones(3, 2, 20, 8).bfloat16()
    before, after = (attended(y, causal_attention, gradient)[0] for y in (x, changed))
    assert torch.equal(before[:, :, :13], after[:, :, :13])
    assert not torch.equal(before[:, :, 13:], after[:, :, 13:])


def test_float32_goes_to_pytorch() -> None:
    x = inputs().float()
    gradient = torch.ones(3, 2, 20, 8)
    for own, other in zip(
        attended(x, causal_attention, gradient), attended(x, exact, gradient), strict=True
    ):
        assert torch.equal(own, other)
