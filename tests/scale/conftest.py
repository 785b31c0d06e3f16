"""A small corpus in four formats, and two Dask workers that all tests of a session share."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from hallmark.detect.judge import Judge, load_detector
from hallmark.models.sizes import BUNDLED
from hallmark.scale.inputs import list_shards
from hallmark.scale.run import run
from hallmark.scale.stages import Score
from hallmark.scale.workers import Crew

Rows = list[dict[str, Any]]
Hashes = Callable[[Path], dict[str, str]]
NOWHERE = Path("nowhere")
SCORE = Score(NOWHERE, "ladder-0.5M")
ONE = Crew(1).map


def rows_of(shard: int, count: int = 24) -> Rows:
    """Posts of seven accounts that share a link and now and then a text."""
    words = (BUNDLED / "texts" / "human.txt").read_text(encoding="utf-8").split()
    rows = []
    for i in range(count):
        n = shard * count + i
        start = 17 * (n if n % 5 else n // 10) % 300
        text = " ".join(words[start : start + 12 + n % 30])
        rows.append({
            "id": f"p{n}", "account": f"a{n % 7}", "time": 1000.0 + 13 * n, "created": -5e5,
            "text": f"{text} {'see http://example.org/x?y=1' if n % 3 else ''}",
        })  # fmt: skip
    return rows


def read(folder: Path, *names: str) -> list[dict[str, object]]:
    """The rows of a folder's Parquet files."""
    return [row for name in names for row in parquet.read_table(folder / name).to_pylist()]


def write_jsonl(path: Path, rows: Rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six shards. Not to be changed."""
    folder = tmp_path_factory.mktemp("shards")
    for i in (0, 4, 5):
        write_jsonl(folder / f"{i}.jsonl", rows_of(i))
    with gzip.open(folder / "1.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows_of(1))
    parquet.write_table(pyarrow.Table.from_pylist(rows_of(2)), folder / "2.parquet")
    with (folder / "3.csv").open("w", newline="", encoding="utf-8") as own:
        out = csv.DictWriter(own, list(rows_of(3)[0]))
        out.writeheader()
        out.writerows(rows_of(3))
    (folder / "notes.txt").write_text("not a shard")
    return folder


@pytest.fixture(scope="session")
def whole(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus scored as nothing disturbed it. Not to be changed."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    outcome = run(SCORE, list_shards([shards]), folder, mapped=ONE)
    assert not outcome.errors
    return folder


@pytest.fixture(scope="session")
def judge() -> Judge:
    return load_detector("bundled", home=NOWHERE)


@pytest.fixture(scope="session")
def hashes() -> Hashes:
    """The hash of every visible file of a folder, by name."""

    def look(folder: Path) -> dict[str, str]:
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.iterdir() if not path.name.startswith(".")
        }  # fmt: skip

    return look


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """Two Dask workers on this machine, a thread each; a shard may lose one worker, not two."""
    import dask
    from distributed import LocalCluster

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=0,
            silence_logs=logging.CRITICAL,
        ) as found,
    ):  # fmt: skip
        yield found
