"""A run learns, stops where it should, and goes on from any kill to the very same bits."""

from __future__ import annotations

import dataclasses
import errno
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hallmark.lm.training import checkpoint
from hallmark.lm.training.checkpoint import checkpoint_folder, checkpoint_steps, read_state
from hallmark.lm.training.log import read_log
from hallmark.lm.training.loop import TrainData, train
from hallmark.lm.training.order import Rows
from hallmark.lm.training.state import Event


class Killed(Exception):
    """Stands for the end of the process."""


def killer(kind: str, step: int):
    def tell(event: Event) -> None:
        if (event.kind, event.step) == (kind, step):
            raise Killed

    return tell


def go(tiny: SimpleNamespace, folder: Path, **arguments):
    """The tiny run in `folder`, with another `config` where one is given."""
    config = arguments.pop("config", tiny.CONFIG)
    network = arguments.pop("network", None) or tiny.make_network()
    data = arguments.pop("data", None) or tiny.make_data(config)
    return train(network, data, config, folder=folder, identity=tiny.identity(config), **arguments)


@pytest.fixture(scope="module")
def whole(tiny: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """What a run that nothing disturbed leaves behind."""
    folder = tmp_path_factory.mktemp("whole")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    go(tiny, folder)
    torch.set_num_threads(threads)
    return tiny.fingerprint(folder)


def test_a_run_logs_every_step_and_learns(tiny: SimpleNamespace, tmp_path: Path) -> None:
    events: list[Event] = []
    config = dataclasses.replace(tiny.CONFIG, steps=200, warmup=0.1)
    ended = go(tiny, tmp_path, config=config, on_event=events.append)
    log = read_log(tmp_path)
    assert [line["step"] for line in log if "loss" in line] == list(range(1, 201))
    valid = {line["step"]: line["valid_loss"] for line in log if "valid_loss" in line}
    assert list(valid) == [0, *range(4, 201, 4)]
    assert valid[0] == pytest.approx(np.log(50), abs=0.05)  # uniform at first
    assert ended.best_loss == min(valid.values()) < 1.5  # ln 2 is what can be known
    assert (ended.step, ended.ended) == (200, "all steps are done")
    assert [(e.kind, e.step) for e in events[:3]] == [("valid", 0), ("step", 1), ("step", 2)]


def test_samples_are_logged(tiny: SimpleNamespace, tmp_path: Path) -> None:
    config = dataclasses.replace(tiny.CONFIG, sample_every=5)
    go(tiny, tmp_path, config=config, sampler=lambda network, step: f"said at {step}")
    samples = [line for line in read_log(tmp_path) if "sample" in line]
    assert samples == [{"step": s, "sample": f"said at {s}"} for s in (5, 10)]


@pytest.mark.parametrize(
    "kills",
    [[("valid", 0)], [("step", 1)], [("step", 5)], [("valid", 8)], [("step", 6), ("step", 12)]],
)
def test_stopped_and_started_again_is_bit_identical(
    kills: list[tuple[str, int]], tiny: SimpleNamespace, whole: tuple[str, bytes], tmp_path: Path
) -> None:
    for kill in kills:
        with pytest.raises(Killed):
            go(tiny, tmp_path, on_event=killer(*kill))
    go(tiny, tmp_path)
    assert tiny.fingerprint(tmp_path) == whole


def test_killed_at_random_moments_is_bit_identical(
    program: Path, tiny: SimpleNamespace, tmp_path: Path
) -> None:
    """kill -9, with a checkpoint at every step so that some kills fall into writing one."""
    changes = ["steps=40", "save_every=1", "valid_every=3"]
    command = [sys.executable, str(program)]
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    subprocess.run(
        [*command, str(undisturbed), "single", *changes], check=True, stdout=subprocess.DEVNULL
    )
    moments = random.Random(0)
    for _ in range(4):
        with subprocess.Popen(
            [*command, str(killed), "single", *changes], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            for _ in range(moments.randrange(1, 14)):
                process.stdout.readline()
            time.sleep(moments.random() * 0.02)
            process.kill()
        assert process.returncode == -signal.SIGKILL
    subprocess.run(
        [*command, str(killed), "single", *changes], check=True, stdout=subprocess.DEVNULL
    )
    assert tiny.fingerprint(killed) == tiny.fingerprint(undisturbed)


def test_a_finished_run_is_only_loaded(
    tiny: SimpleNamespace, whole: tuple[str, bytes], tmp_path: Path
) -> None:
    go(tiny, tmp_path)
    network = tiny.make_network(seed=1)
    ended = go(tiny, tmp_path, network=network, on_event=killer("step", 12))
    assert ended.step == 12
    assert tiny.fingerprint(tmp_path) == whole
    saved = checkpoint.read_tensors(checkpoint_folder(tmp_path, 12) / "model.safetensors")
    assert all(torch.equal(p, saved[n]) for n, p in network.named_parameters())


def test_another_runs_folder_is_refused(tiny: SimpleNamespace, tmp_path: Path) -> None:
    go(tiny, tmp_path)
    before = tiny.fingerprint(tmp_path)
    config = dataclasses.replace(tiny.CONFIG, lr=0.02)
    with pytest.raises(ValueError, match=r"other settings or data \(lr: 0.01 there, 0.02 here\)"):
        go(tiny, tmp_path, config=config)
    assert tiny.fingerprint(tmp_path) == before


@pytest.fixture
def misleading(tiny: SimpleNamespace) -> TrainData:
    """The held-out text is of tokens that the training text never has."""
    seen, unseen = np.arange(40 * 8 + 1) % 25, 25 + np.arange(6 * 8 + 1) % 25
    train, valid = (Rows(tiny.ArrayStream(ids), tiny.CONFIG) for ids in (seen, unseen))
    return TrainData(train, valid, tiny.make_data().byte_lengths)


def test_the_newest_and_the_best_checkpoints_are_kept(
    tiny: SimpleNamespace, misleading: TrainData, tmp_path: Path
) -> None:
    config = dataclasses.replace(tiny.CONFIG, save_every=1, valid_every=1)
    ended = go(tiny, tmp_path, config=config, data=misleading)
    assert ended.best_step is not None
    assert ended.best_step < 11
    assert checkpoint_steps(tmp_path) == [ended.best_step, 11, 12]


def test_it_stops_early(tiny: SimpleNamespace, misleading: TrainData, tmp_path: Path) -> None:
    config = dataclasses.replace(tiny.CONFIG, valid_every=1, patience=3)
    ended = go(tiny, tmp_path, config=config, data=misleading)
    assert ended.best_step is not None
    assert ended.step == ended.best_step + 3 < 12
    assert ended.ended == "3 validations brought no new best"
    again = go(
        tiny, tmp_path, config=config, data=misleading, on_event=killer("step", ended.step + 1)
    )
    assert again == ended


def test_a_loss_that_is_not_finite_stops_the_run(tiny: SimpleNamespace, tmp_path: Path) -> None:
    def poison(event: Event) -> None:
        if (event.kind, event.step) == ("step", 7):
            with torch.no_grad():
                network.wpe.weight[0] = torch.inf

    network = tiny.make_network()
    with pytest.raises(FloatingPointError, match=r"at step 8.*checkpoint of step 5 in .* is good"):
        go(tiny, tmp_path, network=network, on_event=poison)
    saved = checkpoint.read_tensors(checkpoint_folder(tmp_path, 5) / "model.safetensors")
    assert all(torch.isfinite(t).all() for t in saved.values())


@pytest.mark.parametrize("file", ["model.safetensors", "optimiser.safetensors", "state.json"])
def test_a_full_disk_leaves_the_checkpoint_before(
    file: str,
    tiny: SimpleNamespace,
    whole: tuple[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = checkpoint.write_safetensors, checkpoint.write_json

    def full(write):
        def check(path: Path, content: object) -> None:
            if path.name == file and "00000010" in str(path):
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            write(path, content)

        return check

    monkeypatch.setattr(checkpoint, "write_safetensors", full(real[0]))
    monkeypatch.setattr(checkpoint, "write_json", full(real[1]))
    with pytest.raises(OSError, match="No space left"):
        go(tiny, tmp_path)
    assert checkpoint_steps(tmp_path) == [5, 8]
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == [
        "step-00000005", "step-00000008",
    ]  # fmt: skip
    monkeypatch.undo()
    go(tiny, tmp_path)
    assert tiny.fingerprint(tmp_path) == whole


def test_a_damaged_checkpoint_is_passed_over_with_a_remark(
    tiny: SimpleNamespace, whole: tuple[str, bytes], tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        go(tiny, tmp_path, on_event=killer("step", 11))
    newest = checkpoint_folder(tmp_path, 10) / "optimiser.safetensors"
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(data)
    events: list[Event] = []
    go(tiny, tmp_path, on_event=events.append)
    assert "is not the file that manifest.json describes" in events[0].text
    assert events[1].text == "going on from step 8"
    assert tiny.fingerprint(tmp_path) == whole


def test_a_log_that_was_cut_is_refused(tiny: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        go(tiny, tmp_path, on_event=killer("step", 11))
    (tmp_path / "log.jsonl").write_bytes(b"")
    with pytest.raises(ValueError, match="has 0 bytes where the checkpoint says"):
        go(tiny, tmp_path)
    assert read_state(checkpoint_folder(tmp_path, 10)).step == 10


def test_recomputed_activations_change_nothing(
    tiny: SimpleNamespace, whole: tuple[str, bytes], tmp_path: Path
) -> None:
    config = dataclasses.replace(tiny.CONFIG, recompute=True)
    go(tiny, tmp_path, config=config)
    assert tiny.fingerprint(tmp_path)[1] == whole[1]
