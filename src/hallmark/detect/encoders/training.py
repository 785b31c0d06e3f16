"""The training loop of an encoder: steps, validations and checkpoints, resumable to the bit.

Checkpoints, logs, optimisers and processes are those of `lm.training`; everything random is a
function of (seed, step, rank), so a run that was killed ends with the bytes of one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hallmark.detect.encoders.batches import autocast, by_length, pad
from hallmark.detect.encoders.crops import Crops, Row
from hallmark.detect.encoders.network import Network
from hallmark.detect.encoders.settings import EncoderConfig
from hallmark.detect.encoders.validation import Held, Validation, validate
from hallmark.detect.encoders.vocabulary import Specials
from hallmark.lm.training import checkpoint
from hallmark.lm.training.checkpoint import Progress
from hallmark.lm.training.parallel import World, mean_of
from hallmark.lm.training.state import Event, OnEvent, RunState

_DROPOUT = 3  # a stream of random numbers beside those of crops.py


@dataclass(frozen=True)
class TrainData:
    """What to train on and, if anything, what to validate on."""

    crops: Crops
    held: Held | None
    specials: Specials


def train(
    network: Network,
    data: TrainData,
    config: EncoderConfig,
    *,
    folder: Path,
    identity: Mapping[str, Any],
    world: World | None = None,
    rate_of: str,
    on_event: OnEvent | None = None,
) -> Progress:
    """Train the network, or go on from the last checkpoint in `folder`; it ends as the best one.

    The best weights are those of the highest accuracy on the held texts, then of the lowest
    loss; without held texts, the last. identity: what makes this run this run. rate_of: the key
    of RATES. FloatingPointError where loss or gradient is not finite, OSError for a full disk.
    """
    world = world or World()
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(network, data, config, folder, identity, world, rate_of, on_event)
    try:
        return run.go()
    finally:
        run.state.close()


class _Run:
    """A run's moving parts."""

    def __init__(
        self,
        network: Network,
        data: TrainData,
        config: EncoderConfig,
        folder: Path,
        identity: Mapping[str, Any],
        world: World,
        rate_of: str,
        on_event: OnEvent | None,
    ) -> None:
        self.data, self.config, self.world = data, config, world
        self.network = network.to(world.device).train()
        self.schedule = config.schedule(larger_class=data.crops.larger_class, kind=rate_of)
        _check_share(config, world)
        self.model: nn.Module = self.network
        if world.size > 1:
            from torch.nn.parallel import DistributedDataParallel

            ids = None if world.device == "cpu" else [torch.device(world.device)]
            self.model = DistributedDataParallel(self.network, device_ids=ids)
        self.state = RunState(
            network, self.schedule, folder=folder, identity=identity, world=world,
            on_event=on_event,
        )  # fmt: skip

    def go(self) -> Progress:
        """All steps that are left, then the best weights into the network."""
        state = self.state
        while not state.progress.ended:
            self.step(state.progress.step)
            self.after_step(state.progress.step)
        best = state.progress.best_step or state.progress.step
        checkpoint.load_weights(checkpoint.checkpoint_folder(state.folder, best), state.named)
        self.network.eval()
        return state.progress

    def step(self, step: int) -> None:
        """One optimiser step on this process's share of the rows."""
        began = time.perf_counter()
        rows = self.data.crops.step(step)
        own = [r for pair in range(self.world.rank, len(rows) // 2, self.world.size)
               for r in rows[2 * pair : 2 * pair + 2]]  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_mixed(self.config.seed, _DROPOUT, step, self.world.rank))
            loss = mean_of(self.gradients(own), self.world)
        self.state.update(loss)
        tokens = sum(len(row.ids) for row in rows)
        speed = tokens / (time.perf_counter() - began)
        self.state.tell(Event("step", step + 1, loss=loss, tokens_per_second=speed))

    def gradients(self, rows: list[Row]) -> Tensor:
        """Add the gradient of the rows' mean loss; that mean, in nats."""
        total = torch.zeros((), device=self.world.device)
        groups = by_length([row.ids for row in rows], self.config.micro_batch)
        for i, group in enumerate(groups):
            last = i + 1 == len(groups)
            hold = nullcontext() if last or self.model is self.network else self.model.no_sync()  # type: ignore[operator]
            ids, lengths = pad(
                [rows[j].ids for j in group], self.data.specials,
                device=torch.device(self.world.device),
            )  # fmt: skip
            labels = torch.tensor([float(rows[j].label) for j in group], device=ids.device)
            with hold:
                with autocast(self.network, self.config.precision):
                    odds = self.model(ids, lengths).float()
                loss = F.binary_cross_entropy_with_logits(odds, labels) * len(group) / len(rows)
                torch.autograd.backward(loss)
            total += loss.detach()
        return total

    def after_step(self, done: int) -> None:
        """What is due once `done` steps are done."""
        held = self.data.held
        due = done == self.schedule.steps or done % self.schedule.valid_every == 0
        self.state.settle(best=due and held is not None and self.validate(done, held))

    def validate(self, done: int, held: Held) -> bool:
        """Validate and log; whether this is the best so far."""
        found: Validation = validate(
            self.network, held, self.data.specials, self.config, self.world
        )
        self.state.write({"step": done, **found.record()})
        self.state.tell(Event("remark", done, text=f"step {done}: {found}"))
        return self.state.is_best(found.rank)


def _mixed(*numbers: int) -> int:
    """One seed of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _check_share(config: EncoderConfig, world: World) -> None:
    pairs = config.batch_size // 2
    if pairs % world.size:
        raise ValueError(
            f"batch_size {config.batch_size} cannot be shared in pairs by {world.size} processes; "
            f"give a multiple of {2 * world.size}"
        )
