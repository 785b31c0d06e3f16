"""`hallmark corpus` through the program, by one process; tests/scale has the workers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyarrow import parquet

from hallmark.cli import corpus
from hallmark.cli.corpus import Running
from hallmark.scale.inputs import Shard
from hallmark.scale.shards import Done
from hallmark.scale.workers import Crew

TEXT = "The city council met on Tuesday night to hear from people who live near the river. "


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    """Two shards."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "ab":
        rows = [
            {"account": f"{name}{i}", "time": 10 * i, "text": TEXT * (1 + 5 * i), "body": "Short."}
            for i in range(2)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_signals_are_written_and_said(run_cli, posts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run_cli("corpus", "signals", posts, "--out", out, "--workers", 1, "--json", "-q")
    found = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert (found["shards"], found["rows"], found["before"], found["errors"]) == (2, 4, 0, [])
    assert list(found["manifest"]["files"]) == [
        "part-00000.parquet", "part-00001.parquet", "accounts.parquet", "clusters.parquet"
    ]  # fmt: skip
    accounts = parquet.read_table(out / "accounts.parquet").to_pylist()
    assert [row["account"] for row in accounts] == ["a0", "a1", "b0", "b1"]
    assert [row["copied"] for row in accounts] == [1.0] * 4
    again = run_cli("corpus", "signals", posts, "--out", out, "--workers", 1)
    assert (again.code, again.out) == (0, f"{out}\n")
    said = again.err.splitlines()
    assert said[-1] == "hallmark: 2 of 2 shards, 4 records"  # nothing fresh: no speed is known


def test_verdicts_are_written(run_cli, posts: Path, tmp_path: Path) -> None:
    done = run_cli("corpus", "detect", posts / "a.jsonl", "--out", tmp_path / "out", "-q")
    assert (done.code, done.out) == (0, f"{tmp_path / 'out'}\n")
    short, longer = parquet.read_table(tmp_path / "out" / "part-00000.parquet").to_pylist()
    assert (short["band"], short["score"]) == ("cannot tell", None)
    assert "nothing can be said" in short["reason"]
    assert longer["tokens_used"] > 64 > short["tokens_used"]
    other = run_cli(
        "corpus", "detect", posts / "a.jsonl", "--out", tmp_path / "out", "--prior", 0.1
    )
    assert (other.code, other.out) == (1, "")
    assert "belongs to another run (prior 0.5, not 0.1); give a new --out" in other.err


def test_another_field_is_read(run_cli, posts: Path, tmp_path: Path) -> None:
    settings = ("--model", "ladder-0.5M", "--workers", 1, "--field", "body", "-q")
    assert run_cli("corpus", "score", posts, "--out", tmp_path / "out", *settings).code == 0
    rows = parquet.read_table(tmp_path / "out" / "part-00001.parquet").to_pylist()
    assert [row["tokens_total"] for row in rows] == [3, 3]
    assert rows[0]["log_prob"] == pytest.approx(rows[1]["log_prob"], abs=1e-5)


def test_mistakes_are_one_line(run_cli, posts: Path, tmp_path: Path) -> None:
    for arguments, said in (
        ((tmp_path / "none",), "is not there; give files or folders of records"),
        ((posts, "--model", "9B"), "no model is called '9B'"),
        ((posts, "--scheduler", "nobody"), "no Dask worker was found by nobody"),
    ):
        done = run_cli("corpus", "score", *arguments, "--out", tmp_path / "out")
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1), done.err
        assert said in done.err
    assert run_cli("corpus", "score", posts, "--out", tmp_path / "o", "--workers", 0).code == 2


def test_the_time_left_is_that_of_what_is_done_now(tmp_path: Path, monkeypatch) -> None:
    shards = []
    for number, size in enumerate((100, 300, 600)):
        (tmp_path / str(number)).write_bytes(b"x" * size)
        shards.append(Shard(number, tmp_path / str(number)))
    clock = [0.0]
    monkeypatch.setattr(corpus.time, "monotonic", lambda: clock[0])
    pace = corpus._Pace(shards)
    pace.add(Done(0, "0", rows=1, before=True))
    assert pace.line() == "1 of 3 shards, 1 records"
    clock[0] = 30.0
    pace.add(Done(1, "1", rows=3))
    assert pace.line() == "2 of 3 shards, 4 records, 0:01:00 left"


def test_there_is_a_worker_for_each_core_or_gpu(monkeypatch) -> None:
    machine = SimpleNamespace(devices=("cpu", "cuda:0 A", "cuda:1 B", "cuda:2 C"))
    monkeypatch.setattr("hallmark.lm.device.find_machine", lambda: machine)
    monkeypatch.setattr(corpus.os, "cpu_count", lambda: 16)
    gpus, many = Running(device="cuda"), Running(device="cuda", workers=4)
    assert corpus.crew_of(Running(), most=100) == Crew(16)
    assert corpus.crew_of(Running(), most=4) == Crew(4)
    assert corpus.crew_of(gpus, most=100) == Crew(3, gpus=True)
    assert corpus.crew_of(replace(gpus, workers=2), most=100) == Crew(2, gpus=True)
    far = replace(gpus, scheduler="tcp://x:1")
    assert corpus.crew_of(far, most=100).scheduler == "tcp://x:1"
    with pytest.raises(ValueError, match="there are not 4 GPUs here; give --workers 3 at most"):
        corpus.crew_of(many, most=100)
