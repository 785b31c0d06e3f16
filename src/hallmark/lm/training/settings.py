"""How a network is trained: every setting and its default, in one place.

Imports nothing heavy, so that the command line can read names, help and defaults at no cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hallmark.settings import option

OPTIMISERS = ("adamw", "muon")
DECAYS = ("cosine", "linear")
PRECISIONS = ("bf16", "float32")
PARALLEL = ("auto", "ddp", "fsdp")


@dataclass(frozen=True)
class TrainConfig:
    """One run. ValueError where a setting is out of range."""

    steps: int = option(1000, "Optimiser steps.")
    batch_size: int = option(32, "Rows in a step, over all devices.")
    micro_batch: int = option(8, "Rows that go through a device at once.")
    sequence_length: int = option(512, "Tokens in a row.")
    optimiser: str = option("adamw", "Muon steps the hidden matrices only.", OPTIMISERS)
    lr: float = option(6e-4, "Highest learning rate.")
    matrix_lr: float = option(0.01, "Highest learning rate of Muon's matrices.")
    min_lr: float = option(0.1, "Last learning rate as a share of the highest.")
    warmup: float = option(0.02, "Share of the steps in which the learning rate rises.")
    decay: str = option("cosine", "How the learning rate falls.", DECAYS)
    weight_decay: float = option(0.1, "Decoupled decay of matrices; none on biases and norms.")
    clip: float = option(1.0, "Longest gradient; longer ones are scaled down.")
    seed: int = option(0, "Of the weights, the data's order and the samples.")
    precision: str = option("bf16", "Of products; weights and sums are float32.", PRECISIONS)
    compile: bool = option(False, "Compile the blocks (torch.compile): try it first.")
    recompute: bool = option(False, "Compute activations twice to save memory.")
    valid_every: int = option(50, "Validate after this many steps.")
    valid_rows: int = option(64, "Rows of the held-out text to validate on; 0: all.")
    patience: int = option(0, "Stop after this many validations without a new best; 0: never.")
    sample_every: int = option(0, "Write a sample after this many steps; 0: never.")
    save_every: int = option(50, "Write a checkpoint after this many steps.")
    keep: int = option(2, "Checkpoints to keep beside the best.")

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "micro_batch", "sequence_length", "valid_every",
                     "save_every", "keep"):  # fmt: skip
            _check(name, getattr(self, name), getattr(self, name) >= 1, "at least 1")
        for name in ("valid_rows", "patience", "sample_every", "seed"):
            _check(name, getattr(self, name), getattr(self, name) >= 0, "at least 0")
        for name in ("lr", "matrix_lr", "clip"):
            value = getattr(self, name)
            _check(name, value, 0 < value < math.inf, "more than 0")
        for name in ("min_lr", "warmup", "weight_decay"):
            value = getattr(self, name)
            _check(name, value, 0 <= value <= 1, "from 0 to 1")
        for name, valid in (
            ("optimiser", OPTIMISERS), ("decay", DECAYS), ("precision", PRECISIONS),
        ):  # fmt: skip
            value = getattr(self, name)
            _check(name, value, value in valid, f"one of {', '.join(valid)}")

    @property
    def step_tokens(self) -> int:
        """Tokens in one step."""
        return self.batch_size * self.sequence_length

    def scale(self, step: int) -> float:
        """Learning rate at `step` (from 0) as a share of its peak."""
        warmup = max(1, round(self.warmup * self.steps))
        if step < warmup:
            return (step + 1) / warmup
        left = (self.steps - step) / max(1, self.steps - warmup)  # from 1 down to just above 0
        falling = left if self.decay == "linear" else 0.5 - 0.5 * math.cos(math.pi * left)
        return self.min_lr + (1 - self.min_lr) * falling


def _check(name: str, value: object, valid: bool, wanted: str) -> None:
    if not valid:
        raise ValueError(f"{name} must be {wanted}, not {value!r}")


FINETUNE = TrainConfig(steps=200, batch_size=8, lr=1e-4, valid_every=25, save_every=25)
