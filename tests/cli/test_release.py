"""`hallmark release` through the program, and the page about it as it is written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from hallmark.models.folder import sha256_of
from hallmark.outputs.names import TRIAL

PAGE = Path(__file__).parents[2] / "docs" / "release.md"
PLAN = """
title = "One"
stages = ["a"]
[[gate]]
id = "floor"
title = "Detection"
file = "result.json"
path = "auroc"
comparison = "at least"
bound = 0.8
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_cli) -> Path:
    """A folder with a signed plan and evidence that passes it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    (tmp_path / "evidence").mkdir()
    result = {"auroc": {"value": 0.9, "low": 0.85, "high": 0.95, "n": 50}}
    (tmp_path / "evidence" / "result.json").write_text(json.dumps(result), encoding="utf-8")
    assert run_cli("release", "key", "k").code == 0
    assert run_cli("release", "sign", "plan.toml", "--key", "k").code == 0
    return tmp_path


DECIDE = (
    "release", "decide", "--plan", "plan.toml", "--evidence", "evidence", "--stage", "a",
    "--out", "out",
)  # fmt: skip


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    """Every block of commands in order, by a shell; the block of text after it is its output."""
    example = PAGE.read_text("utf-8").partition("## One example")[2].partition("\n## ")[0]
    blocks = re.findall(r"```(sh|text)\n(.*?)```", example, re.DOTALL)
    program = Path(sys.executable).parent
    where = {**os.environ, "PATH": f"{program}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    compared = 0
    for (kind, commands), (after, expected) in pairwise(blocks):
        if kind != "sh":
            continue
        done = subprocess.run(
            ["sh", "-eu", "-c", commands],
            cwd=tmp_path, env=where, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, after) == (0, "text"), commands
        assert "hallmark: " not in done.stderr
        printed = re.sub(r"\b[0-9a-f]{64}\b", "HASH", done.stdout)
        assert re.sub(r"\b[0-9a-f]{32}\b", "FINGERPRINT", printed) == expected
        compared += 1
    assert compared == 5
    sums = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    found = subprocess.run(sums, cwd=tmp_path / "release", capture_output=True, check=False)
    assert found.returncode == 1
    assert found.stdout.count(b"FAILED") == 3


def test_decide_and_verify_as_json(work: Path, run_cli) -> None:
    done = run_cli(*DECIDE, "--key", "k", "--name", "One", "--time", "2026-11-25", "--json")
    assert (done.code, done.err) == (0, "")
    record = json.loads(done.out)
    assert (record["outcome"], record["decided"]) == ("pass", "2026-11-25T00:00:00+00:00")
    assert record["gates"][0]["found"]["n"] == 50
    checked = json.loads(run_cli("release", "verify", "out", "--json").out)
    assert checked["ok"] is True
    assert checked["problems"] == []
    (work / "out" / "evidence" / "result.json").write_text("{}", encoding="utf-8")
    failed = run_cli("release", "verify", "out", "--json")
    assert failed.code == 1
    assert json.loads(failed.out)["problems"] == [
        "evidence/result.json is not the file that was signed"
    ]


def test_unsigned_is_said(work: Path, run_cli) -> None:
    done = run_cli(*DECIDE)
    assert done.code == 0
    assert done.err == "hallmark: the release is not signed; give --key before it leaves you\n"
    assert run_cli("release", "verify", "out").code == 1


def test_a_key_that_nobody_vouches_for(work: Path, run_cli) -> None:
    run_cli(*DECIDE, "--key", "k")
    done = run_cli("release", "verify", "out")
    assert done.code == 0
    assert re.fullmatch(r"as signed with key [0-9a-f]{32}: a, pass, 7 files\n", done.out)
    assert done.err == "Whose key it is, no folder can say: give --public-key.\n"
    quiet = run_cli("release", "verify", "out", "--quiet")
    assert (quiet.code, quiet.err) == (0, "")


def test_a_changed_gate_is_printed(work: Path, run_cli) -> None:
    (work / "plan.toml").write_text(PLAN.replace("0.8", "0.7"), encoding="utf-8")
    done = run_cli(*DECIDE, "--key", "k")
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == "gate floor was changed after signing: bound = 0.8, now bound = 0.7"
    assert lines[1].startswith("pass ")
    assert lines[1].endswith("(n = 50): not as signed")
    assert lines[-1].startswith("a: open.")


def test_practice_texts_are_printed(work: Path, run_cli) -> None:
    result = json.loads((work / "evidence" / "result.json").read_text("utf-8"))
    (work / "evidence" / "result.json").write_text(json.dumps({**result, "practice": True}))
    done = run_cli(*DECIDE, "--key", "k")
    assert done.code == 1
    gate, trial, outcome = done.out.splitlines()
    assert gate.startswith("missing ")
    assert trial == TRIAL
    assert outcome.startswith("a: open.")


def test_the_locks_hash_is_printed(run_cli, work: Path) -> None:
    (work / "other.toml").write_text(PLAN, encoding="utf-8")
    done = run_cli("release", "sign", "other.toml", "--key", "k")
    assert done.out.rstrip().endswith(f"; its SHA-256 is {sha256_of(work / 'other.lock.json')}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("release", "key", "k"), "k is there already; give a new name"),
        (("release", "sign", "plan.toml", "--key", "k"), "the plan was signed before"),
        ((*DECIDE[:6], "--stage", "b", "--out", "out"), "the plan has no stage 'b'; it has a"),
        ((*DECIDE, "--time", "soon"), "'soon' is no time; give one such as"),
        ((*DECIDE, "--key", "k.pub"), "k.pub is no Ed25519 private key"),
        ((*DECIDE, "--model", "nothing"), "nothing"),
        (("release", "verify", "evidence"), "evidence is no whole release"),
        (("release", "plan", "--out", "plan.toml"), "plan.toml is there already"),
    ],
)
def test_errors_are_one_line(arguments: tuple[str, ...], message: str, work: Path, run_cli) -> None:
    done = run_cli(*arguments)
    assert done.code == 1
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not (work / "out").exists()


def test_plan_and_key_as_json(run_cli, tmp_path: Path) -> None:
    made = json.loads(run_cli("release", "plan", "--out", tmp_path / "p.toml", "--json").out)
    assert made["stages"] == ["124M", "355M", "774M", "1.5B"]
    key = json.loads(run_cli("release", "key", tmp_path / "k", "--json").out)
    assert set(key) == {"key", "public_key", "fingerprint"}
    sign = ("release", "sign", tmp_path / "p.toml", "--key", tmp_path / "k", "--json")
    assert len(json.loads(run_cli(*sign).out)["texts"]) == 10


def test_nothing_heavy_is_loaded(work: Path) -> None:
    """Evidence is read as files: PyTorch, scikit-learn and SciPy have no part in it."""
    code = (
        "import sys; from hallmark.cli.main import main; "
        f"main({[*DECIDE, '--key', 'k', '--quiet']!r}); main(['release', 'verify', 'out']); "
        "print([m for m in ('torch', 'sklearn', 'scipy', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=work, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
