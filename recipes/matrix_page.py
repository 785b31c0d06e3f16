"""Fill docs/matrix.md with what `recipes/matrix.sh` found: matrix_page.py OUT [DOCS].

Copies the tables and figures, and writes a table between each pair of markers of the page.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FIGURES = {
    "ladder": ("heat-tfidf", "heat-features", "heat-encoder", "lengths", "roc"),
    "gpt2": ("heat-features", "lengths", "roc"),
}
TUNED = "ladder-1M-reviews"


def shown(estimate: dict[str, float]) -> str:
    """A value with its interval."""
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *rows])


def accuracy(record: dict[str, Any], detector: str, row: str, column: str) -> str:
    """One cell at the table's length, with n; empty where there is none."""
    full = max(cell["length"] for cell in record["cells"])
    for cell in record["cells"]:
        at = (cell["detector"], cell["row"], cell["column"], cell["length"])
        if at == (detector, row, column, full):
            return f"{shown(cell['accuracy'])} (n {cell['n_synthetic']} + {cell['n_human']})"
    return ""


def own(record: dict[str, Any]) -> str:
    """The largest trained size: each detector on the corpus that it was trained on."""
    trained = [c for c in record["columns"] if c["trained"]]
    names = [c["name"] for c in trained if c["size"] == trained[-1]["size"]]
    rows = [[d, *(accuracy(record, d, n, n) for n in names)] for d in record["detectors"]]
    return table(["accuracy: trained and tested on", *names], rows)


def tuned(record: dict[str, Any]) -> str:
    """What was trained on the rung, on the rung and on the same rung fine-tuned."""
    rows = []
    for sampling in ("pure", "k40"):
        row = f"{TUNED.removesuffix('-reviews')} {sampling}"
        for detector in record["detectors"]:
            before = accuracy(record, detector, row, row)
            if before and detector != "length":
                after = accuracy(record, detector, row, f"{TUNED} {sampling}")
                rows.append([detector, row, before, after])
    return table(["detector", "trained on", "the same model", "after fine-tuning"], rows)


def claims(record: dict[str, Any]) -> str:
    """How many comparisons of each claim an interval decides, by detector."""
    found: dict[str, dict[str, Counter[str]]] = {}
    for claim in record["claims"]:
        if claim["detector"] != "length":
            by = found.setdefault(claim["claim"], {}).setdefault(claim["detector"], Counter())
            by[claim["verdict"]] += 1
    verdicts = ("supported", "undecided", "contradicted")
    rows = [
        [claim, detector, *(str(counts[v]) for v in verdicts)]
        for claim, by in found.items()
        for detector, counts in by.items()
    ]
    return table(["claim", "detector", *verdicts], rows)


def main(out: Path, docs: Path) -> None:
    page = (docs / "matrix.md").read_text(encoding="utf-8")
    for folder in (docs / "matrix", docs / "figures"):
        folder.mkdir(exist_ok=True)
    for name, figures in FIGURES.items():
        shutil.copy(out / name / "matrix.md", docs / "matrix" / f"{name}.md")
        for figure in figures:
            shutil.copy(out / name / f"{figure}.svg", docs / "figures" / f"{name}-{figure}.svg")
        record = json.loads((out / name / "matrix.json").read_text(encoding="utf-8"))
        made = {"own": own(record), "tuned": tuned(record), "claims": claims(record)}
        for what, text in made.items():
            marker = re.compile(rf"(<!-- {name} {what} -->\n).*?(<!-- end -->)", re.DOTALL)
            page = marker.sub(lambda m, text=text: f"{m[1]}{text}\n{m[2]}", page)
    (docs / "matrix.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "docs"))
