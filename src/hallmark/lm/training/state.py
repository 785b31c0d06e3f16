"""What any training run keeps, whatever it trains: optimisers, progress, log and checkpoints.

A loop computes gradients and losses and asks the rest of a `RunState`, which alone writes in the
run's folder. Knows nothing of networks' inputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from hallmark.lm.training import checkpoint
from hallmark.lm.training.log import RunLog
from hallmark.lm.training.optimiser import build_optimisers, step_all, trained
from hallmark.lm.training.parallel import World, whole
from hallmark.lm.training.settings import TrainConfig


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


class RunState:
    """The run in `folder`, gone on with where it stopped; `tell` hears the first process only."""

    def __init__(
        self,
        network: nn.Module,
        config: TrainConfig,
        *,
        folder: Path,
        identity: Mapping[str, Any],
        world: World,
        on_event: OnEvent | None,
    ) -> None:
        self.config, self.folder, self.identity, self.world = config, folder, identity, world
        self.tell: OnEvent = on_event if on_event and world.main else (lambda _: None)
        self.named = trained(network)
        self.steppers = build_optimisers(self.named, config)
        self.progress = checkpoint.resume(
            folder, identity, named=self.named, steppers=self.steppers,
            note=lambda text: self.tell(Event("remark", 0, text=text)),
        )  # fmt: skip
        # Only the first process writes; the others keep a log that goes nowhere.
        self.log = RunLog(folder, length=self.progress.log_length) if world.main else None

    def close(self) -> None:
        """Close the log."""
        if self.log is not None:
            self.log.close()

    def write(self, values: Mapping[str, Any]) -> None:
        """Append a line to the log."""
        if self.log is not None:
            self.log.write(values)

    def update(self, loss: float) -> None:
        """One optimiser step with the gradients that are there, whose mean loss is `loss`.

        FloatingPointError, with the weights as they were, where loss or gradient is not finite.
        """
        step, config = self.progress.step, self.config
        parameters = [p for _, p in self.named]
        norm = float(whole(nn.utils.clip_grad_norm_(parameters, config.clip)))
        self.check_finite(step, loss, norm)
        scale = config.scale(step)
        step_all(self.steppers, scale=scale)
        self.write({"step": step + 1, "loss": loss, "norm": norm, "lr": config.lr * scale})
        self.progress = replace(self.progress, step=step + 1)

    def check_finite(self, step: int, loss: float, norm: float) -> None:
        """FloatingPointError, naming the last good checkpoint, where a number is not finite."""
        if math.isfinite(loss) and math.isfinite(norm):
            return
        steps = checkpoint.checkpoint_steps(self.folder)
        kept = (
            f"the checkpoint of step {steps[-1]} in {self.folder} is good"
            if steps
            else "there is no checkpoint yet"
        )
        raise FloatingPointError(
            f"loss is {loss}, its gradient's norm {norm} at step {step + 1}; start again in a new "
            f"folder with a longer warmup or a lower lr ({kept})"
        )

    def is_best(self, value: float) -> bool:
        """Whether a validation's value is the lowest so far; counts those that are not."""
        before = self.progress.best_loss
        if before is None or value < before:
            self.progress = replace(
                self.progress, best_step=self.progress.step, best_loss=value, stale=0
            )
            return True
        self.progress = replace(self.progress, stale=self.progress.stale + 1)
        return False

    def settle(self, *, best: bool) -> None:
        """End the run where it is over, and save where that is due."""
        config, progress = self.config, self.progress
        if progress.step == config.steps:
            self.progress = replace(progress, ended="all steps are done")
        elif config.patience and progress.stale >= config.patience:
            ended = f"{progress.stale} validations brought no new best"
            self.progress = replace(progress, ended=ended)
        if best or self.progress.ended or progress.step % config.save_every == 0:
            self.save()

    def save(self) -> None:
        """Write a checkpoint that knows how long the log is."""
        if self.log is not None:
            self.log.flush()
            self.progress = replace(self.progress, log_length=self.log.length)
        checkpoint.save(
            self.folder, self.progress, self.identity, named=self.named,
            steppers=self.steppers, world=self.world, keep=self.config.keep,
        )  # fmt: skip
