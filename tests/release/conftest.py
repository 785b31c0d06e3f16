"""A small release: a plan of four gates, evidence, a key, a tiny model, and no torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hallmark.release.card import About
from hallmark.release.folder import Parts, release
from hallmark.release.gates import read_plan
from hallmark.release.keys import load_key, make_key
from hallmark.release.lock import lock_path, write_lock

PLAN = """
title = "Two stages"
stages = ["small", "large"]

[[gate]]
id = "floor"
title = "Detection"
file = "matrix.json"
path = "cells[trained={stage},tested={stage}-k40].auroc"
comparison = "at least"
bound = 0.8

[[gate]]
id = "step"
title = "Credibility"
file = "study.json"
path = "differences[higher={stage},lower={before}].estimate"
comparison = "within"
bound = 0.5
people = true

[[gate]]
id = "copied"
title = "Memorisation"
file = "copied-{stage}.json"
path = "copied"
comparison = "at most"
bound = 0.01

[[gate]]
id = "words"
title = "Words"
stage = "large"
file = "copied-{stage}.json"
path = "words"
comparison = "at least"
bound = 10
interval = false
"""


def estimate(value: float, low: float, high: float, n: int = 100) -> dict[str, float]:
    return {"value": value, "low": low, "high": high, "n": n}


EVIDENCE = {
    "matrix.json": {
        "command": "hallmark matrix",
        "seed": 3,
        "cells": [
            {"trained": "small", "tested": "small-k40", "auroc": estimate(0.9, 0.85, 0.95)},
            {"trained": "large", "tested": "large-k40", "auroc": estimate(0.88, 0.82, 0.93)},
            {"trained": "large", "tested": "large", "auroc": estimate(0.6, 0.5, 0.7)},
        ],
    },
    "study.json": {
        "simulated": False,
        "differences": [{"higher": "large", "lower": "small", "estimate": estimate(0.2, 0.1, 0.4)}],
    },
    "copied-large.json": {"copied": 0.002, "copied_interval": [0.0, 0.006], "n": 900, "words": 12},
}


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    return path


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    folder = tmp_path / "evidence"
    folder.mkdir()
    for name, value in EVIDENCE.items():
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    return folder


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_key(tmp_path / "team.key")
    return tmp_path / "team.key"


@pytest.fixture
def signed(plan: Path, key: Path) -> Path:
    write_lock(lock_path(plan), read_plan(plan), load_key(key), signed="2026-11-01T00:00:00+00:00")
    return plan


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text('{"n_layer": 2, "n_head": 1}', encoding="utf-8")
    (folder / "model.safetensors").write_bytes(bytes(range(64)))
    return folder


@pytest.fixture
def make_release(
    signed: Path, evidence: Path, key: Path, model: Path, tmp_path: Path
) -> Callable[[], Path]:
    """Make the release of the large stage from what lies there now."""

    def make() -> Path:
        out = tmp_path / "out"
        release(
            out, Parts(signed, evidence, model), stage="large", about=About("tiny"),
            key=load_key(key), decided="2026-11-25T00:00:00+00:00",
        )  # fmt: skip
        return out

    return make
