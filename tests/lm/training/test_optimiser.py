"""Each parameter has one optimiser, and decay goes where it belongs."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from hallmark.lm.training.optimiser import (
    build_optimisers,
    restore_state,
    state_of,
    step_all,
    trained,
)


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_each_parameter_is_stepped_by_one(optimiser: str, tiny) -> None:
    network = tiny.make_network()
    config = dataclasses.replace(tiny.CONFIG, optimiser=optimiser)
    steppers = build_optimisers(trained(network), config)
    groups = [group for s in steppers for group in s.param_groups]
    stepped = [p for group in groups for p in group["params"]]
    assert len(stepped) == len({id(p) for p in stepped}) == len(list(network.parameters()))
    for group in groups:
        decayed = group["weight_decay"] > 0
        assert all((p.ndim >= 2) == decayed for p in group["params"])
    assert len(steppers) == (2 if optimiser == "muon" else 1)


def test_the_learning_rate_is_scaled_and_gradients_dropped(tiny) -> None:
    network = tiny.make_network()
    named = trained(network)
    (stepper,) = build_optimisers(named, tiny.CONFIG)
    for _, p in named:
        p.grad = torch.ones_like(p)
    before = network.ln_f.bias.detach().clone()
    step_all([stepper], scale=0.5)
    moved = before - network.ln_f.bias.detach()
    assert moved == pytest.approx(torch.full_like(before, 0.5 * tiny.CONFIG.lr), rel=1e-4)
    assert all(p.grad is None for _, p in named)


def test_frozen_parameters_are_left_alone(tiny) -> None:
    network = tiny.make_network()
    network.wte.requires_grad_(False)
    assert "wte.weight" not in dict(trained(network))


def test_counters_go_where_a_fused_optimiser_wants_them() -> None:
    parameter = torch.nn.Parameter(torch.empty(2, 2, device="meta"))
    for fused, device in ((True, "meta"), (False, "cpu")):
        stepper = torch.optim.AdamW([parameter])
        stepper.defaults["fused"] = fused  # PyTorch refuses it for a device without kernels
        restore_state([stepper], [("w", parameter)], {"step/w": torch.tensor(3.0)})
        assert state_of([stepper], [("w", parameter)])["step/w"].device.type == device
