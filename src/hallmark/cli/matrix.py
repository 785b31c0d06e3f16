"""`hallmark matrix`: which detector, trained on what, tells what from human text."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hallmark.cli.building import clock
from hallmark.cli.fields import options_of
from hallmark.cli.options import AsJson, Quiet, home
from hallmark.cli.output import note, print_json
from hallmark.evaluate.settings import MatrixConfig

if TYPE_CHECKING:
    from hallmark.evaluate.crosstable import Step

Outputs = Annotated[
    list[Path], typer.Argument(metavar="OUTPUTS...", help="Output sets, one corpus a column.")
]
Human = Annotated[
    Path,
    typer.Option(metavar="FOLDER", help="People's texts: SOURCE.SPLIT.jsonl of all three splits."),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="FOLDER", help="For matrix.json, matrix.md and figures.")
]


@options_of(MatrixConfig())
def matrix(
    outputs: Outputs,
    human: Human,
    out: Out,
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: MatrixConfig,
) -> None:
    """Train on size x sampling, test on size x sampling; the same command goes on after a kill."""
    from hallmark.evaluate.matrix import RESULT
    from hallmark.evaluate.matrix import matrix as make
    from hallmark.models.folder import read_json

    with report(quiet=quiet) as on_step:
        make(outputs, human, out, settings, home=home(), on_step=on_step)
    print_json({"folder": str(out), **read_json(out / RESULT)}) if json else print(out)


@contextmanager
def report(*, quiet: bool) -> Iterator[Callable[[Step], None]]:
    """What to call before each row: a bar with the time left on a terminal, lines elsewhere."""
    if quiet or not sys.stderr.isatty():
        began = time.monotonic()
        yield lambda step: note(line(step, time.monotonic() - began), quiet=quiet)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), Left())
    with Progress(*columns, console=Console(stderr=True, highlight=False, markup=False)) as bar:
        task = bar.add_task("")
        yield lambda step: bar.update(
            task, completed=step.done, total=step.total, description=step.what
        )


def line(step: Step, seconds: float) -> str:
    """A step in words; the time left is that of rows as slow as those before."""
    left = f", {clock(seconds / step.done * (step.total - step.done))} left" if step.done else ""
    return f"hallmark: {step.done} of {step.total} rows{left}; {step.what}"
