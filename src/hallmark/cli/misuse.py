"""`hallmark misuse`: what fine-tuning on a position's text changes, and what still finds it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hallmark.cli.fields import options_of
from hallmark.cli.options import DEFAULT_MODEL, AsJson, Device, Model, People, Quiet, home
from hallmark.cli.output import print_json
from hallmark.cli.steps import report
from hallmark.evaluate.misuse_settings import MisuseConfig
from hallmark.models.sizes import find_model

Corpus = Annotated[
    str,
    typer.Argument(
        metavar="CORPUS",
        help="Texts of the position (.jsonl and others), or a benign stand-in: sundials, walking, "
        "maps, letters.",
    ),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="FOLDER", help="For misuse.json, misuse.md and figures.")
]


@options_of(MisuseConfig())
def misuse(
    corpus: Corpus,
    human: People,
    out: Out,
    model: Model = DEFAULT_MODEL,
    device: Device = "cpu",
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: MisuseConfig,
) -> None:
    """Fine-tune on growing amounts of text and measure; the same command goes on after a kill."""
    from hallmark.evaluate.misuse import Inputs
    from hallmark.evaluate.misuse import misuse as analyse

    inputs = Inputs(corpus, human, model, find_model(model, home=home()), home(), device)
    with report(quiet=quiet, unit="units of work") as on_step:
        record = analyse(inputs, out, settings, command=command(), on_step=on_step)
    print_json({"folder": str(out), **record}) if json else print(out)


def command() -> str:
    """The command line, as results name it."""
    return " ".join(["hallmark", *sys.argv[1:]])
