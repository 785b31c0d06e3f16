"""`hallmark outputs`: build, check, describe, import and convert output datasets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hallmark.cli.building import report, show_summaries
from hallmark.cli.fields import options_of
from hallmark.cli.inputs import read_text, record_groups, spooled, whole
from hallmark.cli.options import DEFAULT_MODEL, AsJson, Device, OutFolder, Precision, Quiet, home
from hallmark.cli.output import note, print_json, progress
from hallmark.models.precision import AUTO
from hallmark.models.sizes import find_model
from hallmark.outputs.settings import BuildConfig

if TYPE_CHECKING:
    from hallmark.outputs.outputset import OutputSet
    from hallmark.outputs.verify import Report

outputs = typer.Typer(
    name="outputs",
    help="Build, check, describe, import and convert output datasets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Models = Annotated[
    list[str],
    typer.Option(
        "--model", metavar="NAME|FOLDER",
        help="A name in `hallmark models`, or a folder; may be given several times.",
    ),
]  # fmt: skip
Prompts = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Go on from these: a line each, or JSON lines; - is input."),
]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="An output set.")]
Regenerate = Annotated[
    int, typer.Option(min=0, help="Write so many documents again from their seeds and compare.")
]
Again = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME|FOLDER", help="Where a model is that was a folder."),
]
Files = Annotated[
    list[str],
    typer.Argument(metavar="FILES", help="SOURCE.SPLIT.jsonl(.gz) or .parquet, or folders."),
]


@outputs.command()
@options_of(BuildConfig())
def build(
    out: OutFolder,
    model: Models = [DEFAULT_MODEL],  # noqa: B006 (typer copies it)
    prompts: Prompts = None,
    precision: Precision = AUTO,
    device: Device = "cpu",
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: BuildConfig,
) -> None:
    """Write corpora of model x sampling; the same command goes on after any interruption."""
    from hallmark.outputs import build as building
    from hallmark.outputs.plan import make_plan

    folders = model_names(model)
    plan = make_plan(settings, list(folders), read_prompts(prompts))
    models = building.Models(folders, precision=precision, device=device)
    with report(plan.total, quiet=quiet) as on_step:
        built = building.build(out, plan, models, on_step=on_step)
    print_json(as_record(built)) if json else print(out)


@outputs.command()
def verify(
    folder: Folder,
    regenerate: Regenerate = 0,
    model: Again = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare an output set with its manifest, and with what its seeds write."""
    from hallmark.outputs.outputset import open_outputs

    checked = check(open_outputs(folder), model or [], regenerate=regenerate, quiet=quiet)
    if json:
        print_json({"ok": checked.ok, **asdict(checked)})
    else:
        print("\n".join([*checked.problems, sentence(checked)]))
    if not checked.ok:
        raise typer.Exit(1)


@outputs.command()
def stats(folder: Folder, json: AsJson = False, quiet: Quiet = False) -> None:
    """Show each file's documents, tokens, lengths, and how often texts end and repeat."""
    from hallmark.outputs.outputset import open_outputs
    from hallmark.outputs.summary import summarise

    summaries = list(summarise(open_outputs(folder)))
    if json:
        print_json({"folder": str(folder), "files": [asdict(s) for s in summaries]})
    else:
        show_summaries(summaries)
        note("ended: with its 95 % interval; n is the documents.", quiet=quiet)


@outputs.command("import")
def import_(files: Files, out: OutFolder, json: AsJson = False, quiet: Quiet = False) -> None:
    """Make an output set of published files, labels by their names."""
    from hallmark.outputs.imports import import_outputs

    with progress("documents", quiet=quiet) as advance:
        made = import_outputs([Path(file) for file in files], out, on_document=advance)
    print_json(as_record(made)) if json else print(out)


@outputs.command()
def export(folder: Folder, out: OutFolder, json: AsJson = False, quiet: Quiet = False) -> None:
    """Write an output set again with Parquet files (the extra `parquet`)."""
    from hallmark.outputs.imports import export_parquet
    from hallmark.outputs.outputset import open_outputs

    with progress("documents", quiet=quiet) as advance:
        made = export_parquet(open_outputs(folder), out, on_document=advance)
    print_json(as_record(made)) if json else print(out)


@outputs.command()
def practice(
    out: OutFolder,
    tokens: Annotated[int, typer.Option(min=8, help="Fewest tokens of a text.")] = 40,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write people's texts to practise with: an editorial of 1897 and the manual of Python."""
    from hallmark.release.pipeline.people import write_people

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is no empty folder; give a new one")
    model = find_model(DEFAULT_MODEL, home=home())
    made = write_people(None, out, tokens=tokens, tokenizer=model)
    print_json({"folder": str(out), **made}) if json else print(out)
    note(made["limit"], quiet=quiet or json)


def model_names(given: list[str]) -> dict[str, Path]:
    """Folders by what a manifest calls the models: the size's name, or the folder's own."""
    folders = [find_model(name, home=home()) for name in given]
    names = {folder.resolve().name: folder for folder in folders}
    if len(names) < len(folders):
        raise ValueError("two models have one name; build them into two folders")
    return names


def read_prompts(source: str | None) -> list[str]:
    """The prompts in a file: `prompt` or `text` of JSON lines, or one on each line of text."""
    if source is None:
        return []
    with spooled([source]) as (path,):
        if path.suffix == ".jsonl":
            groups = record_groups(str(path), fields=("prompt", "text"))
            found = [whole(line).text for group in groups for line in group]
        else:
            found = read_text(str(path)).split("\n")
    found = [prompt.removesuffix("\r") for prompt in found if prompt.strip()]
    if not found:
        raise ValueError(f"{source} holds no prompt; give one on each line")
    return found


def check(opened: OutputSet, given: list[str], *, regenerate: int, quiet: bool) -> Report:
    """Everything about an output set, as far as its models are here."""
    from hallmark.models.tokenizer import Tokenizer
    from hallmark.outputs import regenerate as again
    from hallmark.outputs.verify import verify

    folders = dict(find_models(opened, given, needed=regenerate > 0))
    tokenizers = {name: Tokenizer.load(folder) for name, folder in folders.items()}
    checked = verify(opened, tokenizers=tokenizers)
    if regenerate and checked.ok:
        again.regenerate(opened, folders, checked, count=regenerate)
    elif regenerate:
        note("hallmark: nothing was written again, as there are problems", quiet=quiet)
    return checked


def find_models(opened: OutputSet, given: list[str], *, needed: bool) -> Iterator[tuple[str, Path]]:
    """Folders of the models in a manifest: those given, and those that have their names here."""
    own = model_names(given)
    wanted = [about.get("model") for about in opened.manifest["corpora"].values()]
    for name in dict.fromkeys(str(name) for name in wanted if name):
        try:
            yield name, own.get(name) or find_model(name, home=home())
        except ValueError:
            if needed:
                raise ValueError(
                    f"the model {name!r:.80} is not here; give its folder with --model"
                ) from None


def sentence(checked: Report) -> str:
    """The outcome in a line."""
    parts = [f"{checked.documents:,} documents in {checked.files} files"]
    if checked.tokenised:
        share = checked.retokenised / checked.tokenised
        parts.append(f"{share:.1%} give their length when tokenised again")
    parts.append(f"{checked.duplicates} duplicates, {checked.shared} of them across splits")
    if checked.regenerated:
        parts.append(f"{checked.regenerated} written again and equal")
    return f"{'whole' if checked.ok else 'NOT WHOLE'}: {'; '.join(parts)}"


def as_record(opened: OutputSet) -> dict[str, Any]:
    """An output set as JSON knows it."""
    return {"folder": str(opened.folder), **opened.manifest}
