"""A shard in progress: whole lines count, and nothing else does."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from hallmark.lm.model import LanguageModel
from hallmark.models.sizes import BUNDLED
from hallmark.outputs import shard as module
from hallmark.outputs.plan import make_plan
from hallmark.outputs.settings import BuildConfig
from hallmark.outputs.shard import Writer, write_shard

CONFIG = BuildConfig(sampling="pure", train=10, valid=0, test=0, max_tokens=12, slots=3)
PLAN = make_plan(CONFIG, ["ladder-1M"])
SHARD = next(PLAN.all_shards())
TASKS = PLAN.tasks(SHARD)


@pytest.fixture(scope="module")
def writer() -> Writer:
    model = LanguageModel.load(BUNDLED / "ladder-1M", precision="int8")
    return Writer(model, SHARD.corpus.setting, slots=3)


@pytest.fixture(scope="module")
def inexact() -> Writer:
    model = LanguageModel.load(BUNDLED / "ladder-1M", precision="float32")
    return Writer(model, SHARD.corpus.setting, slots=3)


@pytest.fixture(scope="module")
def expected(writer: Writer, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("shard") / "x.jsonl"
    write_shard(path, TASKS, writer, on_document=lambda *_: None)
    return path.read_bytes()


def written_after(path: Path, writer: Writer, found: bytes) -> tuple[bytes, list[bool]]:
    """The shard where `found` is in progress, and of each document whether it was there."""
    path.with_suffix(".partial").write_bytes(found)
    before: list[bool] = []
    write_shard(path, TASKS, writer, on_document=lambda _, there: before.append(there))
    assert os.listdir(path.parent) == [path.name]
    return path.read_bytes(), before


def test_documents_are_in_order_and_complete(expected: bytes) -> None:
    records = [json.loads(line) for line in expected.splitlines()]
    assert [r["id"] for r in records] == list(range(10))
    assert [r["seed"] for r in records] == [t.seed for t in TASKS]
    assert list(records[0]) == ["id", "ended", "length", "text", "prompt", "top_p", "seed"]


def test_whole_lines_in_any_order_are_kept(expected: bytes, writer: Writer, tmp_path: Path) -> None:
    lines = expected.splitlines(keepends=True)
    found = lines[7] + lines[2] + lines[4]
    data, before = written_after(tmp_path / "x.jsonl", writer, found)
    assert data == expected
    assert before == [True] * 3 + [False] * 7


@pytest.mark.parametrize(
    "damage", ["cut", "cut at the newline", "zeros", "repeated", "another run's", "not canonical"]
)
def test_what_follows_the_last_whole_line_is_cut_off(
    damage: str, expected: bytes, writer: Writer, tmp_path: Path
) -> None:
    lines = expected.splitlines(keepends=True)
    tail = {
        "cut": lines[1][:-20],
        "cut at the newline": lines[1][:-1],
        "zeros": b"\0" * 500 + lines[1],
        "repeated": lines[0] + lines[1],
        "another run's": lines[1].replace(b'"seed": ', b'"seed": 1') + lines[2],
        "not canonical": lines[1].replace(b": ", b":") + lines[2],
    }[damage]
    data, before = written_after(tmp_path / "x.jsonl", writer, lines[0] + tail)
    assert data == expected
    assert before.count(True) == 1


def test_where_bits_depend_on_the_batch_a_shard_begins_again(
    inexact: Writer, tmp_path: Path
) -> None:
    assert not inexact.exact
    path = tmp_path / "x.jsonl"
    write_shard(path, TASKS, inexact, on_document=lambda *_: None)
    data = path.read_bytes()
    path.unlink()
    again, before = written_after(path, inexact, b"".join(data.splitlines(keepends=True)[:4]))
    assert again == data
    assert before == [False] * 10


def test_each_line_is_on_disk_before_the_next_is_written(writer: Writer, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    sizes: list[int] = []
    write_shard(
        path, TASKS, writer,
        on_document=lambda *_: sizes.append(path.with_suffix(".partial").stat().st_size),
    )  # fmt: skip
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == path.stat().st_size


@pytest.mark.parametrize("at", [0, 5, 9])
def test_a_full_disk_is_named_and_gone_on_from(
    at: int, expected: bytes, writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.write, []

    def full(file: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) > at:
            real(file, data[:7])  # what still fitted
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, data)

    path = tmp_path / "x.jsonl"
    monkeypatch.setattr(module.os, "write", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_shard(path, TASKS, writer, on_document=lambda *_: None)
    assert caught.value.filename == str(path.with_suffix(".partial"))
    assert not path.exists()
    monkeypatch.undo()
    before: list[bool] = []
    write_shard(path, TASKS, writer, on_document=lambda _, there: before.append(there))
    assert path.read_bytes() == expected
    assert before.count(True) == at


def test_a_prompted_text_goes_on_from_its_prompt(writer: Writer, tmp_path: Path) -> None:
    plan = make_plan(CONFIG, ["ladder-1M"], ["The city", "A river of the"])
    tasks = plan.tasks(next(plan.all_shards()))
    write_shard(tmp_path / "x.jsonl", tasks, writer, on_document=lambda *_: None)
    records = [json.loads(line) for line in (tmp_path / "x.jsonl").read_bytes().splitlines()]
    assert {r["prompt"] for r in records} == {"The city", "A river of the"}
    model, params = writer.model, writer.setting.params
    for record in records:
        (alone,) = model.generate([record["prompt"]], params, seeds=[record["seed"]])
        assert alone.text == record["text"]
