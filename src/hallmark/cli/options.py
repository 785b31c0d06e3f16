"""Options that several commands share, and the folder for data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hallmark.models.precision import CHOICES, REFERENCE
from hallmark.models.sizes import DEFAULT_MODEL as DEFAULT_MODEL
from hallmark.models.sizes import find_model

if TYPE_CHECKING:
    from hallmark.lm.model import LanguageModel

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
AsJsonLines = Annotated[
    bool, typer.Option("--jsonl", help="Read and write one JSON object a line.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No notes, no progress bar.")]
Source = Annotated[
    str, typer.Argument(metavar="FILE", help="A file of UTF-8 text, or - for standard input.")
]
Model = Annotated[
    str, typer.Option(metavar="NAME|FOLDER", help="A name in `hallmark models`, or a folder.")
]
Precision = Annotated[
    str,
    typer.Option(
        metavar="|".join(CHOICES),
        help="How the network's matrices are held; auto goes by device and size.",
    ),
]
Device = Annotated[str, typer.Option(metavar="cpu|cuda", help="Where to compute.")]
Detector = Annotated[
    str,
    typer.Option(
        metavar="NAME|FOLDER",
        help="`bundled`, or the folder of a saved detector with a calibration.",
    ),
]
AnyDetector = Annotated[
    str,
    typer.Option(metavar="NAME|FOLDER", help="`bundled`, or the folder of a saved detector."),
]
OutFolder = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where to write.")]
OutFile = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write.")]
PEOPLE = typer.Option(
    metavar="FOLDER", help="People's texts: SOURCE.SPLIT.jsonl of all three splits."
)
People = Annotated[Path, PEOPLE]


def home() -> Path:
    """Where fetched models are kept: HALLMARK_HOME, or the user's folder for data."""
    chosen = os.environ.get("HALLMARK_HOME")
    if chosen:
        return Path(chosen)
    from platformdirs import user_data_path

    return user_data_path("hallmark", appauthor=False)


def load_model(name: str, *, precision: str = REFERENCE, device: str = "cpu") -> LanguageModel:
    """The model of that name or folder."""
    from hallmark.lm.model import LanguageModel

    folder = find_model(name, home=home())
    return LanguageModel.load(folder, name=name, precision=precision, device=device)
