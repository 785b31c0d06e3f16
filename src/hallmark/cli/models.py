"""`hallmark models` and `hallmark get`: which models there are, and fetching one."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from hallmark.cli.options import AsJson, Quiet, home
from hallmark.cli.output import console, file_progress, note, print_json
from hallmark.models.sizes import MANIFEST, SIZES, GPT2Config, Size, model_folder

CONFIG = "config.json"
ModelName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A name in `hallmark models`, or OWNER/NAME on the hub."),
]
Endpoint = Annotated[
    str | None,
    typer.Option(metavar="URL", envvar="HF_ENDPOINT", help="Another hub than the usual."),
]


def models(json: AsJson = False, quiet: Quiet = False) -> None:
    """List the models: size, where each is, how well it predicts."""
    rows = [describe(size, home=home()) for size in SIZES]
    if json:
        print_json({"models": rows})
        return
    print_table(rows)
    note("Bits per byte are of text that the model never saw; lower is better.", quiet=quiet)


def get(
    name: ModelName, endpoint: Endpoint = None, json: AsJson = False, quiet: Quiet = False
) -> None:
    """Fetch a published model; nothing else uses the network."""
    from hallmark.models import hub

    with file_progress(quiet=quiet or json) as progress:
        folder = hub.get(name, home=home(), endpoint=endpoint or hub.ENDPOINT, progress=progress)
    if json:
        print_json({"model": name, "folder": str(folder)})
    else:
        print(folder)


def describe(size: Size, *, home: Path) -> dict[str, Any]:
    """One row: `where` is bundled, fetched, missing (bundled, but damaged) or not here."""
    folder = model_folder(size.name, home=home)
    here = (folder / MANIFEST).is_file()
    absent = "missing" if size.bundled else "not here"
    present = "bundled" if size.bundled else "fetched"
    return {
        "name": size.name,
        "aliases": list(size.aliases),
        "parameters": size.config.parameters,
        "where": present if here else absent,
        "folder": str(folder) if here else None,
        "bits_per_byte": bits_per_byte(folder),
        "download_bytes": None if size.bundled else published_bytes(size.config),
    }


def published_bytes(config: GPT2Config) -> int:
    """About the size of a published file: float32, with a mask of n_ctx x n_ctx in each layer."""
    return 4 * (config.parameters + config.n_layer * config.n_ctx**2)


def bits_per_byte(folder: Path) -> float | None:
    """What the model's card says of held-out text; None where there is no card."""
    try:
        card = json_module.loads((folder / CONFIG).read_bytes())["training"]
        return float(card["bits_per_byte"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def print_table(rows: list[dict[str, Any]]) -> None:
    """The rows, aligned."""
    out = console()
    header = (
        f"{'model':<12}{'parameters':>14}  {'where':<10}{'download':<10}{'bits per byte':<15}"
        "also called"
    )
    out.print(header, style="bold")
    for row in rows:
        bits = "-" if row["bits_per_byte"] is None else f"{row['bits_per_byte']:.3f}"
        size = row["download_bytes"]
        download = "-" if size is None else f"{size / 1e9:.2f} GB"
        out.print(
            f"{row['name']:<12}{row['parameters']:>14,}  {row['where']:<10}{download:<10}"
            f"{bits:<15}{', '.join(row['aliases'])}"
        )
