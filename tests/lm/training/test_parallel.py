"""Two gloo processes train as one does, and take over each other's checkpoints."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hallmark.lm.training.checkpoint import checkpoint_folder, checkpoint_steps, read_tensors
from hallmark.lm.training.log import read_log
from hallmark.lm.training.loop import train
from hallmark.lm.training.order import micro_batches
from hallmark.lm.training.parallel import World, open_world

KEEP = "keep=99"


def two(program: Path, folder: Path, mode: str) -> list[str]:
    """The command of the tiny run in two processes."""
    return [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        str(program), str(folder), mode, KEEP,
    ]  # fmt: skip


def one(tiny: SimpleNamespace, folder: Path) -> None:
    config = dataclasses.replace(tiny.CONFIG, keep=99)
    train(
        tiny.make_network(), tiny.make_data(config), config, folder=folder,
        identity=tiny.identity(config),
    )  # fmt: skip


def forget_after(folder: Path, step: int) -> None:
    """As if the run had been stopped after the checkpoint of `step`."""
    for later in checkpoint_steps(folder):
        if later > step:
            shutil.rmtree(checkpoint_folder(folder, later))


def assert_alike(folder: Path, other: Path) -> None:
    """Logs and last weights agree to 1e-5."""
    for line, expected in zip(read_log(folder), read_log(other), strict=True):
        assert line == pytest.approx(expected, abs=1e-5)
    weights, expected_weights = (
        read_tensors(checkpoint_folder(f, 12) / "model.safetensors") for f in (folder, other)
    )
    for name, tensor in weights.items():
        difference = (tensor - expected_weights[name]).abs()
        if name.endswith("c_attn.bias"):
            # A bias of all keys changes no attention: its gradient is 0, or rounding, of which
            # Adam makes whole steps.
            difference = difference.view(3, -1)[[0, 2]]
        assert difference.max() < 1e-5, name


@pytest.fixture(scope="module")
def runs(
    run_until,
    tiny: SimpleNamespace,
    program: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    """The same run by one process, by two with DDP and by two with FSDP2."""
    root = tmp_path_factory.mktemp("runs")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    one(tiny, root / "single")
    torch.set_num_threads(threads)
    for mode in ("ddp", "fsdp"):
        run_until(two(program, root / mode, mode))
    return {mode: root / mode for mode in ("single", "ddp", "fsdp")}


@pytest.mark.parametrize("mode", ["ddp", "fsdp"])
def test_two_processes_agree_with_one(mode: str, runs: dict[str, Path]) -> None:
    assert_alike(runs[mode], runs["single"])


@pytest.mark.parametrize("mode", ["ddp", "fsdp"])
def test_what_two_saved_one_goes_on_with(
    mode: str, runs: dict[str, Path], tiny: SimpleNamespace, tmp_path: Path
) -> None:
    folder = shutil.copytree(runs[mode], tmp_path / "copy")
    forget_after(folder, 5)
    one(tiny, folder)
    assert_alike(folder, runs["single"])


def test_what_one_saved_two_go_on_with(
    runs: dict[str, Path], program: Path, run_until, tmp_path: Path
) -> None:
    folder = shutil.copytree(runs["single"], tmp_path / "copy")
    forget_after(folder, 5)
    run_until(two(program, folder, "fsdp"))
    assert_alike(folder, runs["single"])


def test_two_killed_and_started_again_are_bit_identical(
    runs: dict[str, Path], program: Path, run_until, tiny: SimpleNamespace, tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    run_until(two(program, folder, "fsdp"), kill_after=9)
    assert checkpoint_steps(folder)[0] == 4
    run_until(two(program, folder, "fsdp"))
    assert tiny.fingerprint(folder) == tiny.fingerprint(runs["fsdp"])


def test_a_batch_that_does_not_come_out_is_refused(tiny: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="batch_size 4 cannot be shared by 3 processes"):
        train(
            tiny.make_network(), tiny.make_data(), tiny.CONFIG, folder=tmp_path, identity={},
            world=World(size=3, mode="ddp"),
        )  # fmt: skip


def test_without_torchrun_there_is_one_process() -> None:
    with open_world("auto", device="cpu", environment={}) as world:
        assert world == World()
    with (
        pytest.raises(ValueError, match="start with torchrun"),
        open_world("fsdp", device="cpu", environment={}),
    ):
        pass


def test_processes_share_each_step_between_them(tiny: SimpleNamespace) -> None:
    rows, config = tiny.make_rows(), tiny.CONFIG
    for step in (0, 9, 10, 11):
        alone = torch.cat(micro_batches(rows, config, step=step, rank=0, world=1))
        shared = [micro_batches(rows, config, step=step, rank=r, world=2) for r in (0, 1)]
        assert torch.equal(alone, torch.cat([b for own in shared for b in own]))
    epoch = torch.cat([
        b for s in range(10) for b in micro_batches(rows, config, step=s, rank=0, world=1)
    ])  # fmt: skip
    assert len(np.unique(epoch[:, :-1].numpy(), axis=0)) == 40  # every row once
