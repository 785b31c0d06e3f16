"""The benchmarks' own code, at sizes at which their figures mean nothing."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", BENCHMARKS / script, *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def test_the_gpu_benchmark_runs_from_end_to_end_on_a_cpu() -> None:
    done = run("gpu.py", "--cpu")
    assert done.returncode == 0, done.stderr
    assert "did not run" not in done.stdout
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[1] for line in rows[1:]] == ["hallmark", "transformers"] * 3


def test_without_a_gpu_the_gpu_benchmark_says_so() -> None:
    done = run("gpu.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("gpu: no GPU here")


def test_planted_near_duplicates_are_found() -> None:
    done = run("duplicates.py", "--side", "hallmark", "--posts", "3000")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["near"] > 200
    assert found["found"] >= 0.95 * found["near"]
    assert found["copies"] == 1


def test_what_a_post_costs_is_measured(tmp_path: Path) -> None:
    folder = tmp_path / "gpt2-outputs"
    folder.mkdir()
    for name in ("short-webtext", "short-small-117M-p0.99"):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(
                json.dumps({"text": f"{name} wrote {i} times"}) + "\n" for i in range(9)
            )
    done = run("shards.py", str(tmp_path), "--runs", "1", "--divide", "1000", "--verbs", "cluster")
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| cluster")]
    assert [row[1] for row in rows] == ["25", "100"]
    assert all(float(row[3].split()[0]) > 0 for row in rows)
