"""A whole release at the smallest scale that has every part, made once for all of these tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from hallmark.evaluate.standin import standin
from hallmark.release.keys import make_key

ROOT = Path(__file__).parents[3]
MODELS = ("ladder-0.5M", "ladder-1M")
TIMEOUT = 500.0  # seconds for one start; it takes about 30, and a busy machine many times that
SMALLER = textwrap.dedent(
    """
    import os, sys
    from dataclasses import replace
    from hallmark.release.pipeline import settings, stages
    small = settings.SCALES["small"]
    settings.SCALES["small"] = replace(
        small, sampling="k40", lengths=(24,), train=12, valid=6, test=8, max_tokens=64, shard=12,
        detectors="tfidf", texts_per_condition=2, raters_per_text=2, attacked=2,
        misuse={**small.misuse, "sizes": "5", "samples": 28, "valid": 22, "steps": 2},
        bias={"samples": 2, "tokens": 4},
    )
    fatal = os.environ.get("KILLED_IN")
    begin = stages._Clock.begin
    def deadly(clock, stage):
        tell = begin(clock, stage)
        def told(share, what):
            tell(share, what)
            if stage.name == fatal and share > 0.3:
                os.kill(os.getpid(), 9)
        return told
    stages._Clock.begin = deadly
    from hallmark.cli.main import main
    sys.exit(main(sys.argv[1:]))
    """
)


@dataclass(frozen=True)
class Released:
    """A run that was never interrupted, its key, and the arguments that made it."""

    out: Path
    key: Path
    arguments: tuple[str, ...]
    work: Path


def start(arguments: tuple[str, ...], out: Path, *, killed_in: str = "") -> subprocess.Popen[str]:
    """The program in a process of its own, killed in the stage of that name."""
    where = {**os.environ, "OMP_NUM_THREADS": "1", "KILLED_IN": killed_in, "NO_COLOR": "1"}
    command = [sys.executable, "-c", SMALLER, "reproduce", "--out", str(out), *arguments]
    return subprocess.Popen(
        command, env=where, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.fixture(scope="package")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Released:
    """What a run needs beside the package."""
    work = tmp_path_factory.mktemp("released")
    make_key(work / "key")
    for name in ("maps", "walking"):
        lines = [json.dumps({"text": text}) for text in standin(name, documents=100)]
        (work / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    arguments = (
        "--scale", "small", *(a for name in MODELS for a in ("--model", name)),
        "--position", str(work / "maps.jsonl"), "--training", str(work / "walking.jsonl"),
        "--key", str(work / "key"), "--time", "2026-11-28T12:00Z",
    )  # fmt: skip
    return Released(work / "out", work / "key", arguments, work)


@pytest.fixture(scope="package")
def released(inputs: Released) -> Iterator[Released]:
    """The run, made in a process of its own."""
    process = start(inputs.arguments, inputs.out)
    out, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, errors
    assert out.strip() == str(inputs.out / "report" / "report.html")
    yield inputs
    with suppress(ProcessLookupError):
        process.kill()
