"""The mean loss of a step and its gradient, however the step is cut up."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from hallmark.lm.training import objective
from hallmark.lm.training.objective import NextTokenLoss, gradients
from hallmark.lm.training.parallel import World
from hallmark.lm.training.validation import validate


def expected(network, batch: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    logits = network.logits(network(batch[:, :-1]))
    loss = F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
    return loss.detach(), list(torch.autograd.grad(loss, list(network.parameters())))


@pytest.mark.parametrize("cut", [8, 3, 1])
@pytest.mark.parametrize("recompute", [False, True])
def test_gradients_are_those_of_the_whole_batch(cut: int, recompute: bool, tiny) -> None:
    network = tiny.make_network()
    batch = tiny.make_rows().shuffled(0, 8)
    loss, wanted = expected(network, batch)
    module = NextTokenLoss(network, dataclasses.replace(tiny.CONFIG, recompute=recompute))
    found = gradients(module, module, batch.split(cut), no_sync=None)
    assert found.item() == pytest.approx(loss.item(), rel=1e-6)
    for p, gradient in zip(network.parameters(), wanted, strict=True):
        assert p.grad is not None
        torch.testing.assert_close(p.grad, gradient, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("own_attention", [False, True])
@pytest.mark.parametrize("recompute", [False, True])
def test_our_parts_are_used_and_close(
    own_attention: bool, recompute: bool, tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objective, "wanted_here", lambda: own_attention)
    network = tiny.make_network()
    batch = tiny.make_rows().shuffled(0, 8)
    loss, wanted = expected(network, batch)
    config = dataclasses.replace(tiny.CONFIG, precision="bf16", recompute=recompute)
    module = NextTokenLoss(network, config)
    assert (network.h[0].attn.causal is not None) == own_attention
    found = gradients(module, module, batch.split(3), no_sync=None)
    assert found.item() == pytest.approx(loss.item(), rel=1e-2)
    own = torch.cat([p.grad.flatten() for p in network.parameters()])  # type: ignore[union-attr]
    whole = torch.cat([g.flatten() for g in wanted])
    assert (own - whole).norm() / whole.norm() < 0.03


def test_validation_is_the_mean_over_all_rows(tiny) -> None:
    network, data = tiny.make_network(), tiny.make_data()
    lengths = data.byte_lengths.copy()
    lengths[:10] = 3
    module = NextTokenLoss(network, tiny.CONFIG)
    found = validate(module, module, data.valid, lengths, tiny.CONFIG, World())
    rows = data.valid.read(range(6))
    with torch.no_grad():
        losses = module(rows)
    targets = torch.from_numpy(lengths)[rows[:, 1:]]
    assert found.tokens == losses.numel() == 48
    assert found.loss == pytest.approx(losses.mean().item(), rel=1e-5)
    bits = losses[targets > 0].sum() / targets.sum() / torch.log(torch.tensor(2.0))
    assert found.bits_per_byte == pytest.approx(bits.item(), rel=1e-5)
