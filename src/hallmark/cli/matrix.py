"""`hallmark matrix`: which detector, trained on what, tells what from human text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hallmark.cli.fields import options_of
from hallmark.cli.options import AsJson, People, Quiet, home
from hallmark.cli.output import print_json
from hallmark.cli.steps import report
from hallmark.evaluate.settings import MatrixConfig

Outputs = Annotated[
    list[Path], typer.Argument(metavar="OUTPUTS", help="Output sets, one corpus a column.")
]
Out = Annotated[
    Path, typer.Option("--out", metavar="FOLDER", help="For matrix.json, matrix.md and figures.")
]


@options_of(MatrixConfig())
def matrix(
    outputs: Outputs,
    human: People,
    out: Out,
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: MatrixConfig,
) -> None:
    """Train on size x sampling, test on size x sampling; the same command goes on after a kill."""
    from hallmark.evaluate.matrix import RESULT, TABLES
    from hallmark.evaluate.matrix import matrix as make
    from hallmark.evaluate.report import summary
    from hallmark.models.folder import read_json
    from hallmark.outputs.names import TRIAL

    with report(quiet=quiet, unit="rows") as on_step:
        table = make(outputs, human, out, settings, home=home(), on_step=on_step)
    record = read_json(out / RESULT)
    lines = [str(out / TABLES), summary(table), *([TRIAL] if record.get("practice") else [])]
    print_json({"folder": str(out), **record}) if json else print("\n".join(lines))
