"""`hallmark outputs` through the program: a set is built, checked, described and converted."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from hallmark.cli.building import clock
from hallmark.outputs import shard

SMALL = (
    "--train", 6, "--valid", 2, "--test", 2, "--max-tokens", 8, "--shard", 4, "--slots", 2,
)  # fmt: skip


@pytest.fixture
def built(run_cli, tiny_model: Path, tmp_path: Path) -> Path:
    out = tmp_path / "set"
    done = run_cli("outputs", "build", "--out", out, "--model", tiny_model, *SMALL)
    assert (done.code, done.out, done.err) == (0, f"{out}\n", "")
    return out


def test_a_set_is_built_verified_and_described(run_cli, built: Path, tiny_model: Path) -> None:
    done = run_cli("outputs", "verify", built, "--model", tiny_model, "--regenerate", 5)
    assert done.code == 0, done.err
    assert done.out.startswith("whole: 20 documents in 6 files; ")
    assert done.out.endswith("5 written again and equal\n")
    checked = json.loads(run_cli("outputs", "verify", built, "--json").out)
    assert (checked["ok"], checked["documents"], checked["tokenised"]) == (True, 20, 0)
    stats = json.loads(run_cli("outputs", "stats", built, "--json").out)
    assert [f["documents"] for f in stats["files"]] == [6, 2, 2] * 2
    assert set(stats["files"][0]["ended"]) == {"value", "low", "high", "n"}
    table = run_cli("outputs", "stats", built).out.splitlines()
    assert len(table) == 7
    assert table[1].split()[:2] == ["tiny.train", "6"]


def test_the_same_command_again_finds_it_done(run_cli, built: Path, tiny_model: Path) -> None:
    arguments = ("outputs", "build", "--out", built, "--model", tiny_model, *SMALL, "--json")
    record = json.loads(run_cli(*arguments).out)
    assert record["folder"] == str(built)
    assert list(record["corpora"]) == ["tiny", "tiny-k40"]
    refused = run_cli(*arguments, "--seed", 1)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == (
        f"hallmark: {built} belongs to another run (seed 0, not 1); give a new folder\n"
    )


def test_a_model_that_is_not_here_is_asked_for(run_cli, built: Path) -> None:
    done = run_cli("outputs", "verify", built, "--regenerate", 1)
    assert done.code == 1
    assert "the model 'tiny' is not here; give its folder with --model" in done.err


def test_a_changed_set_is_not_whole(run_cli, built: Path) -> None:
    path = built / "tiny.train.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"ended": false', b'"ended": true ', 1))
    done = run_cli("outputs", "verify", built)
    assert done.code == 1
    assert done.out.splitlines()[0] == (
        "tiny.train.jsonl is not the file that the manifest describes"
    )
    assert done.out.splitlines()[-1].startswith("NOT WHOLE")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("prompts.txt", b"the end\n\nof the\nmen\n"),
        ("prompts.jsonl", b'{"prompt": "the end"}\n{"text": "of the"}\n{"prompt": "men"}\n'),
    ],
)
def test_prompts_from_a_file_or_standard_input(
    name: str, content: bytes, run_cli, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    arguments = ("outputs", "build", "--model", tiny_model, *SMALL, "--sampling", "greedy")
    done = run_cli(*arguments, "--out", tmp_path / "a", "--prompts", tmp_path / name)
    assert done.code == 0, done.err
    path = tmp_path / "a" / "tiny-greedy-prompted.train.jsonl"
    prompts = [json.loads(line)["prompt"] for line in path.read_bytes().splitlines()]
    assert prompts == ["the end"] * 6
    again = run_cli(*arguments, "--out", tmp_path / "b", "--prompts", "-", stdin=content)
    assert again.code == 0, again.err
    assert (tmp_path / "b" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("x.txt", b"\n \n", "is empty; give some text"), ("x.jsonl", b"\n", "holds no prompt")],
)
def test_no_prompts_are_refused(
    name: str, content: bytes, said: str, run_cli, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    done = run_cli("outputs", "build", "--out", tmp_path / "set", "--prompts", path)
    assert (done.code, said in done.err) == (1, True)


def test_a_full_disk_is_74_and_gone_on_from(
    run_cli, tiny_model: Path, tmp_path: Path, built: Path, monkeypatch
) -> None:
    out = tmp_path / "other"
    arguments = ("outputs", "build", "--out", out, "--model", tiny_model, *SMALL)
    real, calls = os.write, []

    def full(file: int, data: memoryview) -> int:
        calls.append(0)
        if len(calls) == 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, data)

    monkeypatch.setattr(shard.os, "write", full)
    done = run_cli(*arguments)
    assert done.code == 74
    assert "no space left on device" in done.err
    assert len(done.err.splitlines()) == 1
    monkeypatch.undo()
    assert run_cli(*arguments).code == 0
    for path in built.iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes()


def test_import_and_export(run_cli, built: Path, tmp_path: Path) -> None:
    done = run_cli("outputs", "export", built, "--out", tmp_path / "parquet")
    assert (done.code, done.out) == (0, f"{tmp_path / 'parquet'}\n")
    done = run_cli("outputs", "import", tmp_path / "parquet", "--out", tmp_path / "back", "--json")
    assert json.loads(done.out)["kind"] == "imported"
    path = tmp_path / "back" / "tiny.train.jsonl"
    assert path.read_bytes() == (built / path.name).read_bytes()
    assert run_cli("outputs", "verify", tmp_path / "back").code == 0
    done = run_cli("outputs", "verify", tmp_path / "back", "--regenerate", 1)
    assert "was imported: there are no seeds" in done.err


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--sampling", "top40", "settings are pure, greedy"), ("--train", -1, "train must be"),
        ("--model", "wrong", "no model is called"), ("--device", "mars", "device 'mars'"),
        ("--precision", "int9", "no precision is called"),
        ("--prompts", "none", "none is not there"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line(
    option: str, value: object, said: str, run_cli, tmp_path: Path
) -> None:
    done = run_cli("outputs", "build", "--out", tmp_path / "set", option, value)
    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_time_left_is_hours_minutes_seconds() -> None:
    assert [clock(s) for s in (0, 59.6, 3661)] == ["0:00:00", "0:01:00", "1:01:01"]
