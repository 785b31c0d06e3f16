"""`hallmark eval-lm`: how well a model predicts, by the GPT-2 paper's protocol and strictly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hallmark.cli.inputs import name_of, read_text, spooled
from hallmark.cli.options import DEFAULT_MODEL, AsJson, Model, Quiet, load_model
from hallmark.cli.output import note, print_json, progress
from hallmark.data import check_text, read_jsonl_file

if TYPE_CHECKING:
    from hallmark.lm.model import LanguageModel

Lambada = Annotated[
    str | None, typer.Option(metavar="FILE", help='LAMBADA\'s test set: {"text": ...} a line.')
]
WikiText = Annotated[
    str | None, typer.Option("--wikitext2", metavar="FILE", help="WikiText-2's test file.")
]
Texts = Annotated[
    list[str] | None, typer.Option("--text", metavar="FILE", help="Any text; may be repeated.")
]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Only the first passages, or KiB of a text: a trial.")
]


def eval_lm(
    model: Model = DEFAULT_MODEL,
    lambada: Lambada = None,
    wikitext2: WikiText = None,
    text: Texts = None,
    limit: Limit = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure a language model on LAMBADA, WikiText-2 and texts of your own."""
    if lambada is None and wikitext2 is None and not text:
        raise typer.BadParameter("give at least one of --lambada, --wikitext2 and --text")
    rows = list(
        evaluate(load_model(model), lambada, wikitext2, text or [], limit, quiet=quiet or json)
    )
    if json:
        print_json({"model": model, "results": rows})
    else:
        print_table(rows)
        what = "Perplexity is per word; " if lambada or wikitext2 else ""
        note(f"{what}docs/training.md says how each is measured.", quiet=quiet)


def evaluate(
    model: LanguageModel,
    lambada: str | None,
    wikitext2: str | None,
    texts: list[str],
    limit: int | None,
    *,
    quiet: bool,
) -> Iterator[dict[str, Any]]:
    """One row a task and protocol."""
    from hallmark.lm.protocols import perplexity

    if lambada is not None:
        yield from _lambada(model, lambada, limit, quiet=quiet)
    if wikitext2 is not None:
        for protocol, found in perplexity.wikitext2(model, _head(wikitext2, limit)).items():
            yield _row(model, "wikitext2", protocol, asdict(found))
    for file in texts:
        found = perplexity.bits_per_byte(model, _head(file, limit))
        yield _row(model, file, "strict", asdict(found))


def _lambada(
    model: LanguageModel, file: str, limit: int | None, *, quiet: bool
) -> Iterator[dict[str, Any]]:
    from hallmark.lm.protocols.lambada import lambada

    with progress("passages", quiet=quiet) as advance:
        found = lambada(model, islice(passages(file), limit), on_passage=advance)
    for protocol, accuracy in (("strict", found.strict), ("paper", found.paper)):
        values = {
            "accuracy": accuracy.value, "accuracy_interval": [accuracy.low, accuracy.high],
            "n": accuracy.n, "perplexity": found.perplexity,
        }  # fmt: skip
        yield _row(model, "lambada", protocol, values)


def _row(model: LanguageModel, task: str, protocol: str, values: dict[str, Any]) -> dict[str, Any]:
    """A result, with what the paper reports beside what was measured by its protocol."""
    from hallmark.lm.protocols.published import published

    beside = published(model.name, task) if protocol == "paper" else {}
    return {"task": task, "protocol": protocol, **values, "published": beside or None}


def passages(file: str) -> Iterator[str]:
    """The texts of a file of JSON lines, packed by gzip or not; of standard input for `-`."""
    with spooled([file]) as (path,):
        for number, record in enumerate(read_jsonl_file(path), start=1):
            where = f'"text" of record {number} in {name_of(file)}'
            yield check_text(record.get("text"), where=where)


def _head(source: str, limit: int | None) -> str:
    text = read_text(source)
    return text if limit is None else text[: limit * 1024]


def print_table(rows: list[dict[str, Any]]) -> None:
    """The rows, aligned, without columns that all leave empty; the paper's figures in brackets."""
    table = [_cells(row) for row in rows]
    names = [name for name in table[0] if any(cells[name] != "-" for cells in table)]
    widths = {n: 2 + max(len(n), *(len(cells[n]) for cells in table)) for n in names}
    for cells in [{name: name for name in names}, *table]:
        print("".join(f"{cells[name]:<{widths[name]}}" for name in names).rstrip())


def _cells(row: dict[str, Any]) -> dict[str, str]:
    """What the table shows of a row, by column; `-` where there is nothing."""
    beside = row["published"] or {}
    accuracy = _shown(row.get("accuracy"), beside.get("accuracy"), "{:.4f}")
    if "accuracy_interval" in row:
        low, high = row["accuracy_interval"]
        accuracy += f" [{low:.4f}, {high:.4f}]"
    return {
        "task": row["task"][-22:],
        "protocol": row["protocol"],
        "passages": _shown(row.get("n"), None, "{:,}"),
        "tokens": _shown(row.get("tokens"), None, "{:,}"),
        "bytes": _shown(row.get("bytes"), None, "{:,}"),
        "accuracy": accuracy,
        "perplexity": _shown(row.get("perplexity"), beside.get("perplexity"), "{:.2f}"),
        "bits per byte": _shown(row.get("bits_per_byte"), None, "{:.4f}"),
    }


def _shown(value: float | None, published: float | None, form: str) -> str:
    if value is None:
        return "-"
    beside = "" if published is None else f" (paper: {form.format(published)})"
    return form.format(value) + beside
