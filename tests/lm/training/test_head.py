"""The chunked head gives autograd's loss and gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from hallmark.lm.training import head
from hallmark.lm.training.head import head_loss, token_losses


def inputs(rows: int = 40, width: int = 24, vocabulary: int = 97):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(rows, width, generator=generator, requires_grad=True)
    weight = torch.randn(vocabulary, width, generator=generator, requires_grad=True)
    return hidden, weight, torch.randint(vocabulary, (rows,), generator=generator)


@pytest.mark.parametrize("chunk", [97, 97 * 7, 2**20])
@pytest.mark.parametrize("cache", [1, 97 * 3, 2**20])
def test_loss_and_gradients_are_autograds(
    chunk: int, cache: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "_CHUNK", chunk)
    monkeypatch.setattr(head, "_CACHE", cache)
    hidden, weight, targets = inputs()
    expected = F.cross_entropy(hidden @ weight.t(), targets)
    wanted = torch.autograd.grad(expected * 3, (hidden, weight))
    loss = head_loss(hidden, weight, targets, scale=1 / 40, dtype=torch.float32)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    found = torch.autograd.grad(loss * 3, (hidden, weight))
    for gradient, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient, other, atol=1e-6, rtol=1e-5)


def test_products_in_bf16_are_close() -> None:
    hidden, weight, targets = inputs(rows=200)
    expected = F.cross_entropy(hidden @ weight.t(), targets)
    wanted = torch.autograd.grad(expected, (hidden, weight))
    loss = head_loss(hidden, weight, targets, scale=1 / 200, dtype=torch.bfloat16)
    found = torch.autograd.grad(loss, (hidden, weight))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-3)
    for gradient, other in zip(found, wanted, strict=True):
        assert gradient.dtype == torch.float32
        assert (gradient - other).norm() / other.norm() < 0.02


def test_a_frozen_weight_gets_no_gradient() -> None:
    hidden, weight, targets = inputs()
    frozen = weight.detach()
    loss = head_loss(hidden, frozen, targets, scale=1.0, dtype=torch.float32)
    torch.autograd.backward(loss)
    assert frozen.grad is None
    assert hidden.grad is not None


def test_large_logits_do_not_overflow() -> None:
    hidden, weight, targets = inputs()
    loss = head_loss(hidden * 1e3, weight, targets, scale=1.0, dtype=torch.float32)
    assert torch.isfinite(loss)


def test_losses_of_single_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "_CHUNK", 97 * 4 * 6)
    hidden, weight, targets = inputs()
    expected = F.cross_entropy(hidden @ weight.t(), targets, reduction="none")
    found = token_losses(hidden, weight, targets, dtype=torch.float32)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
