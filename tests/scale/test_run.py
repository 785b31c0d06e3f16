"""A folder of output shards by one process: resuming and refusing."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from hallmark.scale.inputs import list_shards
from hallmark.scale.run import run
from hallmark.scale.shards import Done, Stage, Task
from hallmark.scale.stages import Computing

from .conftest import ONE, SCORE

PROGRAM = "from hallmark.cli.main import run; run()"


class Killed(BaseException):
    """Stands in for what ends a process."""


def until(count: int):
    """One process that is killed after so many shards."""

    def mapped(stage: Stage, tasks: Sequence[Task]) -> Iterator[Done]:
        for number, done in enumerate(ONE(stage, tasks), start=1):
            yield done
            if number == count:
                raise Killed

    return mapped


def test_after_a_kill_only_what_is_missing_is_done(
    shards: Path, whole: Path, tmp_path: Path, hashes
) -> None:
    inputs = list_shards([shards])
    for count in (1, 4):
        with pytest.raises(Killed):
            run(SCORE, inputs, tmp_path, mapped=until(count))
    assert not (tmp_path / "manifest.json").exists()
    seen: list[Done] = []
    run(SCORE, inputs, tmp_path, mapped=ONE, on_done=seen.append)
    assert [done.before for done in seen] == [True] * 4 + [False] * 2
    assert hashes(tmp_path) == hashes(whole)


@pytest.mark.timeout(600)  # seconds, for a busy machine
def test_the_program_killed_with_its_two_workers_goes_on(
    shards: Path, whole: Path, tmp_path: Path, hashes
) -> None:
    command = [
        sys.executable, "-c", PROGRAM, "corpus", "score", str(shards), "--out", str(tmp_path),
        "--model", "ladder-0.5M", "--workers",
    ]  # fmt: skip
    with subprocess.Popen([*command, "2"], stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 200
        while not list(tmp_path.glob("part-*")) and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    (tmp_path / ".part-00005.parquet.0123456789abcdef").write_bytes(b"cut short")
    (tmp_path / ".run.json.0123456789abcdef").write_bytes(b"cut short")
    done = subprocess.run([*command, "1"], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == f"{tmp_path}\n"
    assert "6 of 6 shards, 144 records" in done.stderr.splitlines()[-1]
    assert hashes(tmp_path) == hashes(whole)
    assert [path.name for path in tmp_path.glob(".*")] == [".lock"]


def test_a_bad_record_is_one_line_and_the_others_finish(
    shards: Path, whole: Path, tmp_path: Path, hashes
) -> None:
    own = shutil.copytree(shards, tmp_path / "in")
    lines = (own / "4.jsonl").read_bytes().splitlines(keepends=True)
    lines[6] = b'{"id": "p102", "text": "cut sho\n'
    (own / "4.jsonl").write_bytes(b"".join(lines))
    (own / "2.parquet").write_bytes((own / "2.parquet").read_bytes()[:700])
    outcome = run(SCORE, list_shards([own]), tmp_path / "out", mapped=ONE)
    parquet_, line = outcome.errors
    assert line.startswith(f"{own / '4.jsonl'}, line 7 is not JSON")
    assert parquet_.startswith(f"{own / '2.parquet'} is not a whole Parquet file")
    assert outcome.manifest is None
    assert sum(name.startswith("part-") for name in os.listdir(tmp_path / "out")) == 4
    for name in ("2.parquet", "4.jsonl"):
        shutil.copy(shards / name, own / name)
    assert run(SCORE, list_shards([own]), tmp_path / "out", mapped=ONE).manifest
    assert hashes(tmp_path / "out") == hashes(whole)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_tokens": 5}, "max_tokens 1024, not 5"), ({"per_token": True}, "per_token False"),
        ({"model": "ladder-1M"}, "other model"), ({"field": "body"}, "field 'text', not 'body'"),
        ({"computing": Computing(threads=2)}, "threads 1, not 2"),
    ],
)  # fmt: skip
def test_changed_settings_are_refused(
    change: dict, said: str, shards: Path, whole: Path, hashes
) -> None:
    before = hashes(whole)
    stage = dataclasses.replace(SCORE, **change)
    with pytest.raises(ValueError, match="belongs to another run") as caught:
        run(stage, list_shards([shards]), whole, mapped=ONE)
    assert said in str(caught.value)
    with pytest.raises(ValueError, match="belongs to another run"):
        run(SCORE, list_shards([shards / "0.jsonl"]), whole, mapped=ONE)
    assert hashes(whole) == before


def test_changed_inputs_and_outputs_are_found(shards: Path, whole: Path, tmp_path: Path) -> None:
    own, out = shutil.copytree(shards, tmp_path / "in"), shutil.copytree(whole, tmp_path / "out")
    inputs = list_shards([own])
    assert all(done.before for done in run(SCORE, inputs, out, mapped=ONE).shards)
    with (own / "0.jsonl").open("a") as file:
        file.write('{"text": "one more"}\n')
    (error,) = run(SCORE, inputs, out, mapped=ONE).errors
    assert "0.jsonl has changed since part-00000.parquet was made of it" in error
    shutil.copy(shards / "0.jsonl", own)
    shutil.copy(out / "part-00001.parquet", out / "part-00003.parquet")
    (error,) = run(SCORE, inputs, out, mapped=ONE).errors
    assert "has changed since part-00003.parquet" in error
    shutil.copy(whole / "part-00003.parquet", out)
    data = bytearray((out / "part-00002.parquet").read_bytes())
    data[200] ^= 1
    (out / "part-00002.parquet").write_bytes(data)
    with pytest.raises(ValueError, match=r"part-00002.parquet is not the file that manifest.json"):
        run(SCORE, inputs, out, mapped=ONE)


def test_killed_before_it_had_said_whose_the_folder_is(shards: Path, tmp_path: Path) -> None:
    (tmp_path / ".run.json.0123456789abcdef").write_bytes(b"{")
    assert run(SCORE, list_shards([shards / "0.jsonl"]), tmp_path, mapped=ONE).manifest
    assert not list(tmp_path.glob(".run*"))


def test_a_folder_of_something_else_or_in_use_is_refused(shards: Path, tmp_path: Path) -> None:
    inputs = list_shards([shards])
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds files that no corpus command made"):
        run(SCORE, inputs, tmp_path, mapped=ONE)
    out = tmp_path / "out"
    out.mkdir()
    with FileLock(out / ".lock"), pytest.raises(ValueError, match="another run is at work in"):
        run(SCORE, inputs, out, mapped=ONE)


def test_a_full_disk_leaves_nothing(shards: Path, tmp_path: Path, monkeypatch) -> None:
    import hallmark.data

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hallmark.data, "os", SimpleNamespace(**{**vars(os), "fsync": full}))
    inputs = list_shards([shards / "0.jsonl"])
    with pytest.raises(OSError, match="No space left"):
        run(SCORE, inputs, tmp_path / "out", mapped=ONE)
    assert os.listdir(tmp_path / "out") in ([], [".lock"])
