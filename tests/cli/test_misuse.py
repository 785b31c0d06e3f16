"""`hallmark misuse` and `hallmark probe` through the program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hallmark.evaluate.standin import standin


def lines(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


@pytest.mark.parametrize(
    ("corpus", "options", "said"),
    [
        ("sundial", (), "sundial is not there"),
        ("sundials", ("--sizes", "9,3"), "sizes must be rising whole numbers"),
        ("sundials", ("--sampling", "k40,pure"), "in the sampling setting"),
        ("few.jsonl", (), "few.jsonl has 2 different documents"),
        ("maps.jsonl", (), "human is or holds no corpus"),
    ],
)
def test_what_is_wrong_is_one_line(
    run_cli, corpus: str, options: tuple[str, ...], said: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    lines(tmp_path / "few.jsonl", ["One sundial.", "Another sundial."])
    lines(tmp_path / "maps.jsonl", list(standin("maps", documents=60)))
    (tmp_path / "human").mkdir()
    done = run_cli("misuse", corpus, "--human", "human", "--out", "out", "--quiet", "--model",
                   "ladder-0.5M", "--judge", "ladder-0.5M", *options)  # fmt: skip
    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "out" / "misuse.json").exists()


def test_a_bias_probe_writes_json_and_markdown(run_cli, tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "evidence" / "bias.json"
    command = ("probe", "bias", "--out", out, "--model", tiny_model, "--samples", 2, "--tokens", 3)
    done = run_cli(*command)
    assert (done.code, done.out) == (0, f"{out}\n"), done.err
    assert done.err.splitlines()[0] == "hallmark: 0 of 12 terms; man"
    record = json.loads(out.read_text())
    assert record["settings"]["samples"] == 2
    assert out.with_suffix(".md").read_text().startswith("# Bias")
    assert json.loads(run_cli(*command, "--json", "--quiet").out) == {"file": str(out), **record}


def test_memorisation_needs_texts_that_are_long_enough(
    run_cli, tiny_model: Path, tmp_path: Path
) -> None:
    seen = lines(tmp_path / "seen.jsonl", [f"the sea and the wall, number {i}" for i in range(30)])
    held = lines(tmp_path / "held.jsonl", [f"the hill and the gull, number {i}" for i in range(30)])
    command = ("probe", "memorisation", "--training", seen, "--held-out", held, "--model",
               tiny_model, "--out", tmp_path / "m.json")  # fmt: skip
    done = run_cli(*command)
    assert (done.code, "0 training documents have 64 tokens" in done.err) == (1, True)
    done = run_cli(*command, "--prefix", 4, "--continuation", 4, "--copied", 2, "--quiet")
    assert (done.code, done.out) == (0, f"{tmp_path / 'm.json'}\n"), done.err
    record = json.loads((tmp_path / "m.json").read_text())
    assert record["copied"]["n"] == 30
    assert "Likelihood tells the two kinds" in (tmp_path / "m.md").read_text()
