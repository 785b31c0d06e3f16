"""`hallmark export`: write a model in another form, so that it loads in seconds or elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hallmark.cli.options import AsJson, Quiet, home
from hallmark.cli.output import note, print_json
from hallmark.models.precision import Precision

ModelName = Annotated[
    str, typer.Argument(metavar="MODEL", help="A name in `hallmark models`, or a folder.")
]
Target = Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that does not exist yet.")]
STORED = (Precision.INT8, Precision.INT4, Precision.FLOAT32)
Held = Annotated[
    Precision,
    typer.Option(
        metavar="|".join(STORED),
        help="int8 and int4: Hallmark's own form; float32: Hugging Face's.",
    ),
]


def export(
    model: ModelName,
    folder: Target,
    precision: Held = Precision.INT8,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a model in another precision or form."""
    if precision not in STORED:
        valid = ", ".join(STORED)
        raise typer.BadParameter(f"a model is stored in {valid}, not in {precision}")
    if folder.exists():
        raise ValueError(f"{folder} exists; give a folder that does not")
    size = write(model, folder, precision)
    if json:
        print_json({"model": model, "folder": str(folder), "precision": precision, "bytes": size})
    else:
        print(folder)
        note(f"hallmark: {size / 1e6:.1f} MB in {precision}", quiet=quiet)


def write(model: str, folder: Path, precision: Precision) -> int:
    """Load in float32 and save; the bytes of all files."""
    from hallmark.models import checkpoint
    from hallmark.models.sizes import find_model

    network, tokenizer = checkpoint.load(find_model(model, home=home()))
    if precision == Precision.FLOAT32:
        checkpoint.save_huggingface(folder, network, tokenizer)
    else:
        checkpoint.save_quantised(folder, network, tokenizer, precision=precision)
    return sum(file.stat().st_size for file in folder.iterdir())
