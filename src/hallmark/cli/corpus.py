"""`hallmark corpus`: score, detect and signals over files of records, by many workers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hallmark.cli.building import clock, shown
from hallmark.cli.detect import Prior
from hallmark.cli.fields import options_of
from hallmark.cli.options import DEFAULT_MODEL, AsJson, Detector, Model, Precision, Quiet, home
from hallmark.cli.output import note, print_json
from hallmark.detect.verdict import BUNDLED_DETECTOR, PRIOR
from hallmark.models.precision import REFERENCE

if TYPE_CHECKING:
    from hallmark.scale.inputs import Shard
    from hallmark.scale.run import Outcome
    from hallmark.scale.shards import Done, Stage
    from hallmark.scale.stages import Computing
    from hallmark.scale.workers import Crew

corpus = typer.Typer(
    name="corpus",
    help="Score, detect and signals over a large corpus, resumable, by workers or a cluster.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_MOST_SHOWN = 20  # errors

In = Annotated[
    list[Path],
    typer.Argument(metavar="IN", help="Files or folders: .jsonl, .jsonl.gz, .parquet, .csv."),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="FOLDER", help="Where the Parquet files go, one a shard.")
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Processes here, by default one a core or GPU; 1 needs no Dask."),
]
Scheduler = Annotated[
    str,
    typer.Option(metavar="ADDRESS", help="A Dask scheduler, such as tcp://HOST:8786, instead."),
]
Threads = Annotated[
    int, typer.Option(min=1, help="Threads of each worker; other numbers may give other last bits.")
]
Device = Annotated[
    str, typer.Option(metavar="cpu|cuda", help="cuda: each worker takes a GPU of its own.")
]
Field = Annotated[str, typer.Option(metavar="NAME", help="The field or column with the text.")]
MaxTokens = Annotated[int, typer.Option(min=1, help="Score at most this many tokens of each text.")]
PerToken = Annotated[bool, typer.Option("--per-token", help="Add the statistics of every token.")]
Content = Annotated[
    str,
    typer.Option(
        "--detector", metavar="NAME|FOLDER", help="Read each text with this detector as well."
    ),
]


@dataclass(frozen=True)
class Running:
    """How a command runs over the shards; its fields are options of all three."""

    precision: Precision = REFERENCE
    device: Device = "cpu"
    threads: Threads = 1
    workers: Workers = None
    scheduler: Scheduler = ""


@corpus.command()
@options_of(Running())
def score(
    files: In,
    out: Out,
    model: Model = DEFAULT_MODEL,
    field: Field = "text",
    max_tokens: MaxTokens = 1024,
    per_token: PerToken = False,
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: Running,
) -> None:
    """How likely a model finds each text; the same command goes on after any interruption."""
    from hallmark.scale.stages import Score

    stage = Score(
        home(), portable(model), field=field, max_tokens=max_tokens, per_token=per_token,
        computing=computing(settings),
    )  # fmt: skip
    go(stage, files, out, settings, json=json, quiet=quiet)


@corpus.command()
@options_of(Running())
def detect(
    files: In,
    out: Out,
    detector: Detector = BUNDLED_DETECTOR,
    field: Field = "text",
    prior: Prior = PRIOR,
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: Running,
) -> None:
    """A verdict on each text; the same command goes on after any interruption.

    A verdict is evidence, and no ground for an accusation on its own.
    """
    from hallmark.scale.stages import Detect

    stage = Detect(
        home(), portable(detector), field=field, prior=prior,
        computing=computing(settings),
    )  # fmt: skip
    go(stage, files, out, settings, json=json, quiet=quiet)


@corpus.command()
@options_of(Running())
def signals(
    files: In,
    out: Out,
    detector: Content = "",
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: Running,
) -> None:
    """What accounts' posts have in common, over all files together.

    Writes accounts.parquet (as `hallmark signals read`) and clusters.parquet beside one file a
    shard. The same command goes on after any interruption.
    """
    from hallmark.scale.traces import Traces

    stage = Traces(home(), portable(detector), computing(settings))
    go(stage, files, out, settings, json=json, quiet=quiet)


def computing(settings: Running) -> Computing:
    """How each worker computes."""
    from hallmark.scale.stages import Computing

    return Computing(settings.device, settings.precision, settings.threads)


def portable(name: str) -> str:
    """A name as it is; a folder as every worker finds it."""
    return str(Path(name).resolve()) if name and os.path.isdir(name) else name


def go(
    stage: Stage, files: Sequence[Path], out: Path, settings: Running, *, json: bool, quiet: bool
) -> None:
    """Do the shards and say what came of them; exit 1 where some could not be done."""
    from hallmark.scale.inputs import list_shards
    from hallmark.scale.run import run

    shards = list_shards(files)
    crew = crew_of(settings, most=len(shards))
    with report(shards, quiet=quiet) as on_done:
        outcome = run(stage, shards, out, mapped=crew.map, on_done=on_done)
    for error in outcome.errors[:_MOST_SHOWN]:
        note(f"hallmark: {error}", quiet=json)
    if json:
        print_json(as_record(outcome))
    elif not outcome.errors:
        print(out)
    if outcome.errors:
        raise ValueError(
            f"{len(outcome.errors)} of {len(shards)} shards were not done, the others were; mend "
            "those and give the same command again"
        )


def crew_of(settings: Running, *, most: int) -> Crew:
    """The workers: by default one for each core, or for each GPU; no more than `most`.

    ValueError where there are fewer GPUs than asked for.
    """
    from hallmark.scale.workers import Crew

    gpus, workers = settings.device.partition(":")[0] == "cuda", settings.workers
    here = os.cpu_count() or 1
    if gpus and not settings.scheduler:
        from hallmark.lm.device import find_machine

        here = max(1, sum(name.startswith("cuda") for name in find_machine().devices))
        if workers and workers > here:
            raise ValueError(f"there are not {workers} GPUs here; give --workers {here} at most")
    return Crew(min(workers or here, most), settings.scheduler, gpus=gpus)


def as_record(outcome: Outcome) -> dict[str, object]:
    """A run as JSON: its manifest where all is done, else what was not."""
    counts = {
        "shards": len(outcome.shards), "rows": sum(done.rows for done in outcome.shards),
        "before": sum(done.before for done in outcome.shards),
    }  # fmt: skip
    return {"folder": str(outcome.folder), **counts, "errors": outcome.errors,
            **({"manifest": outcome.manifest} if outcome.manifest else {})}  # fmt: skip


class _Pace:
    """Shards and bytes done, and how fast those of this start come."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.sizes = {s.number: s.path.stat().st_size for s in shards}
        self.done = self.rows = self.bytes = self.fresh = 0
        self.began = time.monotonic()

    def add(self, done: Done) -> None:
        """Count a shard; those of an earlier start say nothing of the speed."""
        self.done += 1
        self.rows += done.rows
        self.bytes += self.sizes[done.number]
        if not done.before:
            self.fresh += self.sizes[done.number]

    def line(self) -> str:
        """Progress in words."""
        said = f"{self.done:,} of {len(self.sizes):,} shards, {self.rows:,} records"
        if not self.fresh:
            return said
        left = sum(self.sizes.values()) - self.bytes
        seconds = left * (time.monotonic() - self.began) / self.fresh
        return f"{said}, {clock(seconds)} left"


def report(
    shards: Sequence[Shard], *, quiet: bool
) -> AbstractContextManager[Callable[[Done], None]]:
    """What to call with each shard: a bar on a terminal, a line a shard elsewhere."""
    return shown(_Pace(shards), total=len(shards), waiting="loading", quiet=quiet, every=0)
