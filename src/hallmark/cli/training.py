"""What a training run shows: a live line on a terminal, remarks and validations elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hallmark.cli.output import SAY_AFTER, error_console, note

if TYPE_CHECKING:
    from hallmark.lm.corpus.shards import Corpus
    from hallmark.lm.training.checkpoint import Progress
    from hallmark.lm.training.state import Event


@contextmanager
def report(steps: int, *, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """What to call with each event of a run of `steps`."""
    if quiet:
        yield lambda event: None
    elif sys.stderr.isatty():
        with _live(steps) as tell:
            yield tell
    else:
        yield _Lines(steps)


@contextmanager
def _live(steps: int) -> Iterator[Callable[[Event], None]]:
    """A bar with loss, tokens a second and the time left; lasting lines scroll above it."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"),
               TimeRemainingColumn())  # fmt: skip
    console = error_console(soft_wrap=True)
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=steps)

        def tell(event: Event) -> None:
            if event.kind == "step":
                said = f"loss {event.loss:.4f}  {event.tokens_per_second:,.0f} tokens/s"
                bar.update(task, completed=event.step, description=said)
            else:
                console.print(line(event, steps))

        yield tell


class _Lines:
    """Plain lines: every validation, sample and remark, and a step now and then."""

    def __init__(self, steps: int) -> None:
        self._steps, self._last, self._began = steps, time.monotonic(), time.monotonic()
        self._first: int | None = None

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if event.kind == "step":
            self._first = event.step - 1 if self._first is None else self._first
            if now - self._last < SAY_AFTER:
                return
            left = (now - self._began) / (event.step - self._first) * (self._steps - event.step)
            note(f"{line(event, self._steps)}, {left / 60:.0f} min left", quiet=False)
        else:
            note(line(event, self._steps), quiet=False)
        self._last = now


def line(event: Event, steps: int) -> str:
    """An event in words."""
    where = f"step {event.step}/{steps}:"
    if event.kind == "step":
        return f"{where} loss {event.loss:.4f}, {event.tokens_per_second:,.0f} tokens/s"
    if event.kind == "valid":
        when = " before the first step" if not event.step else ""
        return (
            f"{where} held-out loss {event.loss:.4f}, {event.bits_per_byte:.4f} bits per byte{when}"
        )
    return f"{where} sample: {event.text}" if event.kind == "sample" else f"hallmark: {event.text}"


@contextmanager
def preparing(*, quiet: bool) -> Iterator[None]:
    """Where Ctrl-C ends the block, say that nothing is lost and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        text = "stopped before all text was prepared; nothing is lost, the same command begins anew"
        note(f"hallmark: {text}", quiet=quiet)
        raise


@contextmanager
def interruptible(run: Path, *, save_every: int, quiet: bool) -> Iterator[None]:
    """Where Ctrl-C ends the block, say whether anything is saved, and what goes on from there."""
    try:
        yield
    except KeyboardInterrupt:
        from hallmark.lm.training.checkpoint import checkpoint_steps

        steps = checkpoint_steps(run)
        saved = (
            f"step {steps[-1]} is saved, the same command goes on"
            if steps
            else "nothing is saved yet, the same command begins anew "
            f"(it saves every {save_every} steps: --save-every)"
        )
        note(f"hallmark: stopped; {saved}", quiet=quiet)
        raise


def tell_end(run: Path, ended: Progress, model: Path, *, quiet: bool) -> None:
    """Where a run ended, how much better its best weights predict, and a warning if they don't."""
    from hallmark.lm.training.log import held_out, read_log, risen

    log, best = read_log(run), ended.best_step or ended.step
    both = held_out(log, best)
    if warning := risen(log, best):
        note(f"hallmark: warning: {warning}", quiet=quiet)
    change = ""
    if both is not None:
        key, unit = "bits_per_byte", "bits per byte"
        if any(line[key] is None for line in both):
            key, unit = "valid_loss", "nats a token"
        change = f"held-out from {both[0][key]:.4f} to {both[1][key]:.4f} {unit}"
        change += f" (step {best}, the best), " if best != ended.step else ", "
    note(f"hallmark: finished at step {ended.step}, {change}the model is in {model}", quiet=quiet)


def show(corpus: Corpus, *, to_error: bool = False) -> None:
    """What was prepared, for people."""
    about = corpus.manifest
    splits = ", ".join(
        f"{name} {found['documents']:,} documents ({found['tokens']:,} tokens)"
        for name, found in about["splits"].items()
    )
    text = (
        f"{corpus.folder}: {splits}; left out {about['exact_duplicates']:,} exact and "
        f"{about['near_duplicates']:,} near duplicates of {about['documents_read']:,} documents"
    )
    print(text, file=sys.stderr if to_error else sys.stdout)
