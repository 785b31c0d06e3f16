"""Result files as small as they can be, with figures that a test can find again."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

SIZES, SAMPLINGS, LENGTHS = ("small", "large"), ("pure", "k40"), (16, 64)
Write = Callable[..., Path]


def estimate(value: float, n: int = 50) -> dict[str, Any]:
    return {"value": value, "low": value - 0.05, "high": value + 0.04, "n": n}


def cell(detector: str, row: str, column: str, length: int) -> dict[str, Any]:
    own = 0.3 if row == column else 0.1
    base = 0.55 + own + (0.05 if length > 16 else 0)
    return {
        "detector": detector, "row": row, "column": column, "length": length,
        "accuracy": estimate(base), "auroc": estimate(base),
        "tpr": [estimate(0.4), estimate(0.6)], "fpr": [estimate(0.06), estimate(0.1)],
    }  # fmt: skip


def matrix() -> dict[str, Any]:
    names = [f"{size} {sampling}" for size, sampling in product(SIZES, SAMPLINGS)]
    rows = [*names, "large mixed"]
    claims = [
        {"claim": claim, "detector": "tfidf", "what": f"{claim}, compared", "verdict": verdict,
         "first": estimate(0.9), "second": estimate(0.8), "difference": estimate(0.1)}
        for claim, verdict in (("larger is harder", "supported"),
                               ("training on larger transfers", "undecided"),
                               ("mixed is robust", "contradicted"))
    ]  # fmt: skip
    return {
        "command": "hallmark matrix outputs", "seed": 7, "detectors": ["tfidf", "length"],
        "columns": [{"name": f"{s} {g}", "size": s, "sampling": g, "trained": True}
                    for s, g in product(SIZES, SAMPLINGS)],
        "cells": [cell(d, r, c, n) for d, r, c, n in product(("tfidf", "length"), rows, names,
                                                            LENGTHS)],
        "claims": claims,
    }  # fmt: skip


def study(*, simulated: bool) -> dict[str, Any]:
    return {
        "command": "hallmark study analyse", "seed": 7, "simulated": simulated,
        "scales": [{
            "scale": {"name": "credibility"}, "means": {s: estimate(6.5) for s in SIZES},
            "differences": [{"contrast": {"higher": "large", "lower": "small", "equivalence": 0.5},
                             "estimate": estimate(0.2), "equivalent": True}],
        }],
        "detection": {},
    }  # fmt: skip


@pytest.fixture
def evidence(tmp_path: Path) -> Write:
    """Write result files by name into a folder."""

    def write(folder: str = "evidence", **files: Any) -> Path:
        out = tmp_path / folder
        for name, value in files.items():
            path = out / f"{name.replace('__', '/').replace('_', '-')}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value), encoding="utf-8")
        return out

    return write
