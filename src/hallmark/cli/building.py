"""What work on many documents shows: a bar with the time left on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from hallmark.cli.output import SAY_AFTER, console, error_console, note

if TYPE_CHECKING:
    from hallmark.outputs.build import Step
    from hallmark.outputs.summary import Summary

T = TypeVar("T", contravariant=True)


class _Count:
    """Documents done, and how fast those of this start come."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.fresh, self.tokens = total, 0, 0, 0
        self.began: float | None = None  # when the first fresh document was there

    def add(self, step: Step) -> None:
        """Count what was done; what others or an earlier start did says nothing of the speed."""
        self.done += step.documents
        if step.before:
            return
        if self.began is None:  # what came before it was loading and compiling
            self.began = time.monotonic()
            return
        self.fresh += step.documents
        self.tokens += step.tokens

    def line(self) -> str:
        """Progress in words; how fast and how long is known from the second fresh document on."""
        done = f"{self.done:,} of {self.total:,} documents"
        if self.began is None or not self.fresh:
            return done
        seconds = max(time.monotonic() - self.began, 1e-9)
        left = (self.total - self.done) * seconds / self.fresh
        return f"{done}, {self.tokens / seconds:,.0f} tokens/s, {clock(left)} left"


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


class Count(Protocol[T]):
    """What counts steps and says in a line how far the work is."""

    done: int

    def add(self, step: T, /) -> None:
        """Count a step."""
        ...

    def line(self) -> str:
        """Progress in words."""
        ...


def report(total: int, *, quiet: bool) -> AbstractContextManager[Callable[[Step], None]]:
    """What to call with each step of a build of `total` documents."""
    return shown(_Count(total), total=total, waiting="loading the model", quiet=quiet)


@contextmanager
def shown(
    count: Count[T], *, total: int, waiting: str, quiet: bool, every: float = SAY_AFTER
) -> Iterator[Callable[[T], None]]:
    """What to call with each step: a bar on a terminal, elsewhere a line each `every` seconds.

    waiting: what the bar says before the first step.
    """
    if quiet:
        yield count.add
    elif not sys.stderr.isatty():
        yield _lines(count, every)
    else:
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (BarColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=error_console()) as bar:
            task = bar.add_task(waiting, total=total)

            def tell(step: T) -> None:
                count.add(step)
                bar.update(task, completed=count.done, description=count.line())

            yield tell


def _lines(count: Count[T], every: float) -> Callable[[T], None]:
    last = time.monotonic()

    def tell(step: T) -> None:
        nonlocal last
        count.add(step)
        if time.monotonic() - last >= every:
            last = time.monotonic()
            note(f"hallmark: {count.line()}", quiet=False)

    return tell


def show_summaries(summaries: Sequence[Summary]) -> None:
    """A table, one line a file."""
    out = console()
    width = max([len(f"{s.source}.{s.split}") for s in summaries] + [4])
    out.print(
        f"{'file':<{width}} {'documents':>9} {'tokens':>11} {'mean':>7} {'median':>7} "
        f"{'ended':>20} {'twice':>6} {'distinct 1, 2':>14}",
        style="bold",
    )
    for s in summaries:
        distinct = (
            "-" if s.distinct_1 is None or s.distinct_2 is None
            else f"{s.distinct_1:.3f}, {s.distinct_2:.3f}"
        )  # fmt: skip
        out.print(
            f"{f'{s.source}.{s.split}':<{width}} {s.documents:>9,} {s.tokens:>11,} "
            f"{s.mean_length:>7.1f} {s.median_length:>7.1f} {s.ended.shown:>20} {s.duplicates:>6} "
            f"{distinct:>14}"
        )
