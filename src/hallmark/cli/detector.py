"""`hallmark detector`: train an encoder, open what others trained, score and measure detectors."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hallmark.cli.answers import answer_lines, one_format
from hallmark.cli.fields import options_of
from hallmark.cli.inputs import read_text
from hallmark.cli.labelled import Labelled, read_labelled
from hallmark.cli.options import (
    DEFAULT_MODEL,
    AsJson,
    AsJsonLines,
    Device,
    OutFolder,
    Quiet,
    Source,
    home,
)
from hallmark.cli.output import console, print_json
from hallmark.cli.training import report
from hallmark.detect.encoders.settings import EncoderConfig
from hallmark.models.sizes import find_model

if TYPE_CHECKING:
    from hallmark.detect.detector import Detector
    from hallmark.detect.measure import Measured
    from hallmark.lm.training.checkpoint import Progress

DETECTOR = "detector"  # in a run's folder

detector = typer.Typer(
    name="detector",
    help="Train an encoder to detect text, open published ones, score and measure.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Outputs = Annotated[
    list[Path] | None, typer.Argument(metavar="OUTPUTS", help="Output sets, labels by names.")
]
Human = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE", help="JSON lines of human texts; may be given several times; - is input."
    ),
]
Synthetic = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE", help="The same of synthetic texts."),
]
Run = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the run is kept.")]
Folder = Annotated[Path, typer.Argument(metavar="DETECTOR", help="The folder of a detector.")]
Published = Annotated[
    Path, typer.Argument(metavar="FILE|FOLDER", help="detector-*.pt, or a folder of transformers'.")
]
Words = Annotated[
    str,
    typer.Option("--tokenizer", metavar="NAME|FOLDER", help="The RoBERTa that a .pt belongs to."),
]
Length = Annotated[
    list[int], typer.Option(min=1, help="Tokens to cut texts to; may be given several times.")
]
Split = Annotated[str, typer.Option(help="The split to measure on.")]


@detector.command()
@options_of(EncoderConfig())
def train(
    out: Run,
    outputs: Outputs = None,
    human: Human = None,
    synthetic: Synthetic = None,
    device: Device = "cpu",
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: EncoderConfig,
) -> None:
    """Train an encoder; the same command goes on after any interruption."""
    texts = read_labelled(outputs or [], human=human or [], synthetic=synthetic or [])
    ended = fit(texts, settings, out=out, device=device, quiet=quiet or json)
    if ended is not None and json:
        about = {"steps": ended.step, "best_step": ended.best_step, "ended": ended.ended}
        print_json({"run": str(out), "detector": str(out / DETECTOR), **about})
    elif ended is not None:
        print(out / DETECTOR)


@detector.command("import")
def import_(
    published: Published,
    out: OutFolder,
    tokenizer: Words = "roberta-base",
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a detector of one that was published; its labels are turned."""
    from hallmark.detect.encoder import Encoder
    from hallmark.detect.encoders.published import load_checkpoint, load_detector

    is_file = published.is_file()
    words = find_model(tokenizer, home=home()) if is_file else published
    found = load_checkpoint(published, tokenizer=words) if is_file else load_detector(published)
    facts = {"published": published.resolve().name}
    Encoder.of(found.network, found.vocabulary, normalised=False).save(out, facts=facts)
    print_json({"detector": str(out)}) if json else print(out)


@detector.command()
def score(
    folder: Folder,
    file: Source,
    jsonl: AsJsonLines = False,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Print a detector's raw score of each text: higher is more synthetic, on its own scale."""
    one_format(json=json, jsonl=jsonl)
    loaded = load(folder)
    if jsonl:
        score_lines(file, loaded, quiet=quiet)
        return
    value = float(loaded.score([read_text(file)])[0])
    print_json({"score": value}) if json else print(f"{value:.4f}")


@detector.command()
def measure(
    folder: Folder,
    outputs: Outputs = None,
    human: Human = None,
    synthetic: Synthetic = None,
    length: Length = [128, 510],  # noqa: B006 (typer copies it)
    split: Split = "test",
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure a detector on texts cut to equal lengths: accuracy and AUROC with intervals."""
    from hallmark.detect.measure import measure as measuring
    from hallmark.models.tokenizer import Tokenizer

    texts = read_labelled(outputs or [], human=human or [], synthetic=synthetic or [])
    chosen = texts.get(split) or Labelled()
    tokenizer = Tokenizer.load(find_model(DEFAULT_MODEL, home=home()))
    loaded, own = load(folder), (chosen.texts, chosen.labels, chosen.sources)
    rows = [
        row for n in length for row in measuring(loaded, *own, tokens=n, tokenizer=tokenizer)
    ]  # fmt: skip
    if json:
        print_json({"detector": str(folder), "rows": [asdict(row) for row in rows]})
    else:
        show(rows)


def fit(
    texts: dict[str, Labelled], settings: EncoderConfig, *, out: Path, device: str, quiet: bool
) -> Progress | None:
    """Train with a live line and save the detector; None in all processes but the first."""
    from hallmark.detect.encoder import Encoder
    from hallmark.lm.training.memory import keep_freed_memory
    from hallmark.lm.training.parallel import open_world

    keep_freed_memory()
    own, held = texts["train"], texts["valid"]
    encoder = Encoder(settings, home=home())
    with ExitStack() as stack:
        world = stack.enter_context(open_world("auto", device=device, environment=os.environ))
        tell = stack.enter_context(report(encoder.steps(own.labels), quiet=quiet or not world.main))
        ended = encoder.fit(
            own.texts, own.labels, sources=own.sources, folder=out, world=world, on_event=tell,
            validation=(held.texts, held.labels) if held.texts else None,
        )  # fmt: skip
        if world.main:
            counts = {"train": len(own.texts), "valid": len(held.texts)}
            encoder.save(out / DETECTOR, facts=counts | {"sources": sorted(set(own.sources))})
    return ended if world.main else None


def load(folder: Path) -> Detector:
    """The detector of any kind in a folder; ValueError where there is none."""
    from hallmark.detect.judge import load_scorer

    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; give that of a saved detector")
    return load_scorer(str(folder.resolve()), home=home())


def score_lines(source: str, loaded: Detector, *, quiet: bool) -> None:
    """Score JSON lines as they come and print one line for each, in order."""

    def answer(texts: list[str]) -> list[dict[str, float]]:
        return [{"score": float(score)} for score in loaded.score(texts)]

    answer_lines(source, answer, quiet=quiet)


def show(rows: list[Measured]) -> None:
    """A table, one line a corpus and length."""
    out = console()
    width = max([len(row.source) for row in rows] + [6])
    out.print(
        f"{'tokens':>6}  {'corpus':<{width}}  {'n':>6}  {'human':>6}  {'accuracy':<21}  AUROC",
        style="bold",
    )
    for row in rows:
        out.print(
            f"{row.tokens:>6}  {row.source:<{width}}  {row.synthetic:>6}  {row.human:>6}  "
            f"{row.accuracy.shown:<21}  {row.auroc.shown}"
        )
