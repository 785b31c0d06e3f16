"""Runs that are killed (with dropout on), stopped early, or broken."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from hallmark.detect.encoders.crops import Crops
from hallmark.detect.encoders.training import TrainData, train
from hallmark.detect.encoders.validation import Validation
from hallmark.lm.training.checkpoint import checkpoint_folder, checkpoint_steps, read_tensors
from hallmark.lm.training.log import read_log
from hallmark.lm.training.parallel import World
from hallmark.lm.training.state import Event


def alone(tiny: SimpleNamespace, folder: Path, *, dropout: float = 0.1, **changes: object):
    """The same run in this process; the network that it leaves behind."""
    network = tiny.make_network(dropout)
    config = dataclasses.replace(tiny.CONFIG, **changes)
    events: list[Event] = []
    progress = train(
        network, tiny.make_data(config), config, folder=folder, identity=tiny.identity(config),
        rate_of="scratch", on_event=events.append,
    )  # fmt: skip
    return network, progress, events


def test_killed_and_started_again_is_bit_identical(
    program: Path, run_until, tiny: SimpleNamespace, tmp_path: Path
) -> None:
    command = [sys.executable, str(program), str(tmp_path / "killed")]
    run_until(command, kill_after=7)
    assert checkpoint_steps(tmp_path / "killed")[-1] == 4
    run_until(command)
    network, progress, _ = alone(tiny, tmp_path / "whole")
    assert progress.ended == "all steps are done"
    assert tiny.fingerprint(tmp_path / "killed") == tiny.fingerprint(tmp_path / "whole")
    again, before, _ = alone(tiny, tmp_path / "killed")  # a run that has ended trains no more
    assert before == progress
    for one, other in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_was_learnt_and_which_weights_are_kept(tiny: SimpleNamespace, tmp_path: Path) -> None:
    network, progress, _ = alone(tiny, tmp_path, epochs=12, dropout=0.0)
    log = read_log(tmp_path)
    valid = [line for line in log if "valid_accuracy" in line]
    assert [line["step"] for line in valid] == list(range(4, 49, 4))
    best = max(valid, key=lambda line: (line["valid_accuracy"], -line["valid_loss"]))
    assert best["valid_accuracy"] > 0.8
    assert progress.best_step == best["step"]
    kept = read_tensors(checkpoint_folder(tmp_path, best["step"]) / "model.safetensors")
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, kept[name])
    assert not network.training


def test_stops_where_nothing_improves(tiny: SimpleNamespace, tmp_path: Path) -> None:
    _, progress, events = alone(tiny, tmp_path, lr=1e-9, patience=2, epochs=30, dropout=0.0)
    assert progress.ended == "2 validations brought no new best"
    assert progress.step < 30 * 4
    assert [e.kind for e in events].count("remark") == progress.step // 4


def test_another_run_in_the_folder_is_refused(tiny: SimpleNamespace, tmp_path: Path) -> None:
    alone(tiny, tmp_path, epochs=1)
    with pytest.raises(ValueError, match=r"other settings or data.*seed: 0 there, 1 here"):
        alone(tiny, tmp_path, epochs=1, seed=1)


def test_numbers_that_are_not_finite_end_the_run(tiny: SimpleNamespace, tmp_path: Path) -> None:
    network = tiny.make_network(0.0)
    with torch.no_grad():
        network.network.classifier.dense.weight[0, 0] = float("nan")
    with pytest.raises(FloatingPointError, match=r"at step 1; start again .* lower lr"):
        train(network, tiny.make_data(), tiny.CONFIG, folder=tmp_path, identity={},
              rate_of="scratch")  # fmt: skip
    assert not checkpoint_steps(tmp_path)


def test_pairs_that_do_not_come_out_are_refused(tiny: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"batch_size 8 cannot be shared in pairs by 3 processes"):
        train(tiny.make_network(0.0), tiny.make_data(), tiny.CONFIG, folder=tmp_path, identity={},
              rate_of="scratch", world=World(size=3, mode="ddp"))  # fmt: skip


def test_without_held_texts_the_last_weights_count(tiny: SimpleNamespace, tmp_path: Path) -> None:
    data = tiny.make_data()
    network = tiny.make_network(0.0)
    progress = train(
        network, TrainData(data.crops, None, data.specials), tiny.CONFIG, folder=tmp_path,
        identity={}, rate_of="scratch",
    )  # fmt: skip
    assert progress.best_step is None
    last = read_tensors(checkpoint_folder(tmp_path, progress.step) / "model.safetensors")
    assert all(torch.equal(p, last[name]) for name, p in network.named_parameters())
    assert json.loads((tmp_path / "log.jsonl").read_bytes().splitlines()[0])["step"] == 1


def test_accuracy_comes_before_loss() -> None:
    right, surer, wrong = (
        Validation(a, loss, {}) for a, loss in ((0.9, 5.0), (0.9, 0.1), (0.8, 0.01))
    )
    assert surer.rank < right.rank < wrong.rank


def test_gradients_are_those_of_the_whole_batch(tiny: SimpleNamespace, tmp_path: Path) -> None:
    """Micro-batches of any size give the same losses."""
    for size in (1, 3, 8):
        alone(tiny, tmp_path / str(size), micro_batch=size, dropout=0.0, epochs=1)
    logs = [read_log(tmp_path / str(size)) for size in (1, 3, 8)]
    for line, *others in zip(*logs, strict=True):
        for other in others:
            assert line == pytest.approx(other, abs=1e-4)


def test_crops_need_both_kinds(tiny: SimpleNamespace) -> None:
    ids, _, sources = tiny.make_texts(4, seed=0)
    with pytest.raises(ValueError, match="both human and synthetic texts with tokens are needed"):
        Crops(ids, [1] * 4, sources, tiny.CONFIG, hidden=3)
