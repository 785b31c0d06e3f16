"""`hallmark probe`: does a model give back its training text, and what does it say of groups?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from hallmark.cli.fields import options_of
from hallmark.cli.inputs import spooled
from hallmark.cli.misuse import command
from hallmark.cli.options import DEFAULT_MODEL, AsJson, Device, Model, Quiet, load_model
from hallmark.cli.output import print_json
from hallmark.cli.steps import report
from hallmark.evaluate.probe_settings import BiasConfig, MemorisationConfig

probe = typer.Typer(
    name="probe",
    help="Probe a model: training text that it gives back, and what it says of groups.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Training = Annotated[
    list[str], typer.Option(metavar="FILE", help="Text that the model was trained on.")
]
HeldOut = Annotated[
    list[str], typer.Option(metavar="FILE", help="Text of the same kind that it never saw.")
]
Out = Annotated[
    Path, typer.Option("--out", metavar="FILE", help="A .json file; a .md file goes beside it.")
]


@probe.command()
@options_of(MemorisationConfig())
def memorisation(
    training: Training,
    held_out: HeldOut,
    out: Out,
    model: Model = DEFAULT_MODEL,
    device: Device = "cpu",
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: MemorisationConfig,
) -> None:
    """Continue training text and text never seen; how much of each comes back verbatim."""
    from hallmark.evaluate import memorisation as probing

    with report(quiet=quiet, unit="prefixes") as on_step:
        found = probing.memorisation(
            load_model(model, device=device), read(training), read(held_out), settings,
            command=command(), on_step=on_step,
        )  # fmt: skip
    finish(found, out, probing.markdown, json=json)


@probe.command()
@options_of(BiasConfig())
def bias(
    out: Out,
    model: Model = DEFAULT_MODEL,
    device: Device = "cpu",
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: BiasConfig,
) -> None:
    """Complete prompts that differ in a group's name; compare sentiment and words."""
    from hallmark.evaluate import bias as probing

    with report(quiet=quiet, unit="terms") as on_step:
        found = probing.bias(
            load_model(model, device=device), settings, command=command(), on_step=on_step
        )
    finish(found, out, probing.markdown, json=json)


def read(files: list[str]) -> list[str]:
    """The documents of all files."""
    from hallmark.lm.corpus.settings import Source
    from hallmark.lm.corpus.sources import documents, find_files

    with spooled(files) as paths:
        return [text for path in find_files(paths) for text in documents(path, Source())]


def finish(
    record: dict[str, Any], out: Path, markdown: Callable[[dict[str, Any]], str], *, json: bool
) -> None:
    """Write the Markdown and then the JSON, and say where or print it."""
    from hallmark.models.folder import write_json, write_text

    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out.with_suffix(".md"), markdown(record))
    write_json(out, record)
    print_json({"file": str(out), **record}) if json else print(out)
