"""`hallmark study serve`, `bots` and `export` through the program: a dry run, analysed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hallmark.cli.fieldwork import load_server
from hallmark.study.bots import Played
from hallmark.study.exclusions import STILL


@pytest.fixture
def planned(run_cli, tmp_path: Path) -> tuple[Path, Path]:
    for name in ("small", "large"):
        lines = [json.dumps({"text": f"The {name} story {i} is told. " * 12}) for i in range(20)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    file, plan = tmp_path / "study.toml", tmp_path / "plan.json"
    run_cli("study", "new", file, "--condition", "a=small.jsonl", "--condition", "b=large.jsonl")
    assert run_cli("study", "plan", file, "--out", plan).code == 0
    return file, plan


def test_a_study_is_served_answered_by_bots_exported_and_analysed(run_cli, planned) -> None:
    file, plan = planned
    command = [
        sys.executable, "-c", "from hallmark.cli.main import run; run()", "study", "serve", file,
        "--plan", plan, "--port", "0", "--json", "--quiet",
    ]  # fmt: skip
    quiet = {k: v for k, v in os.environ.items() if k != "HALLMARK_STUDY_PASSWORD"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quiet) as process:
        said = json.loads(process.stdout.readline())
        assert said["researcher"] == f"{said['raters']}researcher"
        assert len(said["password"]) >= 16
        of = ("--study", file, "--plan", plan)
        done = run_cli("study", "bots", said["raters"], *of, "--raters", 12, "--json")
        process.terminate()
        assert process.wait(30) == 143
    counts = json.loads(done.out)
    assert (counts["simulated"], counts["raters"]) == (True, 12)
    assert counts["completed"] + counts["left midway"] == 12
    tables = file.parent / "tables"
    done = run_cli("study", "export", file, "--plan", plan, "--out", tables, "--json")
    assert json.loads(done.out)["lines"]["raters.csv"] == 13
    done = run_cli(
        "study", "analyse", tables / "answers.csv", "--raters", tables / "raters.csv",
        "--study", file, "--out", file.parent / "report", "--json",
    )  # fmt: skip
    found = json.loads(done.out)
    assert (found["simulated"], found["flow"]["started"]) == (True, 12)
    assert (found["flow"]["active"], found["flow"]["dropped_out"]) == (counts["left midway"], 0)
    assert "SIMULATED" in (file.parent / "report" / "report.md").read_text()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quiet) as process:
        assert "password" not in json.loads(process.stdout.readline())  # shown once
        process.kill()


def test_the_bots_words_are_those_of_the_report(run_cli, planned, monkeypatch) -> None:
    """A server waits for who left: neither says dropped out, and the note says when it will be."""
    file, plan = planned
    of = ("--study", file, "--plan", plan)
    for statuses, said in ((["left midway", "completed"], True), (["completed"], False)):
        played = [Played(status) for status in statuses]
        monkeypatch.setattr("hallmark.study.bots.play", lambda *_, found=played, **__: found)
        done = run_cli("study", "bots", "http://127.0.0.1:1/", *of)
        assert f"{int(said)} left midway" in done.out
        assert "dropped out" not in done.out
        assert (f'"{STILL.lower()}"' in done.err) == said


def test_a_study_without_a_contact_is_warned_of(run_cli, planned, monkeypatch) -> None:
    file, plan = planned
    serving = load_server()
    monkeypatch.setattr(serving, "serve_study", lambda *_, **__: None)
    commands = (
        ("power", file, "--studies", 0), ("plan", file, "--out", plan),
        ("serve", file, "--plan", plan),
    )  # fmt: skip
    for command in commands:
        done = run_cli("study", *command)
        assert (done.code, done.err.count("contact is empty")) == (0, 1), done.err
    text = file.read_text()
    for contact, warned in (("   ", 1), ("A. Researcher, a@example.org", 0)):
        file.write_text(text.replace('contact = ""', f'contact = "{contact}"'))
        assert run_cli("study", "plan", file, "--out", plan).err.count("contact is empty") == warned


def test_what_cannot_be_served_is_said_in_a_line(run_cli, planned, monkeypatch) -> None:
    file, plan = planned
    serve = ("study", "serve", file, "--plan", plan, "--port", 0)
    for extra, said in (
        (("--host", "0.0.0.0"), "--public"), (("--public", "study.example"), "https://"),
        (("--abandoned", 0), "above 0"), (("--return-to", "javascript:x"), "https://"),
        (("--password", "short"), "at least 10"), (("--database", file), "not a database"),
        (("--database", "mysql://x/y"), "not supported"),
    ):  # fmt: skip
        done = run_cli(*serve, *extra)
        assert (done.code, len(done.err.splitlines())) == (1, 1), done.err
        assert said in done.err
    assert not file.with_suffix(".db").exists()
    other = file.with_name("other.toml")
    other.write_text(file.read_text().replace("seed = 0", "seed = 1"))
    done = run_cli("study", "serve", other, "--plan", plan)
    assert "another version of the study file" in done.err
    done = run_cli("study", "export", file, "--plan", plan, "--out", file.parent / "x")
    assert (done.code, "is not there" in done.err) == (1, True)
    of = ("--study", file, "--plan", plan)
    for url in ("http://127.0.0.1:1/", "nonsense"):
        done = run_cli("study", "bots", url, *of, "--raters", 1)
        assert (done.code, len(done.err.splitlines())) == (1, 1), done.err
