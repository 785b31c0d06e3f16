"""Pre-training loop: a token stream in, a trained network out, resumable at every save.

Knows nothing about text or where tokens come from. The order of the data is a function of
the seed alone, so networks of different sizes see the same tokens in the same order.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config

Tokens = NDArray[np.uint16]


@dataclass(frozen=True)
class TrainConfig:
    """One run. Hidden matrices are stepped by Muon (Jordan et al. 2024), the rest by AdamW."""

    tokens: int = 6_000_000
    batch_size: int = 4
    sequence_length: int = 1024
    matrix_lr: float = 0.01
    other_lr: float = 0.006
    weight_decay: float = 0.1
    warmup: float = 0.02
    clip: float = 1.0
    seed: int = 0
    save_every: int = 50
    compile: bool = True

    @property
    def steps(self) -> int:
        """Optimiser steps: whole batches in `tokens`."""
        return self.tokens // (self.batch_size * self.sequence_length)

    def scale(self, step: int) -> float:
        """Learning rate at `step` as a share of its peak: linear warm-up, linear decay to 0."""
        warmup = max(1, round(self.warmup * self.steps))
        if step < warmup:
            return (step + 1) / warmup
        return (self.steps - step) / max(1, self.steps - warmup)


def batches(stream: Tokens, config: TrainConfig, *, first: int = 0) -> Iterator[Tensor]:
    """Batches (B, T + 1) of `stream` from step `first`, every row once, shuffled by the seed."""
    rows = (len(stream) - 1) // config.sequence_length
    if config.steps < 1:
        raise ValueError(
            f"a run of {config.tokens} tokens is less than one batch of "
            f"{config.batch_size} x {config.sequence_length}; raise tokens"
        )
    if rows < config.steps * config.batch_size:
        raise ValueError(
            f"{len(stream)} tokens give {rows} rows of {config.sequence_length}; "
            f"{config.tokens} tokens in batches of {config.batch_size} need "
            f"{config.steps * config.batch_size}"
        )
    order = np.random.default_rng(config.seed).permutation(rows)
    for step in range(first, config.steps):
        chosen = order[step * config.batch_size : (step + 1) * config.batch_size]
        index = chosen[:, None] * config.sequence_length + np.arange(config.sequence_length + 1)
        yield torch.from_numpy(stream[index].astype(np.int64))


def optimisers(model: GPT2, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks; AdamW for embeddings, norms and biases."""
    matrices = [p for n, p in model.named_parameters() if n.startswith("h.") and p.ndim == 2]
    embeddings = [model.wte.weight, model.wpe.weight]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    muon = torch.optim.Muon(
        matrices, lr=config.matrix_lr, weight_decay=config.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )  # fmt: skip
    adam = torch.optim.AdamW(
        [{"params": embeddings, "weight_decay": config.weight_decay},
         {"params": vectors, "weight_decay": 0.0}],
        lr=config.other_lr, betas=(0.9, 0.95), fused=True,
    )  # fmt: skip
    for optimiser in (muon, adam):
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return [muon, adam]


def train(
    model_config: GPT2Config,
    stream: Tokens,
    config: TrainConfig,
    *,
    folder: Path,
    device: str = "cpu",
    on_step: Callable[[int, float, float], None] | None = None,
) -> GPT2:
    """Train from scratch, or go on from the last save in `folder`; return the network.

    `on_step` is called with (step, loss in nats per token, tokens per second). Stops with
    FloatingPointError where the loss or its gradient is not finite, leaving the last save.
    `log.jsonl` holds each step once, however often the run was killed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = GPT2(model_config)
    model.initialise(torch.Generator().manual_seed(config.seed))
    model.to(device)
    steppers = optimisers(model, config)
    identity = {"model": asdict(model_config), "train": asdict(config), "stream": len(stream)}
    first = resume(folder, model, steppers, identity)
    shorten(folder / "log.jsonl", first)
    loss_of = torch.compile(next_token_loss) if config.compile else next_token_loss
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        for step, batch in enumerate(batches(stream, config, first=first), start=first):
            began = time.perf_counter()
            loss = loss_of(model, batch.to(device))
            torch.autograd.backward(loss)
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            if not math.isfinite(loss.item()) or not math.isfinite(norm.item()):
                raise FloatingPointError(
                    f"loss is {loss.item()}, its gradient's norm {norm.item()} at step {step} of "
                    f"{folder}; the last save is good, so lower the learning rates in a new folder"
                )
            for optimiser in steppers:
                for group in optimiser.param_groups:
                    group["lr"] = group["peak"] * config.scale(step)
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
            speed = batch[:, 1:].numel() / (time.perf_counter() - began)
            log.write(json.dumps({"step": step, "loss": loss.item(), "norm": norm.item()}) + "\n")
            if on_step:
                on_step(step, loss.item(), speed)
            if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
                log.flush()
                save(folder, model, steppers, identity, step + 1)
    return model


def next_token_loss(model: GPT2, batch: Tensor) -> Tensor:
    """Mean cross-entropy in nats of (B, T + 1) ids, under bf16 autocast."""
    with torch.autocast(batch.device.type, dtype=torch.bfloat16):
        logits = model.logits(model(batch[:, :-1]))  # (B, T, V)
    return F.cross_entropy(logits.float().flatten(0, 1), batch[:, 1:].flatten())


def save(
    folder: Path,
    model: GPT2,
    steppers: list[torch.optim.Optimizer],
    identity: dict[str, Any],
    step: int,
) -> None:
    """Write the run's state beside the last one, flush it to disk and rename."""
    state = {
        "identity": identity,
        "step": step,
        "model": model.state_dict(),
        "optimisers": [s.state_dict() for s in steppers],
    }
    fresh = folder / "state.pt.new"
    with fresh.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / "state.pt")


def resume(
    folder: Path,
    model: GPT2,
    steppers: list[torch.optim.Optimizer],
    identity: dict[str, Any],
) -> int:
    """Load the last save of this very run into the arguments; the step to go on from."""
    path = folder / "state.pt"
    if not path.exists():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    if state["identity"] != identity:
        raise ValueError(f"{path} belongs to a run with other settings or data; use a new folder")
    model.load_state_dict(state["model"])
    for stepper, saved in zip(steppers, state["optimisers"], strict=True):
        stepper.load_state_dict(saved)
    step: int = state["step"]
    return step


def shorten(log: Path, steps: int) -> None:
    """Drop what a killed run logged after its last save, so that no step is there twice."""
    if not log.exists():
        return
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    if len(lines) > steps:
        fresh = log.with_suffix(".new")
        fresh.write_text("".join(lines[:steps]), encoding="utf-8")
        fresh.replace(log)
