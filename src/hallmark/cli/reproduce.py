"""`hallmark reproduce`: a whole release, from gates and texts to its signed folders and report."""

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
from hallmark.cli.options import PEOPLE, AsJson, Device, Precision, Quiet, home
from hallmark.cli.output import SAY_AFTER, error_console, note, print_json
from hallmark.cli.release import Time, time_of
from hallmark.models.precision import AUTO
from hallmark.release.layout import RELEASES
from hallmark.release.pipeline.settings import LADDER, ReproduceConfig

if TYPE_CHECKING:
    from hallmark.release.pipeline.stages import Progress

Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="The run's folder.")]
Models = Annotated[
    list[str],
    typer.Option(
        "--model", metavar="NAME|FOLDER",
        help="A stage of the release; repeat it. `ladder` is all of its rungs.",
    ),
]  # fmt: skip
Human = Annotated[Path | None, PEOPLE]
Training = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Text the models were trained on, to probe memorisation."),
]
Ratings = Annotated[
    Path | None, typer.Option(metavar="FILE", help="CSV of people's ratings; else bots answer.")
]
Plan = Annotated[Path | None, typer.Option(metavar="PLAN", help="Gates of your own (TOML).")]
Key = Annotated[Path | None, typer.Option(metavar="KEYFILE", help="Your key; else one is made.")]


@options_of(ReproduceConfig())
def reproduce(
    out: Out,
    model: Models = [LADDER],  # noqa: B006 (typer copies it)
    human: Human = None,
    training: Training = None,
    ratings: Ratings = None,
    plan: Plan = None,
    key: Key = None,
    time: Time = None,
    precision: Precision = AUTO,
    device: Device = "cpu",
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: ReproduceConfig,
) -> None:
    """Do a whole release: gates, texts, measurements, decisions, report; goes on after a kill."""
    from hallmark.release.pipeline import reproduce as run
    from hallmark.release.pipeline.run import Given

    given = Given(human, training, ratings, plan, key, time_of(time) if time else None)
    with report(quiet=quiet) as on_progress:
        ran = run.reproduce(
            out, model, settings, home=home(), given=given, precision=precision, device=device,
            on_progress=on_progress, on_key=lambda path: note(kept(path), quiet=quiet),
        )  # fmt: skip
    page = out / "report" / "report.html"
    print_json({"folder": str(out), "report": str(page), "ran": ran}) if json else print(page)


def kept(key: Path) -> str:
    """What to do with a private key that was made."""
    return (
        f"hallmark: {key} is the private key that signs this release: keep it, and never publish "
        f"it; what may leave you is {key.with_name(RELEASES)} and {key}.pub."
    )


@contextmanager
def report(*, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """What to call as a run goes on: a bar with the time left on a terminal, lines elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield _lines(quiet=quiet)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=error_console()) as bar:
        task = bar.add_task("")
        yield lambda step: bar.update(
            task, completed=step.done, total=step.total, description=words(step)
        )


def _lines(*, quiet: bool) -> Callable[[Progress], None]:
    last, said = "", 0.0

    def tell(step: Progress) -> None:
        nonlocal last, said
        if step.stage != last or time.monotonic() - said >= SAY_AFTER:
            last, said = step.stage, time.monotonic()
            note(f"hallmark: {step.done} of {step.total} stages; {words(step)}", quiet=quiet)

    return tell


def words(step: Progress) -> str:
    """What is under way and how long all of it may take."""
    left = f", {clock(step.left)} left" if step.left is not None else ""
    return f"{step.stage}: {step.what}{left}"
