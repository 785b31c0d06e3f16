"""The chunked head gives autograd's loss and gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from hallmark.lm import fused
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


@pytest.mark.parametrize("spread", [1.0, 30.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compiled_gradients_are_those_of_the_formula(dtype: torch.dtype, spread: float) -> None:
    generator = torch.Generator().manual_seed(1)
    buffer = (spread * torch.randn(50, 2112, generator=generator)).to(dtype)
    logits, beyond = buffer[:, :2051], buffer[:, 2051:].clone()
    targets = torch.randint(2051, (50,), generator=generator)
    wide = logits.double()
    expected = (wide.softmax(1) - F.one_hot(targets, 2051)) * 0.25
    loss = fused.softmax_gradient(logits, targets, scale=0.25)
    torch.testing.assert_close(loss.double(), F.cross_entropy(wide, targets, reduction="sum"))
    rounding = 2**-8 if dtype == torch.bfloat16 else 2e-6
    torch.testing.assert_close(logits.double(), expected, rtol=rounding, atol=1e-7)
    assert torch.equal(buffer[:, 2051:], beyond)


@pytest.mark.parametrize("damage", [float("nan"), float("inf")])
def test_damage_shows_in_the_loss(damage: float) -> None:
    logits = torch.zeros(3, 40, dtype=torch.bfloat16)
    logits[1, 7] = damage
    targets = torch.tensor([1, 2, 3])
    assert not torch.isfinite(fused.softmax_gradient(logits, targets, scale=1.0))
