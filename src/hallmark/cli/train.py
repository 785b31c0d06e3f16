"""`hallmark train`: prepare text, pre-train, fine-tune, plot and export a run."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hallmark.cli.fields import options_of
from hallmark.cli.inputs import STANDARD_INPUT, spooled
from hallmark.cli.options import DEFAULT_MODEL, AsJson, Device, Model, OutFolder, Quiet, home
from hallmark.cli.output import note, print_json, progress
from hallmark.cli.training import interruptible, preparing, report, show, tell_end
from hallmark.data import MissingField
from hallmark.lm.corpus.settings import PrepareConfig, Source
from hallmark.lm.training.settings import FINETUNE, PARALLEL, TrainConfig
from hallmark.models.sizes import find_model, find_size

if TYPE_CHECKING:
    from hallmark.lm.corpus.shards import Corpus
    from hallmark.lm.training.run import Start

train = typer.Typer(
    name="train",
    help="Prepare text, pre-train, fine-tune, plot and export.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILES", help="Text (.txt, .jsonl, .jsonl.gz, .parquet), folders of it, or -."
    ),
]
Data = Annotated[
    str, typer.Argument(metavar="DATA", help="A prepared corpus, or text to prepare first.")
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
Tokens = Annotated[
    str,
    typer.Option("--tokenizer", metavar="NAME|FOLDER", help="The model whose tokenizer to use."),
]
Parallel = Annotated[
    str, typer.Option(metavar="|".join(PARALLEL), help="How torchrun's processes share the work.")
]
Prompt = Annotated[str, typer.Option(help="What samples go on from; empty: from nothing.")]
Lora = Annotated[int, typer.Option(min=0, help="Train adapters of this rank only; 0: all weights.")]
Size = Annotated[
    str, typer.Option("--size", metavar="NAME", help="Shape: a name in `hallmark models`.")
]
Valid = Annotated[float, typer.Option(help="Share of the documents to hold out.")]
Cut = Annotated[int, typer.Option(help="Cut documents to at most this many characters.")]
Field = Annotated[str, typer.Option(help="Key or column that holds the text.")]
Near = Annotated[bool, typer.Option("--near/--no-near", help="Leave out near duplicates too.")]
Step = Annotated[int | None, typer.Option(help="The checkpoint of this step, not the best one.")]
Base = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="NAME|FOLDER",
        help="Where the base model of a LoRA run is, if it was moved.",
    ),
]  # fmt: skip
Figure = Annotated[Path | None, typer.Option("--out", metavar="FILE", help=".svg, .png or .pdf.")]


@train.command()
def prepare(
    files: Files,
    out: OutFolder,
    tokenizer: Tokens = DEFAULT_MODEL,
    valid: Valid = PrepareConfig.valid,
    cut: Cut = Source.cut,
    field: Field = Source.field,
    near: Near = PrepareConfig.near,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Turn text into token shards with a manifest, split by document, duplicates left out."""
    config = PrepareConfig(valid=valid, near=near, source=Source(field, cut))
    corpus = prepare_text(files, out, tokenizer, config, quiet=quiet)
    if json:
        print_json({"folder": str(out), **corpus.manifest})
    else:
        show(corpus)


@train.command()
@options_of(TrainConfig())
def pretrain(
    data: Data,
    out: OutFolder,
    size: Size = DEFAULT_MODEL,
    prompt: Prompt = "",
    device: Device = "cpu",
    parallel: Parallel = "auto",
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: TrainConfig,
) -> None:
    """Train a model from random weights; the same command goes on after any interruption."""
    from hallmark.lm.training.run import Start

    corpus = open_or_prepare(data, out, size, quiet=quiet)
    shape = replace(find_size(size).config, vocab_size=corpus.tokenizer.n_vocab)
    train_and_report(
        Start(shape), corpus, settings, out=out, prompt=prompt, device=device, parallel=parallel,
        json=json, quiet=quiet,
    )  # fmt: skip


@train.command()
@options_of(FINETUNE)
def finetune(
    data: Data,
    out: OutFolder,
    model: Model = DEFAULT_MODEL,
    lora: Lora = 0,
    prompt: Prompt = "",
    device: Device = "cpu",
    parallel: Parallel = "auto",
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: TrainConfig,
) -> None:
    """Train a model further on other text; the same command goes on after any interruption."""
    from hallmark.lm.training.run import Start

    start = Start(base=find_model(model, home=home()), lora=lora)
    start.check()
    corpus = open_or_prepare(data, out, model, quiet=quiet)
    train_and_report(
        start, corpus, settings, out=out, prompt=prompt, device=device, parallel=parallel,
        json=json, quiet=quiet,
    )  # fmt: skip


@train.command()
def plot(run: Run, out: Figure = None, json: AsJson = False, quiet: Quiet = False) -> None:
    """Draw a run's losses and learning rate (needs matplotlib: the extra `plots`)."""
    from hallmark.lm.training.figure import draw

    path = out or run / "curves.svg"
    draw(run, path)
    print_json({"file": str(path)}) if json else print(path)


@train.command()
def export(
    run: Run,
    out: OutFolder,
    step: Step = None,
    model: Base = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a run's best checkpoint as a Hugging Face folder with a model card."""
    from hallmark.lm.training.run import export_run

    if out.exists():
        raise ValueError(f"{out} exists; give a folder that does not")
    base = find_model(model, home=home()) if model else None
    chosen = export_run(run, out, step=step, base=base)
    print_json({"folder": str(out), "step": chosen}) if json else print(out)
    note(f"hallmark: the weights of step {chosen}", quiet=quiet or json)


def prepare_text(
    files: list[str], out: Path, model: str, config: PrepareConfig, *, quiet: bool
) -> Corpus:
    """Prepare `files` with the tokenizer of `model`, counting documents while somebody watches."""
    from hallmark.lm.corpus.prepare import prepare
    from hallmark.models.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(find_model(model, home=home()))
    with (
        preparing(quiet=quiet),
        spooled(files) as paths,
        progress("documents", quiet=quiet) as advance,
    ):
        return prepare(paths, out, tokenizer, config, on_document=advance)


def open_or_prepare(data: str, out: Path, model: str, *, quiet: bool) -> Corpus:
    """The prepared corpus `data`; where it is text, the corpus made of it in `out`/data."""
    from hallmark.lm.corpus.shards import open_corpus
    from hallmark.models.sizes import MANIFEST

    if data != STANDARD_INPUT and out.resolve().is_relative_to(Path(data).resolve()):
        raise ValueError(f"{out} lies in {data}, all of which is read; give an --out outside it")
    if data != STANDARD_INPUT and (Path(data) / MANIFEST).is_file():
        return open_corpus(Path(data))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError(f"{data} is text; under torchrun, prepare it first (`train prepare`)")
    own = out / "data"
    if (own / MANIFEST).is_file():
        note(f"hallmark: using {own}, which an earlier start made of the text", quiet=quiet)
        earlier = open_corpus(own)
        if data != STANDARD_INPUT:
            check_made_of(earlier, Path(data))
        return earlier
    try:
        corpus = prepare_text([data], own, model, PrepareConfig(), quiet=quiet)
    except MissingField as error:
        way_out = "`hallmark train prepare FILE --field KEY --out data`, then train on data"
        raise ValueError(f"{error.what}; {way_out}") from None
    if not quiet:
        show(corpus, to_error=True)
    return corpus


def check_made_of(corpus: Corpus, data: Path) -> None:
    """ValueError unless the corpus was made of these very files, as they are now."""
    from hallmark.lm.corpus.sources import find_files
    from hallmark.models.sizes import MANIFEST

    files = find_files([data])
    made = (corpus.folder / MANIFEST).stat().st_mtime
    if [str(f) for f in files] != corpus.manifest["sources"]:
        raise ValueError(f"{corpus.folder} was made of other text than {data}; use a new folder")
    changed = [f for f in files if f.stat().st_mtime > made]
    if changed:
        raise ValueError(f"{changed[0]} has changed since this run began; use a new folder")


def train_and_report(
    start: Start,
    corpus: Corpus,
    settings: TrainConfig,
    *,
    out: Path,
    prompt: str,
    device: str,
    parallel: str,
    json: bool,
    quiet: bool,
) -> None:
    """Train with a live line, and print where the weights are and how good they became."""
    from hallmark.lm.training.memory import keep_freed_memory
    from hallmark.lm.training.parallel import open_world
    from hallmark.lm.training.run import MODEL, run

    keep_freed_memory()
    with (
        open_world(parallel, device=device, environment=os.environ) as world,
        interruptible(out, save_every=settings.save_every, quiet=quiet or not world.main),
        report(settings.steps, quiet=quiet or not world.main) as on_event,
    ):
        ended = run(
            start, corpus, settings, folder=out, world=world, prompt=prompt, on_event=on_event
        )
    if world.main:
        tell_end(out, ended, out / MODEL, quiet=quiet)
        if json:
            print_json(
                {"run": str(out), "model": str(out / MODEL), "steps": ended.step,
                 "best_step": ended.best_step, "valid_loss": ended.best_loss,
                 "ended": ended.ended}
            )  # fmt: skip
        else:
            print(out / MODEL)
