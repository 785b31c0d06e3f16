"""The training loop: steps, validations, samples and checkpoints, resumable to the bit.

Everything random is a function of (seed, step), so a run that was killed at any moment and
started again writes the same log and ends with the same weights, on the same machine with the
same number of threads. Knows nothing of text or files of text.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hallmark.lm.training.checkpoint import Progress
from hallmark.lm.training.objective import NextTokenLoss, gradients
from hallmark.lm.training.order import Rows, micro_batches, share
from hallmark.lm.training.parallel import World, mean_of, spread
from hallmark.lm.training.settings import TrainConfig
from hallmark.lm.training.state import Event, OnEvent, RunState
from hallmark.lm.training.validation import Validation, validate
from hallmark.models.gpt2 import GPT2

Sampler = Callable[[GPT2, int], str]


@dataclass(frozen=True)
class TrainData:
    """Rows to train on and to validate on, and the bytes that each token stands for."""

    train: Rows
    valid: Rows
    byte_lengths: NDArray[np.int64]


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
        run.state.close()


class _Run:
    """A run's moving parts: the model, and the state of the run."""

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
        self.data, self.config, self.world, self.sampler = data, config, world, sampler
        self.loss = NextTokenLoss(network.to(world.device), config)
        self.model, self.no_sync = spread(self.loss, world)
        self.state = RunState(
            network, config, folder=folder, identity=identity, world=world, on_event=on_event
        )

    def go(self) -> Progress:
        """All steps that are left."""
        state = self.state
        if state.progress.step == 0:
            self.validate(0)
        elif not state.progress.ended:
            text = f"going on from step {state.progress.step}"
            state.tell(Event("remark", state.progress.step, text=text))
        while not state.progress.ended:
            self.step(state.progress.step)
            self.after_step(state.progress.step)
        return state.progress

    def step(self, step: int) -> None:
        """One optimiser step, logged."""
        began = time.perf_counter()
        config, world = self.config, self.world
        batches = micro_batches(
            self.data.train, config, step=step, rank=world.rank, world=world.size
        )
        own = gradients(self.model, self.loss, batches, no_sync=self.no_sync)
        loss = mean_of(own, world)
        self.state.update(loss)
        speed = config.step_tokens / (time.perf_counter() - began)
        self.state.tell(Event("step", step + 1, loss=loss, tokens_per_second=speed))

    def after_step(self, done: int) -> None:
        """What is due once `done` steps are done: validation, sample, checkpoint, the end."""
        config = self.config
        if config.sample_every and done % config.sample_every == 0:
            self.sample(done)
        due = done == config.steps or done % config.valid_every == 0
        self.state.settle(best=due and self.validate(done))

    def validate(self, done: int) -> bool:
        """Validate and log; whether this is the best so far."""
        found: Validation = validate(
            self.model, self.loss, self.data.valid, self.data.byte_lengths, self.config, self.world
        )
        state = self.state
        if not math.isfinite(found.loss):
            state.check_finite(done, found.loss, math.nan)
        state.write({"step": done, "valid_loss": found.loss, "bits_per_byte": found.bits_per_byte})
        state.tell(Event("valid", done, loss=found.loss, bits_per_byte=found.bits_per_byte))
        return bool(done) and state.is_best(found.loss)

    def sample(self, done: int) -> None:
        """Let the network write something, and log it. Left out where it is spread (FSDP)."""
        if self.sampler is None or self.world.mode == "fsdp" or not self.world.main:
            return
        text = self.sampler(self.loss.network, done)
        self.state.write({"step": done, "sample": text})
        self.state.tell(Event("sample", done, text=text))
