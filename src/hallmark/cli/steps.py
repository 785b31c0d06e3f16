"""What work in steps shows: a bar with the time left on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hallmark.cli.building import clock
from hallmark.cli.output import SAY_AFTER, error_console, note

if TYPE_CHECKING:
    from hallmark.evaluate.crosstable import Step


@contextmanager
def report(*, quiet: bool, unit: str) -> Iterator[Callable[[Step], None]]:
    """What to call before each step; `unit` is what `done` and `total` count."""
    if quiet or not sys.stderr.isatty():
        yield _Lines(unit, quiet=quiet)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), Left())
    with Progress(*columns, console=error_console()) as bar:
        task = bar.add_task("")
        yield lambda step: bar.update(
            task, completed=step.done, total=step.total, description=step.what
        )


class _Lines:
    """A line for each new step, and now and then while one goes on."""

    def __init__(self, unit: str, *, quiet: bool) -> None:
        self._unit, self._quiet = unit, quiet
        self._began = self._last = time.monotonic()
        self._first: int | None = None  # what an earlier start did says nothing of the speed
        self._what = ""

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        self._first = step.done if self._first is None else self._first
        if step.what == self._what and now - self._last < SAY_AFTER:
            return
        self._what, self._last = step.what, now
        note(line(step, now - self._began, self._unit, self._first), quiet=self._quiet)


def line(step: Step, seconds: float, unit: str, first: int = 0) -> str:
    """A step in words; the time left is that of units as slow as those since `first`."""
    fresh = step.done - first
    left = f", {clock(seconds / fresh * (step.total - step.done))} left" if fresh else ""
    return f"hallmark: {step.done} of {step.total} {unit}{left}; {step.what}"
