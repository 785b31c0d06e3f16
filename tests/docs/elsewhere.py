"""What the tests of this folder do with a command of a page beside running it as it stands.

Each entry is (page, beginning of the command); one that fits no command any more fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from .lines import Command

T = TypeVar("T")


@dataclass(frozen=True)
class Elsewhere:
    """Why a command is not run here, and the test that runs what it does, where there is one."""

    why: str
    test: str = ""


WHOLE_PAGES = {  # pages whose `sh` blocks another test runs from top to bottom
    "docs/quickstart.md": "tests/test_jobs.py",
    "docs/jobs/analyst.md": "tests/test_jobs.py",
    "docs/jobs/release-team.md": "tests/test_jobs.py",
    "docs/jobs/researcher.md": "tests/test_jobs.py",
    "docs/jobs/scientist.md": "tests/test_jobs.py",
    "docs/jobs/teacher.md": "tests/test_jobs.py",
    "docs/release.md": "tests/cli/test_release.py",
}

_INSTALLS = "installs packages"
_SERVES = "serves until it is stopped"
_REPRODUCE = "tests/release/pipeline/test_reproduce.py"
_PUBLISHED = "needs published weights"
ELSEWHERE = {
    ("README.md", "scripts/demo"): Elsewhere(_INSTALLS, "tests/cli/test_demo.py"),
    ("README.md", "scripts/serve"): Elsewhere(_INSTALLS, "tests/cli/test_serve.py"),
    ("README.md", "scripts/test"): Elsewhere("runs this test"),
    ("README.md", ". .venv/bin/activate"): Elsewhere("is about the reader's shell"),
    ("README.md", "hallmark get 124M"): Elsewhere("fetches", "tests/cli/test_models.py"),
    ("README.md", "hallmark export 1.5B"): Elsewhere(_PUBLISHED, "tests/cli/test_export.py"),
    ("README.md", "hallmark misuse"): Elsewhere("takes minutes", "tests/evaluate/test_misuse.py"),
    ("README.md", "hallmark cases serve"): Elsewhere(_SERVES, "tests/cli/test_cases.py"),
    ("README.md", "hallmark serve"): Elsewhere(_SERVES, "tests/cli/test_serve.py"),
    ("README.md", "hallmark reproduce"): Elsewhere("takes minutes", _REPRODUCE),
    ("docs/calibration.md", "python recipes/fairness.py"): Elsewhere("needs DATA"),
    ("docs/cases.md", "hallmark cases serve"): Elsewhere(_SERVES, "tests/cli/test_cases.py"),
    ("docs/encoder.md", "hallmark detector train set --human human.jsonl --out base"): Elsewhere(
        _PUBLISHED, "tests/cli/test_detector.py"
    ),
    ("docs/encoder.md", "hallmark detector import"): Elsewhere(
        _PUBLISHED, "tests/cli/test_detector.py"
    ),
    ("docs/fairness.md", "python recipes/fairness.py"): Elsewhere("needs DATA"),
    ("docs/misuse.md", "hallmark misuse sundials"): Elsewhere(
        "takes minutes", "tests/evaluate/test_misuse.py"
    ),
    ("docs/misuse.md", "hallmark misuse own.jsonl"): Elsewhere(
        _PUBLISHED, "tests/evaluate/test_misuse.py"
    ),
    ("docs/quickstart.md", "pip install"): Elsewhere(_INSTALLS),
    ("docs/quickstart.md", "hallmark demo"): Elsewhere("is long", "tests/cli/test_demo.py"),
    ("docs/quickstart.md", "hallmark export 1.5B"): Elsewhere(
        _PUBLISHED, "tests/cli/test_export.py"
    ),
    ("docs/quickstart.md", 'hallmark generate "The history of the city" --model'): Elsewhere(
        _PUBLISHED, "tests/cli/test_generate.py"
    ),
    ("docs/reproduce.md", "hallmark reproduce"): Elsewhere("takes minutes", _REPRODUCE),
    ("docs/jobs/analyst.md", "hallmark cases serve"): Elsewhere(_SERVES, "tests/cli/test_cases.py"),
    ("docs/jobs/analyst.md", "hallmark signals learn"): Elsewhere(
        "needs labelled accounts", "tests/cli/test_signals.py"
    ),
    ("docs/jobs/analyst.md", "hallmark signals fuse"): Elsewhere(
        "needs labelled accounts", "tests/cli/test_signals.py"
    ),
    **{
        ("docs/jobs/scientist.md", f"hallmark study {name}"): Elsewhere(
            "needs what is served", "tests/cli/test_fieldwork.py"
        )
        for name in ("serve", "bots", "export", "analyse tables/")
    },
    ("docs/jobs/release-team.md", "hallmark reproduce"): Elsewhere("takes minutes", _REPRODUCE),
    ("docs/scale.md", "hallmark corpus detect posts/ --out more --scheduler"): Elsewhere(
        "needs a cluster", "tests/scale/test_workers.py"
    ),
    ("docs/serve.md", "curl -s http://127.0.0.1:8080/"): Elsewhere(
        "needs what is served", "tests/web/test_curl.py"
    ),
    ("docs/serve.md", "from openai import OpenAI"): Elsewhere(
        "needs what is served", "tests/web/test_completions.py"
    ),
    ("docs/study.md", "pip install"): Elsewhere(_INSTALLS),
    ("docs/study.md", "hallmark study serve"): Elsewhere(_SERVES, "tests/cli/test_fieldwork.py"),
    ("docs/study.md", "hallmark study bots"): Elsewhere(
        "needs what is served", "tests/cli/test_fieldwork.py"
    ),
    ("docs/study.md", "hallmark study export"): Elsewhere(
        "needs answers", "tests/cli/test_fieldwork.py"
    ),
    ("docs/training.md", "torchrun"): Elsewhere(
        "starts two processes", "tests/lm/training/test_parallel.py"
    ),
}

_RUNG = "--model ladder-0.5M"
_FEW = "--train 3 --valid 2 --test 2 --max-tokens 12"
_SHORT_RUN = "--steps 2 --sequence-length 32 --batch-size 2 --micro-batch 2"
_SMALL_ENCODER = "--epochs 1 --max-length 24 --batch-size 4 --micro-batch 4"
SMALLER = {  # what is added to a command so that it takes no second: smaller models, fewer texts
    ("README.md", "hallmark generate"): f"{_RUNG} --max-tokens 8",
    ("README.md", "hallmark outputs build"): f"{_RUNG} {_FEW}",
    ("README.md", "hallmark detector train"): _SMALL_ENCODER,
    ("README.md", "hallmark attack"): "--words 20 --only homoglyph",
    ("README.md", "hallmark train finetune"): f"{_RUNG} {_SHORT_RUN}",
    ("README.md", "hallmark eval-lm"): _RUNG,
    ("README.md", "hallmark corpus score"): f"{_RUNG} --workers 1",
    ("docs/attacks.md", "zcat webtext.jsonl.gz xl-1542M-k40.jsonl.gz"): (
        "--words 20 --only homoglyph"
    ),
    ("docs/attacks.md", "hallmark attack set"): "--only homoglyph --words 20",
    ("docs/attacks.md", "hallmark attack h.jsonl"): "--words 20 --only homoglyph",
    ("docs/calibration.md", "hallmark generate"): f"{_RUNG} --max-tokens 100",
    ("docs/encoder.md", "hallmark outputs build"): _FEW,
    ("docs/encoder.md", "hallmark detector train"): _SMALL_ENCODER,
    ("docs/encoder.md", "hallmark detector measure"): "--length 16",
    ("docs/matrix.md", "hallmark matrix"): (
        "--lengths 16 --scorer ladder-0.5M --encoder ladder-0.5M --epochs 1 --encoder-rows *3M*"
    ),
    ("docs/outputs.md", "hallmark outputs build"): _FEW,
    ("docs/outputs.md", "hallmark outputs verify"): "--regenerate 2",
    (
        "docs/probes.md",
        "hallmark probe memorisation",
    ): f"{_RUNG} --documents 20 --continuation 4 --copied 2",
    ("docs/probes.md", "hallmark probe bias"): f"{_RUNG} --samples 2 --tokens 4",
    ("docs/provenance.md", "hallmark generate"): f"{_RUNG} --max-tokens 8",
    ("docs/scale.md", "hallmark corpus score"): f"{_RUNG} --workers 1",
    ("docs/scale.md", "hallmark corpus"): "--workers 1",
    ("docs/study.md", "hallmark study power"): "--studies 5",
    ("docs/training.md", "hallmark train finetune"): f"{_RUNG} {_SHORT_RUN}",
    ("docs/training.md", "hallmark generate"): "--max-tokens 8",
}


def found_in(table: Mapping[tuple[str, str], T], command: Command) -> T | None:
    """The entry of the table that a command has."""
    for (page, start), entry in table.items():
        if page == command.page and command.text.startswith(start):
            return entry
    return None
