"""`hallmark study` through the program: a study is designed and ratings are analysed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def designed(run_cli, tmp_path: Path) -> Path:
    for number, name in enumerate("abh"):
        with (tmp_path / f"{name}.jsonl").open("w") as file:
            for i in range(25):
                text = " ".join([f"w{number}-{i}"] * (50 + i)) + "."
                file.write(json.dumps({"text": text}) + "\n")
    path = tmp_path / "study.toml"
    done = run_cli(
        "study", "new", path, "--condition", "small=a.jsonl", "--condition", "large=b.jsonl",
        "--human", "people=h.jsonl",
    )  # fmt: skip
    assert (done.code, done.out) == (0, f"{path}\n"), done.err
    return path


def test_a_study_is_designed(run_cli, designed: Path, tmp_path: Path) -> None:
    (found,) = json.loads(run_cli("study", "power", designed, "--studies", 20, "--json").out)[
        "contrasts"
    ]
    assert (found["higher"], found["raters"], found["simulated"]["n"]) == ("large", 30, 20)
    said = run_cli("study", "power", designed, "--studies", 0).out
    assert "large - small = 0.50: with 30 raters the power is" in said
    assert "by formula, too high with few raters or texts; go by a simulation" in said
    said = run_cli("study", "power", designed, "--studies", 20).out
    value = f"{found['simulated']['value']:.3f}"
    assert f"with 30 raters the power is {value} [" in said
    assert "(n = 20), simulated with the registered analysis: go by it (about 0." in said
    done = run_cli("study", "plan", designed, "--out", tmp_path / "plan.json")
    assert done.code == 0, done.err
    assert "people: " in done.err
    again = json.loads(
        run_cli("study", "plan", designed, "--out", tmp_path / "b.json", "--json").out
    )
    assert done.out == f"{tmp_path / 'plan.json'} {again['hash']}\n"
    assert again["raters"] == 30


def test_a_condition_needs_its_file_beside_the_study_file(run_cli, tmp_path: Path) -> None:
    path = tmp_path / "own" / "study.toml"
    path.parent.mkdir()
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    for given in ("a.jsonl", "nope.jsonl"):
        done = run_cli("study", "new", path, "--condition", f"small={given}")
        assert (done.code, len(done.err.splitlines()), path.exists()) == (1, 1, False)
        assert f"there is no file {path.parent / given}" in done.err
        assert "the folder of the study file" in done.err
    done = run_cli("study", "new", path, "--condition", "small=../a.jsonl")
    assert done.code == 0, done.err


def test_power_says_where_texts_are_fewer_than_the_design_asks(
    run_cli, designed: Path, tmp_path: Path
) -> None:
    full = run_cli("study", "power", designed, "--studies", 0)
    assert "texts_per_condition" not in full.out + full.err
    (tmp_path / "a.jsonl").write_text('{"text": "Too short."}\n')
    (tmp_path / "b.jsonl").unlink()
    said = run_cli("study", "power", designed, "--studies", 0)
    assert said.code == 0, said.err
    assert "a.jsonl has 0 texts of 40 to 120 words" in said.out
    assert f"{tmp_path / 'b.jsonl'} is not there yet" in said.out
    record = json.loads(run_cli("study", "power", designed, "--studies", 0, "--json").out)
    assert record["usable_texts"] == {"small": 0, "large": None, "people": 25}


def test_a_study_file_is_never_overwritten(run_cli, designed: Path) -> None:
    done = run_cli("study", "new", designed, "--condition", "a=b")
    assert (done.code, "is there already" in done.err) == (1, True)
    assert run_cli("study", "new", designed, "--condition", "a").code == 1


def test_ratings_are_analysed_from_standard_input(run_cli, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    lines = ["who,text,condition,value"]
    for rater in range(12):
        for i in range(8):
            lines.append(f"w{rater},t{i},{'ab'[i % 2]},{draw.integers(1, 6) + i % 2}")
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("first,second,winner,rater\na,b,a,1\nb,a,b,2\na,b,,3\n")
    done = run_cli(
        "study", "analyse", "-", "--out", tmp_path / "out", "--column", "rater=who",
        "--pairs", pairs, "--json", stdin="\n".join(lines).encode(),
    )  # fmt: skip
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert (record["scales"][0]["ratings"], record["pairs"]["n"]) == (96, 3)
    assert (tmp_path / "out" / "report.html").exists()
    raters = tmp_path / "raters.csv"
    listed = [f"w{i},completed,{int(i == 0)}" for i in range(12)] + ["gone,dropped out,0"]
    raters.write_text("\n".join(["rater,status,attention_failed", *listed]))
    done = run_cli(
        "study", "analyse", "-", "--out", tmp_path / "flow", "--column", "rater=who",
        "--raters", raters, "--json", stdin="\n".join(lines).encode(),
    )  # fmt: skip
    flow = json.loads(done.out)["flow"]
    assert (flow["started"], flow["failed_attention"], flow["analysed"]) == (13, 1, 11)
    broken = run_cli("study", "analyse", "-", "--out", tmp_path / "x", stdin=b"a,b\n1,2\n")
    assert (broken.code, len(broken.err.splitlines())) == (1, 1)
    assert "--column OURS=THEIRS" in broken.err
