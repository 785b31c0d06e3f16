"""The training loop: steps, validations, samples and checkpoints, resumable to the bit.

Everything random is a function of (seed, step), so a run that was killed at any moment and
started again writes the same log and ends with the same weights, on the same machine with the
same number of threads. Knows nothing of text or files of text.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hallmark.lm.training import checkpoint
from hallmark.lm.training.checkpoint import Progress
from hallmark.lm.training.log import RunLog
from hallmark.lm.training.objective import NextTokenLoss, gradients
from hallmark.lm.training.optimiser import build_optimisers, step_all, trained
from hallmark.lm.training.order import Rows, micro_batches, share
from hallmark.lm.training.parallel import World, mean_of, spread, whole
from hallmark.lm.training.settings import TrainConfig
from hallmark.lm.training.validation import Validation, validate
from hallmark.models.gpt2 import GPT2

Sampler = Callable[[GPT2, int], str]


@dataclass(frozen=True)
class TrainData:
    """Rows to train on and to validate on, and the bytes that each token stands for."""

    train: Rows
    valid: Rows
    byte_lengths: NDArray[np.int64]


@dataclass(frozen=True)
class Event:
    """What a run has to tell: a step, a validation, a sample or a remark (`text`)."""

    kind: str
    step: int
    loss: float = math.nan
    bits_per_byte: float = math.nan
    tokens_per_second: float = math.nan
    text: str = ""


OnEvent = Callable[[Event], None]


def train(
    network: GPT2,
    data: TrainData,
    config: TrainConfig,
    *,
    folder: Path,
    identity: Mapping[str, Any],
    world: World | None = None,
    sampler: Sampler | None = None,
    on_event: OnEvent | None = None,
) -> Progress:
    """Train what requires gradients, or go on from the last checkpoint in `folder`.

    identity: what makes this run this run (settings, data, first weights); a folder with another
    is refused. Returns where the run ended; `network` then holds its last weights. Stops with
    FloatingPointError where loss or gradient is not finite, and with OSError where the disk is
    full; checkpoints stay as they were.
    """
    world = world or World()
    share(config, world.size)
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(network, data, config, folder, identity, world, sampler, on_event)
    try:
        return run.go()
    finally:
        run.close()


class _Run:
    """A run's moving parts: the model, its optimisers, its log and how far it is."""

    def __init__(
        self,
        network: GPT2,
        data: TrainData,
        config: TrainConfig,
        folder: Path,
        identity: Mapping[str, Any],
        world: World,
        sampler: Sampler | None,
        on_event: OnEvent | None,
    ) -> None:
        self.data, self.config, self.folder, self.identity = data, config, folder, identity
        self.world, self.sampler = world, sampler
        self.tell: OnEvent = on_event if on_event and world.main else (lambda _: None)
        self.loss = NextTokenLoss(network.to(world.device), config)
        self.model, self.no_sync = spread(self.loss, world)
        self.named = trained(network)
        self.steppers = build_optimisers(self.named, config)
        self.progress = checkpoint.resume(
            folder, identity, named=self.named, steppers=self.steppers,
            note=lambda text: self.tell(Event("remark", 0, text=text)),
        )  # fmt: skip
        # Only the first process writes; the others keep a log that goes nowhere.
        self.log = RunLog(folder, length=self.progress.log_length) if world.main else None

    def close(self) -> None:
        if self.log is not None:
            self.log.close()

    def go(self) -> Progress:
        """All steps that are left."""
        if self.progress.step == 0:
            self.validate(0)
        elif not self.progress.ended:
            self.remark(f"going on from step {self.progress.step}")
        while not self.progress.ended:
            step = self.progress.step
            self.step(step)
            self.progress = replace(self.progress, step=step + 1)
            self.after_step(step + 1)
        return self.progress

    def step(self, step: int) -> None:
        """One optimiser step, logged."""
        began = time.perf_counter()
        config, world = self.config, self.world
        batches = micro_batches(
            self.data.train, config, step=step, rank=world.rank, world=world.size
        )
        own = gradients(self.model, self.loss, batches, no_sync=self.no_sync)
        loss = mean_of(own, world)
        parameters = [p for _, p in self.named]
        norm = float(whole(torch.nn.utils.clip_grad_norm_(parameters, config.clip)))
        self.check_finite(step, loss, norm)
        scale = config.scale(step)
        step_all(self.steppers, scale=scale)
        self.write({"step": step + 1, "loss": loss, "norm": norm, "lr": config.lr * scale})
        speed = config.step_tokens / (time.perf_counter() - began)
        self.tell(Event("step", step + 1, loss=loss, tokens_per_second=speed))

    def check_finite(self, step: int, loss: float, norm: float) -> None:
        """Stop before the weights are touched."""
        if math.isfinite(loss) and math.isfinite(norm):
            return
        steps = checkpoint.checkpoint_steps(self.folder)
        last = (
            f"the checkpoint of step {steps[-1]} in {self.folder} is good"
            if steps
            else "there is no checkpoint yet"
        )
        raise FloatingPointError(
            f"loss is {loss}, its gradient's norm {norm} at step {step + 1}, so training stopped "
            f"before that step; {last}: start again in a new folder with a lower lr or a longer "
            "warmup"
        )

    def after_step(self, done: int) -> None:
        """What is due once `done` steps are done: validation, sample, checkpoint, the end."""
        config = self.config
        last = done == config.steps
        if config.sample_every and done % config.sample_every == 0:
            self.sample(done)
        best = False
        if last or done % config.valid_every == 0:
            best = self.validate(done)
        if last:
            self.progress = replace(self.progress, ended="all steps are done")
        elif config.patience and self.progress.stale >= config.patience:
            self.progress = replace(
                self.progress,
                ended=f"{self.progress.stale} validations brought no new best",
            )
        if best or self.progress.ended or done % config.save_every == 0:
            self.save()

    def validate(self, done: int) -> bool:
        """Validate and log; whether this is the best so far."""
        found: Validation = validate(
            self.model, self.loss, self.data.valid, self.data.byte_lengths, self.config, self.world
        )
        if not math.isfinite(found.loss):
            self.check_finite(done, found.loss, math.nan)
        self.write({"step": done, "valid_loss": found.loss, "bits_per_byte": found.bits_per_byte})
        self.tell(Event("valid", done, loss=found.loss, bits_per_byte=found.bits_per_byte))
        if not done:
            return False
        before = self.progress.best_loss
        if before is None or found.loss < before:
            self.progress = replace(self.progress, best_step=done, best_loss=found.loss, stale=0)
            return True
        self.progress = replace(self.progress, stale=self.progress.stale + 1)
        return False

    def sample(self, done: int) -> None:
        """Let the network write something, and log it. Left out where it is spread (FSDP)."""
        if self.sampler is None or self.world.mode == "fsdp" or self.log is None:
            return
        text = self.sampler(self.loss.network, done)
        self.write({"step": done, "sample": text})
        self.tell(Event("sample", done, text=text))

    def save(self) -> None:
        """Write a checkpoint that knows how long the log is."""
        if self.log is not None:
            self.log.flush()
            self.progress = replace(self.progress, log_length=self.log.length)
        checkpoint.save(
            self.folder, self.progress, self.identity, named=self.named,
            steppers=self.steppers, world=self.world, keep=self.config.keep,
        )  # fmt: skip

    def remark(self, text: str) -> None:
        self.tell(Event("remark", self.progress.step, text=text))

    def write(self, values: Mapping[str, Any]) -> None:
        if self.log is not None:
            self.log.write(values)
