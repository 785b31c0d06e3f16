"""Builds that are killed, shared and refused; the bytes are always those of a quiet build."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from hallmark.data import Label
from hallmark.outputs import build as module
from hallmark.outputs.build import BUILD, Models, Step, build
from hallmark.outputs.outputset import OutputSet, open_outputs
from hallmark.outputs.plan import Plan, make_plan

Rung = tuple[Plan, Models]


class Killed(BaseException):
    """Stands for the end of the process."""


def command(folder: Path, plan: Plan, *more: str) -> list[str]:
    """The program that builds the same."""
    options = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in dataclasses.asdict(plan.config).items()
    ]
    program = [sys.executable, "-c", "from hallmark.cli.main import run; run()"]
    model = ["--model", plan.corpora[0].model, "--precision", "int8"]
    return [*program, "outputs", "build", "--out", str(folder), *model, *options, *more]


def start(folder: Path, plan: Plan) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(folder, plan),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # A shell starts what it puts in the background with interrupts ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


def wait_until_it_writes(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Until a shard is in progress, or the process has ended."""
    end = time.monotonic() + 60
    while not any(folder.glob(f"{BUILD}/*.partial")) and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_set_is_what_was_asked_for(rung: Rung, whole: OutputSet) -> None:
    assert sorted(os.listdir(whole.folder)) == sorted(
        ["manifest.json", *(part.path.name for part in whole.parts)]
    )
    assert whole.sources == ("ladder-1M", "ladder-1M-k40", "ladder-1M-nucleus")
    assert [part.documents for part in whole.parts] == [60, 5, 3] * 3
    texts, labels = whole.texts(whole.sources, "train")
    assert len(set(texts)) > 175  # of 180
    assert set(labels) == {Label.SYNTHETIC}
    drawn = {d.metadata["top_p"] for d in whole.documents("ladder-1M-nucleus", "train")}
    assert len(drawn) > 10
    assert all(0.8 < p < 1 for p in drawn)
    run = whole.manifest["run"]
    assert (run["seed"], run["train"], run["hallmark"]) == (0, 60, "0.1.0")
    assert run["models"]["ladder-1M"]["precision"] == "int8"


def test_documents_are_those_of_the_model(rung: Rung, whole: OutputSet) -> None:
    """Alone, through `generate`, whatever shard and batch they were written in."""
    plan, models = rung
    model = models.load("ladder-1M")
    corpus = plan.corpora[1]
    for document in list(whole.documents("ladder-1M-k40", "train"))[::12]:
        seed = int(document.metadata["seed"])
        (alone,) = model.generate([""], corpus.setting.params, seeds=[seed])
        assert (alone.text, len(alone.tokens)) == (document.text, document.length)


def test_shards_slots_and_order_change_no_document(
    rung: Rung, whole: OutputSet, tmp_path: Path
) -> None:
    plan, models = rung
    config = dataclasses.replace(plan.config, shard=7, slots=5, sampling="nucleus,k40")
    other = build(tmp_path, make_plan(config, ["ladder-1M"]), models)
    for part in other.parts:
        assert part.sha256 == whole.part(part.source, part.split).sha256


def test_killed_at_random_and_gone_on_with_the_bytes_are_the_same(
    rung: Rung, whole: OutputSet, tmp_path: Path, hashes
) -> None:
    """The program, killed with SIGKILL while it writes, five times; then left alone."""
    plan, _ = rung
    folder = tmp_path / "set"
    moments = random.Random(5)
    for _ in range(5):
        process = start(folder, plan)
        wait_until_it_writes(folder, process)
        time.sleep(moments.uniform(0.0, 0.5))
        process.kill()
        process.communicate()
    done = subprocess.run(command(folder, plan), capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == f"{folder}\n"
    assert hashes(folder) == hashes(whole.folder)


def test_killed_in_a_shard_only_what_was_in_hand_is_written_again(
    rung: Rung, whole: OutputSet, tmp_path: Path, hashes
) -> None:
    plan, models = rung
    fresh = 0

    def killer(at: int):
        def on_step(step: Step) -> None:
            nonlocal fresh
            fresh += 0 if step.before else 1
            if fresh == at:
                raise Killed

        return on_step

    for at in (1, 7, 30, 31, 100):
        with pytest.raises(Killed):
            build(tmp_path, plan, models, on_step=killer(at))
    built = build(tmp_path, plan, models, on_step=killer(0))
    assert hashes(built.folder) == hashes(whole.folder)
    assert fresh == plan.total  # each document once, as none was lost that had been written


@pytest.mark.parametrize("where", ["os.replace", "write_outputs", "shutil.rmtree", "write_json"])
def test_killed_while_it_completes(
    where: str, rung: Rung, whole: OutputSet, tmp_path: Path, hashes, monkeypatch
) -> None:
    plan, models = rung
    owner, _, name = where.rpartition(".")
    target = getattr(module, owner) if owner else module
    real = getattr(target, name)
    calls: list[int] = []

    def killed(*args, **kwargs):
        calls.append(0)
        if len(calls) == 3 or name != "replace":
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(target, name, killed)
    with pytest.raises(Killed):
        build(tmp_path, plan, models)
    monkeypatch.undo()
    assert hashes(build(tmp_path, plan, models).folder) == hashes(whole.folder)


def test_two_workers_share_the_work(rung: Rung, whole: OutputSet, tmp_path: Path, hashes) -> None:
    """Two processes at once, one of them killed; and a third that finds all done."""
    plan, _ = rung
    folder = tmp_path / "set"
    workers = [start(folder, plan) for _ in range(3)]
    wait_until_it_writes(folder, workers[0])
    workers[0].kill()
    results = [worker.communicate(timeout=120) for worker in workers]
    assert [w.returncode for w in workers[1:]] == [0, 0], results
    assert hashes(folder) == hashes(whole.folder)


def test_a_shard_that_another_holds_is_waited_for(
    rung: Rung, whole: OutputSet, tmp_path: Path, hashes, monkeypatch
) -> None:
    plan, models = rung
    inside = tmp_path / BUILD
    inside.mkdir()
    other = FileLock(inside / f"{next(plan.all_shards()).name}.lock")
    other.acquire()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            other.release()

    monkeypatch.setattr(module.time, "sleep", sleep)
    assert hashes(build(tmp_path, plan, models).folder) == hashes(whole.folder)
    assert len(slept) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_it_can_be_gone_on_with(
    number: signal.Signals, rung: Rung, whole: OutputSet, tmp_path: Path, hashes
) -> None:
    plan, models = rung
    process = start(tmp_path, plan)
    wait_until_it_writes(tmp_path, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (128 + number, b"", b"")
    assert hashes(build(tmp_path, plan, models).folder) == hashes(whole.folder)


def test_a_full_disk_while_it_completes(
    rung: Rung, whole: OutputSet, tmp_path: Path, hashes, monkeypatch
) -> None:
    plan, models = rung

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        build(tmp_path, plan, models)
    monkeypatch.undo()
    assert not (tmp_path / "manifest.json").exists()
    assert hashes(build(tmp_path, plan, models).folder) == hashes(whole.folder)


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 1}, "seed 0, not 1"), ({"train": 61}, "train 60, not 61"),
        ({"max_tokens": 41}, "max_tokens 40, not 41"),
        ({"sampling": "pure"}, "sampling 'pure,k40,nucleus', not 'pure'"),
        ({"slots": 9}, "slots 8, not 9"), ({"precision": "int4"}, "other models or precision"),
        ({"model": "ladder-3M"}, "other models or precision"), ({"prompts": ["a", "b", "c"]},
         "prompts 0, not 3"),
    ],
)  # fmt: skip
def test_another_runs_folder_is_refused(
    change: dict, said: str, finished: bool, rung: Rung, whole: OutputSet, tmp_path: Path, hashes
) -> None:
    plan, models = rung
    folder = tmp_path / "set"
    if finished:
        shutil.copytree(whole.folder, folder)
    else:
        with pytest.raises(Killed):
            build(folder, plan, models, on_step=lambda _: (_ for _ in ()).throw(Killed))
    before = hashes(folder)
    change = dict(change)
    name = change.pop("model", "ladder-1M")
    folders = {name: models.folders["ladder-1M"].with_name(name)}
    other = Models(folders, precision=change.pop("precision", "int8"))
    prompts = change.pop("prompts", [])
    wanted = make_plan(dataclasses.replace(plan.config, **change), [name], prompts)
    with pytest.raises(ValueError, match="belongs to another run") as caught:
        build(folder, wanted, other)
    assert said in str(caught.value)
    assert hashes(folder) == before


def test_a_folder_of_something_else_is_refused(rung: Rung, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds files that no build made"):
        build(tmp_path, *rung)
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_a_finished_set_is_not_written_again(rung: Rung, whole: OutputSet, tmp_path: Path) -> None:
    folder = shutil.copytree(whole.folder, tmp_path / "set")
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    steps: list[Step] = []
    build(folder, *rung, on_step=steps.append)
    assert steps == [Step(204, 0, before=True)]
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == times


def test_spaces_between_settings_change_nothing(
    rung: Rung, whole: OutputSet, tmp_path: Path
) -> None:
    plan, models = rung
    config = dataclasses.replace(plan.config, sampling="pure, k40 ,nucleus")
    folder = shutil.copytree(whole.folder, tmp_path / "set")
    assert build(folder, make_plan(config, ["ladder-1M"]), models).manifest == whole.manifest


def test_a_network_that_is_not_compiled_gives_the_same_bytes_after_a_kill(
    tiny_model: Path, rung: Rung, tmp_path: Path, hashes
) -> None:
    config = dataclasses.replace(rung[0].config, sampling="pure-r1.2", max_tokens=20)
    plan, models = make_plan(config, ["tiny"]), Models({"tiny": tiny_model})
    quiet = build(tmp_path / "quiet", plan, models)
    count = 0

    def on_step(step: Step) -> None:
        nonlocal count
        count += 1
        if count in (9, 40):
            raise Killed

    for _ in range(2):
        with pytest.raises(Killed):
            build(tmp_path / "killed", plan, models, on_step=on_step)
    build(tmp_path / "killed", plan, models)
    assert hashes(tmp_path / "killed") == hashes(quiet.folder)
    assert quiet.manifest["corpora"]["tiny-r1.2"]["sampling"]["repetition_penalty"] == 1.2


def test_two_models_in_one_set(tmp_path: Path, rung: Rung) -> None:
    names = ["ladder-1M", "ladder-3M"]
    config = dataclasses.replace(rung[0].config, sampling="k40", train=3, valid=0, test=1)
    bundled = rung[1].folders["ladder-1M"].parent
    models = Models({name: bundled / name for name in names}, precision="int8")
    built = build(tmp_path, make_plan(config, names), models)
    assert built.sources == ("ladder-1M-k40", "ladder-3M-k40")
    assert [part.split for part in built.parts] == ["train", "test"] * 2
    first = [next(built.documents(source, "train")).text for source in built.sources]
    assert first[0] != first[1]


def test_a_set_that_is_not_finished_is_not_opened(rung: Rung, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        build(tmp_path, *rung, on_step=lambda _: (_ for _ in ()).throw(Killed))
    with pytest.raises(ValueError, match="holds no finished output set"):
        open_outputs(tmp_path)


def test_the_manifest_says_what_is_in_each_file(whole: OutputSet) -> None:
    for part in whole.parts:
        records = [json.loads(line) for line in part.path.read_bytes().splitlines()]
        assert len(records) == part.documents
        assert sum(r["length"] for r in records) == part.tokens
        assert part.path.stat().st_size == part.size
