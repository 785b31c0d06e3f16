"""A cross table as matrix.json, with all that it depends on, and as matrix.md for people."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import Any

from hallmark import __version__
from hallmark.evaluate.cells import Cell
from hallmark.evaluate.claims import Finding, findings
from hallmark.evaluate.contenders import AS_IT_IS, Length
from hallmark.evaluate.corpora import HUMAN, Corpora
from hallmark.evaluate.crosstable import CrossTable
from hallmark.evaluate.plan import EVERYTHING
from hallmark.evaluate.settings import MatrixConfig
from hallmark.outputs.names import SPLITS, TRIAL

FORMAT, VERSION = "hallmark-matrix", 1
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch")


def as_record(
    table: CrossTable, corpora: Corpora, config: MatrixConfig, hashes: dict[str, str]
) -> dict[str, Any]:
    """Everything, as JSON has it."""
    return {
        "format": FORMAT, "version": VERSION, **corpora.practice, "settings": asdict(config),
        "provenance": provenance(corpora, config, hashes),
        "columns": [asdict(c) | {"name": c.name} for c in table.columns],
        "rows": [asdict(r) for r in table.rows],
        "detectors": list(table.detectors),
        "cells": [asdict(cell) for cell in table.cells],
        "claims": [
            asdict(f) | {"difference": asdict(f.difference), "verdict": _verdict(f, corpora)}
            for f in findings(table)
        ],
    }  # fmt: skip


def summary(table: CrossTable) -> str:
    """In a line, which detector is the most accurate on average at the table's own length, each
    corpus by the detector that was trained on it. A saved one is as it is.
    """
    own: dict[str, list[Cell]] = {}
    for cell in table.cells:
        mine = cell.row in (cell.column, AS_IT_IS)
        if mine and cell.length == table.length and cell.detector != Length.name:
            own.setdefault(cell.detector, []).append(cell)
    if not own:
        return "no detector was trained on a corpus that it is tested on"
    best = max(own, key=lambda name: fmean(cell.accuracy.value for cell in own[name]))
    values = [cell.accuracy.value for cell in own[best]]
    counts = [f"{min(c.n_synthetic for c in own[best])} synthetic",
              f"{min(c.n_human for c in own[best])} human"]  # fmt: skip
    how = "as it is" if own[best][0].row == AS_IT_IS else "each corpus by its own detector"
    return (
        f"best at {table.length} tokens: {best}, accuracy {min(values):.3f} to {max(values):.3f}, "
        f"{how} (fewest texts: {' + '.join(counts)})"
    )


def provenance(corpora: Corpora, config: MatrixConfig, hashes: dict[str, str]) -> dict[str, Any]:
    """Versions, hashes of what was read, and hash and number of the texts of each split."""
    sources = (HUMAN, *(column.source for column in corpora.columns))
    texts = {
        f"{source}.{split}": {
            "n": len(corpora.reaching(source, split, config.full)),
            "sha256": corpora.digest(source, split, config.full),
        }
        for source in sources
        for split in SPLITS
        if corpora.reaching(source, split, config.full)
    }
    versions = {name: version(name) for name in _LIBRARIES}
    return {
        "hallmark": __version__, "python": platform.python_version(), **versions,
        "inputs": hashes, "texts": texts,
    }  # fmt: skip


def markdown(table: CrossTable, corpora: Corpora, config: MatrixConfig) -> str:
    """The tables: accuracy, AUROC and rates, the length curves, the claims."""
    trial = [f"**{TRIAL}**", ""] if corpora.practice else []
    lines = ["# Cross table", "", *trial, *_preface(table, corpora, config)]
    for detector in table.detectors:
        lines += ["", f"## {detector}", "", *_accuracies(table, detector)]
    lines += ["", "## Area and rates", "", *_rates(table)]
    lines += ["", "## By length", "", *_lengths(table)]
    lines += ["", "## Claims", "", *_claims(findings(table), corpora)]
    return "\n".join(lines) + "\n"


def _preface(table: CrossTable, corpora: Corpora, config: MatrixConfig) -> Iterator[str]:
    counts = {s: len(corpora.reaching(HUMAN, s, table.length)) for s in SPLITS}
    human = ", ".join(f"{split} {n}" for split, n in counts.items())
    words = Path(config.tokenizer).name
    yield (
        f"Texts are cut to {table.length} tokens of {words}'s vocabulary; shorter ones are "
        f"left out. Human texts: {human}. Accuracy is the mean of the shares called right in "
        "each class, at the threshold that does best on the row's validation texts; brackets "
        "are 95 % intervals. A row is what was trained on, a column what was tested on."
    )
    yield ""
    yield from table_lines(
        ["corpus", *SPLITS],
        [
            [c.name, *(str(len(corpora.reaching(c.source, s, table.length))) for s in SPLITS)]
            for c in table.columns
        ],
    )


def _accuracies(table: CrossTable, detector: str) -> list[str]:
    rows = []
    for row in table.rows:
        cells = [table.cell(detector, row.name, column.name) for column in table.columns]
        if any(cells):
            shown = [f"{c.accuracy.value:.3f}" if c else "" for c in cells]
            low = min(c.accuracy.low for c in cells if c)
            rows.append([row.name, *shown, f"{low:.3f}"])
    head = ["accuracy, trained on", *(c.name for c in table.columns), "lowest bound"]
    return table_lines(head, rows)


def _rates(table: CrossTable) -> list[str]:
    """Each corpus by the detector that was trained on it, and by those trained on everything."""
    head = ["detector", "trained on", "tested on", "n", "accuracy", "AUROC",
            "TPR at 1 %", "TPR at 5 %", "FPR met (1 %)", "FPR met (5 %)"]  # fmt: skip
    rows = []
    for cell in table.cells:
        own = cell.row in (cell.column, EVERYTHING) or len(_rows(table, cell.detector)) == 1
        if cell.length == table.length and own:
            numbers = (cell.accuracy, cell.auroc, *cell.tpr, *cell.fpr)
            n = f"{cell.n_synthetic} + {cell.n_human}"
            rows.append([cell.detector, cell.row, cell.column, n, *(e.shown for e in numbers)])
    return table_lines(head, rows)


def _lengths(table: CrossTable) -> list[str]:
    """Accuracy by length, each row on the corpora that it was trained on."""
    lengths = sorted({cell.length for cell in table.cells})
    head = ["detector", "trained on", "tested on", *(f"{length} tokens" for length in lengths)]
    found: dict[tuple[str, str, str], dict[int, str]] = {}
    for cell in table.cells:
        at = (cell.detector, cell.row, cell.column)
        shown = f"{cell.accuracy.shown} (n {cell.n_synthetic} + {cell.n_human})"
        found.setdefault(at, {})[cell.length] = shown
    rows = [[*at, *(by.get(n, "") for n in lengths)] for at, by in found.items()
            if len(by) > 1 and (at[1] in (at[2], EVERYTHING) or at[1] == AS_IT_IS)]  # fmt: skip
    return table_lines(head, rows)


def _rows(table: CrossTable, detector: str) -> set[str]:
    return {cell.row for cell in table.cells if cell.detector == detector}


def _verdict(finding: Finding, corpora: Corpora) -> str:
    """What a comparison allows to say; of practice texts nothing."""
    return "practice texts" if corpora.practice else finding.verdict


def _claims(found: Sequence[Finding], corpora: Corpora) -> list[str]:
    head = ["claim", "detector", "comparison of accuracy", "first", "second", "difference", ""]
    return table_lines(
        head,
        [
            [f.claim, f.detector, f.what, f.first.shown, f.second.shown, f.difference.shown,
             _verdict(f, corpora)]
            for f in found
        ],
    )  # fmt: skip


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table, line by line."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def shown_value(found: Mapping[str, Any], *, form: str = "z.3f") -> str:
    """A measured value as JSON has it, with its interval and n."""
    numbers = (found["value"], found["low"], found["high"])
    value, low, high = ("-" if x is None else f"{x:{form}}" for x in numbers)
    return f"{value} [{low}, {high}] (n {found['n']})"
