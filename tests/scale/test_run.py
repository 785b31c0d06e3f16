"""A folder of output shards by one process: what is in it, resuming, refusing."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from filelock import FileLock
from pyarrow import parquet

from hallmark.detect.judge import Judge, load_detector
from hallmark.evidence.accounts import SIGNALS, tabulate
from hallmark.evidence.content import score_texts
from hallmark.evidence.posts import Post, read_posts
from hallmark.scale.inputs import list_shards
from hallmark.scale.run import run
from hallmark.scale.shards import Done, Stage, Task
from hallmark.scale.stages import Computing, Detect, Score
from hallmark.scale.traces import Traces
from hallmark.scale.workers import Crew

NOWHERE = Path("nowhere")
SCORE = Score(NOWHERE, "ladder-0.5M")
ONE = Crew(1).map
PROGRAM = "from hallmark.cli.main import run; run()"


class Killed(BaseException):
    """Stands in for what ends a process."""


@pytest.fixture(scope="module")
def whole(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus scored as nothing disturbed it. Not to be changed."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    outcome = run(SCORE, list_shards([shards]), folder, mapped=ONE)
    assert not outcome.errors
    return folder


def read(folder: Path, *names: str) -> list[dict[str, object]]:
    return [row for name in names for row in parquet.read_table(folder / name).to_pylist()]


def test_scores_are_those_of_the_model(whole: Path, shards: Path) -> None:
    from hallmark.lm.scorers import load_scorer
    from hallmark.models.sizes import BUNDLED

    manifest = json.loads((whole / "manifest.json").read_text())
    assert [i["name"] for i in manifest["inputs"]] == [
        "0.jsonl", "1.jsonl.gz", "2.parquet", "3.csv", "4.jsonl", "5.jsonl"
    ]  # fmt: skip
    assert [f["rows"] for f in manifest["files"].values()] == [24] * 6
    assert manifest["run"]["stage"] == "score"
    assert str(shards) not in json.dumps(manifest)
    rows = read(whole, *manifest["files"])
    posts = [post for shard in list_shards([shards]) for post in read_posts(shard.path)]
    assert [row["id"] for row in rows] == [post.id for post in posts]
    model = load_scorer(BUNDLED / "ladder-0.5M")
    for row, scores in zip(rows[::11], model.score([p.text for p in posts[::11]]), strict=True):
        assert row["tokens_used"] == row["tokens_total"] == len(scores)
        assert row["log_prob"] == pytest.approx(scores.log_prob.mean(), abs=1e-5)
        assert row["log_rank"] == pytest.approx(np.log(scores.rank).mean(), abs=1e-2)


def test_every_token_where_asked_and_cut_texts_say_so(shards: Path, tmp_path: Path) -> None:
    stage = dataclasses.replace(SCORE, per_token=True, max_tokens=7)
    run(stage, list_shards([shards / "0.jsonl"]), tmp_path, mapped=ONE)
    for row in read(tmp_path, "part-00000.parquet"):
        assert row["tokens_used"] == len(row["token_ids"]) == len(row["token_rank"]) == 7
        assert row["tokens_total"] > 7
        assert row["log_prob"] == pytest.approx(np.mean(row["token_log_prob"]), abs=1e-6)


def test_an_empty_text_has_no_score(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": ""}\n{"text": "Here is one."}\n')
    run(SCORE, list_shards([tmp_path / "in.jsonl"]), tmp_path / "out", mapped=ONE)
    empty, other = read(tmp_path / "out", "part-00000.parquet")
    assert (empty["id"], empty["tokens_used"], empty["log_prob"]) == ("1", 0, None)
    assert (other["id"], other["log_prob"] < 0) == ("2", True)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return load_detector("bundled", home=NOWHERE)


def test_verdicts_are_those_of_the_judge(judge: Judge, shards: Path, tmp_path: Path) -> None:
    run(Detect(NOWHERE), list_shards([shards / "2.parquet"]), tmp_path, mapped=ONE)
    rows = read(tmp_path, "part-00000.parquet")
    texts = [post.text for post in read_posts(shards / "2.parquet")]
    verdicts = judge.judge(texts)
    assert [row["band"] for row in rows] == [str(v.band) for v in verdicts]
    assert [row["score"] for row in rows] == [v.score for v in verdicts]
    assert [row["reason"] for row in rows] == [v.reason for v in verdicts]


def all_posts(shards: Path) -> list[Post]:
    return [post for shard in list_shards([shards]) for post in read_posts(shard.path)]


def test_signals_over_shards_are_those_over_one_table(shards: Path, tmp_path: Path) -> None:
    outcome = run(Traces(NOWHERE), list_shards([shards]), tmp_path, mapped=ONE)
    assert list(outcome.manifest["files"])[-2:] == ["accounts.parquet", "clusters.parquet"]
    posts = all_posts(shards)
    table = tabulate(posts)
    rows = read(tmp_path, "accounts.parquet")
    assert [row["account"] for row in rows] == list(table.names)
    for name in SIGNALS:
        found = [np.nan if row[name] is None else row[name] for row in rows]
        np.testing.assert_array_equal(found, table.values[name])
    found = {row["id"]: row["cluster"] for row in read(tmp_path, "clusters.parquet")}
    sizes = np.bincount(table.cluster)
    assert found == {
        p.id: c for p, c in zip(posts, table.cluster.tolist(), strict=True) if sizes[c] > 1
    }
    assert len(found) > 10


def test_content_is_pooled_by_account_where_a_detector_is_named(
    judge: Judge, shards: Path, tmp_path: Path
) -> None:
    run(Traces(NOWHERE, "bundled"), list_shards([shards / "0.jsonl"]), tmp_path, mapped=ONE)
    posts = list(read_posts(shards / "0.jsonl"))
    scores = np.array(list(score_texts([p.text for p in posts], judge.detector)))
    for row in read(tmp_path, "accounts.parquet"):
        own = scores[[p.account == row["account"] for p in posts]]
        own = own[~np.isnan(own)]
        assert row["content_texts"] == len(own)
        assert row["content"] == pytest.approx(own.mean(), abs=1e-4)


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
    ("row", "said"),
    [
        ('{"body": "x"}', "record 2 of {} has no \"text\", but 'body'; use --field"),
        ('{"text": 7}', '"text" of record 2 of {} is not a string'),
        ('{"text": "a\\u0000"}', '"text" of record 2 of {} has a NUL'),
    ],
)
def test_a_record_without_a_text_is_named(row: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(f'{{"text": "good"}}\n{row}\n')
    outcome = run(SCORE, list_shards([path]), tmp_path / "out", mapped=ONE)
    assert said.format(path) in outcome.errors[0]
    assert outcome.errors[0].count("\n") == 0


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


def test_inputs_that_are_none_are_refused(tmp_path: Path, shards: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no file of .jsonl"):
        list_shards([tmp_path])
    with pytest.raises(FileNotFoundError, match="is not there"):
        list_shards([tmp_path / "none.jsonl"])
    with pytest.raises(ValueError, match="is none of"):
        list_shards([shards / "notes.txt"])
    with pytest.raises(ValueError, match="is given twice"):
        list_shards([shards, shards / "0.jsonl"])


def test_a_full_disk_leaves_nothing(shards: Path, tmp_path: Path, monkeypatch) -> None:
    import hallmark.data

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hallmark.data, "os", SimpleNamespace(**{**vars(os), "fsync": full}))
    inputs = list_shards([shards / "0.jsonl"])
    with pytest.raises(OSError, match="No space left"):
        run(SCORE, inputs, tmp_path / "out", mapped=ONE)
    assert os.listdir(tmp_path / "out") in ([], [".lock"])
