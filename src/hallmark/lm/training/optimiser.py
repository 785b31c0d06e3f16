"""What steps which parameter: AdamW for all, or Muon for the matrices inside the blocks.

AdamW (Loshchilov and Hutter 2019) decays matrices and embeddings, never biases and norms, as in
GPT-2's successors; Muon is Jordan et al. 2024. Knows nothing of losses or data.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hallmark.lm.training.settings import TrainConfig

Named = list[tuple[str, nn.Parameter]]


def trained(network: nn.Module) -> Named:
    """The parameters that are trained, by name, in the network's order."""
    return [(n, p) for n, p in network.named_parameters() if p.requires_grad]


def build_optimisers(
    named: Named, config: TrainConfig, *, fused: bool = True
) -> list[torch.optim.Optimizer]:
    """The run's optimisers over `named`; every parameter is in exactly one of them."""
    matrices = (
        [p for n, p in named if n.startswith("h.") and p.ndim == 2]
        if config.optimiser == "muon"
        else []
    )
    in_muon = {id(p) for p in matrices}
    others = [p for _, p in named if id(p) not in in_muon]
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    steppers: list[torch.optim.Optimizer] = []
    if matrices:
        muon = torch.optim.Muon(
            matrices, lr=config.matrix_lr, weight_decay=config.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )  # fmt: skip
        steppers.append(muon)
    steppers.append(
        torch.optim.AdamW(
            [g for g in groups if g["params"]], lr=config.lr, betas=(0.9, 0.95), fused=fused
        )
    )
    for stepper in steppers:
        for group in stepper.param_groups:
            group["peak"] = group["lr"]
    return steppers


def step_all(steppers: Sequence[torch.optim.Optimizer], *, scale: float) -> None:
    """One step at `scale` times the peak learning rates; gradients are dropped."""
    for stepper in steppers:
        for group in stepper.param_groups:
            group["lr"] = group["peak"] * scale
        stepper.step()
        stepper.zero_grad(set_to_none=True)


def state_of(steppers: Sequence[torch.optim.Optimizer], named: Named) -> dict[str, Tensor]:
    """Everything that the optimisers remember, by KEY/PARAMETER; empty before the first step."""
    found: dict[str, Tensor] = {}
    for name, parameter in named:
        for stepper in steppers:
            for key, value in stepper.state.get(parameter, {}).items():
                found[f"{key}/{name}"] = value
    return found


def restore_state(
    steppers: Sequence[torch.optim.Optimizer], named: Named, tensors: dict[str, Tensor]
) -> None:
    """Put back what `state_of` found.

    Counters come from a file on the CPU; a fused optimiser wants them on the parameter's device.
    """
    by_name = dict(named)
    for full_name, value in tensors.items():
        key, _, name = full_name.partition("/")
        parameter = by_name[name]
        for stepper in steppers:
            if any(parameter is p for group in stepper.param_groups for p in group["params"]):
                fused = stepper.defaults.get("fused")
                stepper.state[parameter][key] = value.to(parameter.device) if fused else value
