"""Training goes on from any kill to the very same bits, and refuses what it should."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hallmark.lm import train as module
from hallmark.lm.train import TrainConfig, batches, next_token_loss, optimisers, train
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config

MODEL = GPT2Config(n_layer=2, n_head=2, n_embd=16, n_ctx=8, vocab_size=50)
RUN = TrainConfig(tokens=32 * 12, batch_size=4, sequence_length=8, save_every=5, compile=False)
STREAM = np.random.default_rng(0).integers(0, 50, 32 * 14 + 1).astype(np.uint16)


class Killed(Exception):
    """Stands for the end of the process."""


def killer(at: int):
    def on_step(step: int, loss: float, speed: float) -> None:
        if step == at:
            raise Killed

    return on_step


def same_weights(a: GPT2, b: GPT2) -> bool:
    return all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[GPT2, str]:
    """A run that nothing disturbed: its network and its log."""
    folder = tmp_path_factory.mktemp("whole")
    network = train(MODEL, STREAM, RUN, folder=folder)
    return network, (folder / "log.jsonl").read_text()


def test_a_run_logs_each_step_once_and_learns(whole: tuple[GPT2, str], tmp_path: Path) -> None:
    log = [json.loads(line) for line in whole[1].splitlines()]
    assert [line["step"] for line in log] == list(range(12))
    assert log[0]["loss"] == pytest.approx(np.log(50), abs=0.1)  # uniform at first
    easy = np.tile(np.arange(8, dtype=np.uint16), 60)
    network = train(MODEL, easy, dataclasses.replace(RUN, tokens=32 * 14), folder=tmp_path)
    batch = torch.from_numpy(easy[:9].astype(np.int64))[None]
    assert next_token_loss(network, batch).item() < 3.3  # from ln 50 = 3.9


@pytest.mark.parametrize("kills", [[0], [4], [5], [11], [3, 8, 8, 10]])
def test_killed_and_resumed_is_bit_identical(
    kills: list[int], whole: tuple[GPT2, str], tmp_path: Path
) -> None:
    for at in kills:
        with pytest.raises(Killed):
            train(MODEL, STREAM, RUN, folder=tmp_path, on_step=killer(at))
    network = train(MODEL, STREAM, RUN, folder=tmp_path)
    assert same_weights(network, whole[0])
    assert (tmp_path / "log.jsonl").read_text() == whole[1]


def test_process_killed_at_once_is_resumed_bit_identically(
    whole: tuple[GPT2, str], tmp_path: Path
) -> None:
    np.save(tmp_path / "stream.npy", STREAM)
    program = f"""
import os, signal, sys
from pathlib import Path
import numpy as np
from hallmark.lm.train import *
from hallmark.models.sizes import GPT2Config
def on_step(step, loss, speed):
    if step == 7:
        os.kill(os.getpid(), signal.SIGKILL)
folder = Path(sys.argv[1])
train({MODEL!r}, np.load(folder / "stream.npy"), {RUN!r}, folder=folder, on_step=on_step)
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    first = []
    network = train(
        MODEL, STREAM, RUN, folder=tmp_path, on_step=lambda step, *_: first.append(step)
    )
    assert first[0] == 5
    assert same_weights(network, whole[0])
    assert (tmp_path / "log.jsonl").read_text() == whole[1]


def test_killed_inside_a_save_keeps_the_last_one(
    whole: tuple[GPT2, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves = []

    def half(state, file) -> None:
        saves.append(state["step"])
        if state["step"] == 10:
            file.write(b"half a file")
            raise Killed
        real(state, file)

    real = torch.save
    monkeypatch.setattr(module.torch, "save", half)
    with pytest.raises(Killed):
        train(MODEL, STREAM, RUN, folder=tmp_path)
    assert saves == [5, 10]
    monkeypatch.undo()
    network = train(MODEL, STREAM, RUN, folder=tmp_path)
    assert same_weights(network, whole[0])
    assert (tmp_path / "log.jsonl").read_text() == whole[1]
    assert not (tmp_path / "state.pt.new").exists()


def test_a_finished_run_is_only_loaded(whole: tuple[GPT2, str], tmp_path: Path) -> None:
    train(MODEL, STREAM, RUN, folder=tmp_path)
    again = train(MODEL, STREAM, RUN, folder=tmp_path, on_step=killer(0))
    assert same_weights(again, whole[0])
    assert (tmp_path / "log.jsonl").read_text() == whole[1]


def test_another_runs_folder_is_refused(tmp_path: Path) -> None:
    train(MODEL, STREAM, RUN, folder=tmp_path)
    saved = (tmp_path / "state.pt").read_bytes()
    others = [
        (dataclasses.replace(MODEL, n_layer=1), STREAM, RUN),
        (MODEL, STREAM[:-1], RUN),
        (MODEL, STREAM, dataclasses.replace(RUN, seed=1)),
        (MODEL, STREAM, dataclasses.replace(RUN, matrix_lr=0.02)),
    ]
    for model, stream, config in others:
        with pytest.raises(ValueError, match="belongs to a run with other settings or data"):
            train(model, stream, config, folder=tmp_path)
    assert (tmp_path / "state.pt").read_bytes() == saved


@pytest.mark.parametrize(
    ("length", "tokens", "message"),
    [
        (32 * 12, 32 * 12, "384 tokens give 47 rows of 8; .* need 48"),
        (1, 32, "1 tokens give 0 rows of 8; .* need 4"),
        (300, 31, "less than one batch of 4 x 8"),
    ],
)
def test_too_few_tokens_are_refused(length: int, tokens: int, message: str, tmp_path: Path) -> None:
    config = dataclasses.replace(RUN, tokens=tokens)
    with pytest.raises(ValueError, match=message):
        train(MODEL, STREAM[:length], config, folder=tmp_path)
    assert not (tmp_path / "state.pt").exists()


@pytest.mark.parametrize("broken", ["loss", "gradient"])
def test_numbers_that_are_not_finite_stop_the_run(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = next_token_loss, []

    def wrong(model: GPT2, batch: torch.Tensor) -> torch.Tensor:
        calls.append(0)
        loss = real(model, batch)
        if len(calls) < 10:  # the step whose end would be the second save
            return loss
        if broken == "loss":
            return loss * float("nan")
        loss.register_hook(lambda gradient: gradient * float("inf"))
        return loss

    monkeypatch.setattr(module, "next_token_loss", wrong)
    with pytest.raises(FloatingPointError, match="at step 9"):
        train(MODEL, STREAM, RUN, folder=tmp_path)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["step"] == 5
    assert all(torch.isfinite(p).all() for p in state["model"].values())


def test_data_order_is_a_function_of_the_seed_alone() -> None:
    first = torch.stack(list(batches(STREAM, RUN)))
    assert first.shape == (12, 4, 9)
    torch.manual_seed(5)
    assert torch.equal(first, torch.stack(list(batches(STREAM, RUN))))
    assert torch.equal(first[7:], torch.stack(list(batches(STREAM, RUN, first=7))))
    other = dataclasses.replace(RUN, seed=1)
    assert not torch.equal(first, torch.stack(list(batches(STREAM, other))))


def test_every_row_is_seen_at_most_once_and_whole() -> None:
    counting = np.arange(32 * 12 + 1, dtype=np.uint16)
    rows = torch.cat(list(batches(counting, RUN)))
    assert sorted(rows[:, 0].tolist()) == list(range(0, 32 * 12, 8))
    assert torch.equal(rows[:, 1:], rows[:, :-1] + 1)


def test_learning_rate_warms_up_and_decays_linearly() -> None:
    config = dataclasses.replace(RUN, tokens=32 * 100, warmup=0.1)
    scales = [config.scale(step) for step in range(config.steps)]
    assert scales[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert scales[10] == 1.0
    assert np.diff(scales[10:]) == pytest.approx(-1 / 90)
    assert scales[-1] == pytest.approx(1 / 90)
    assert dataclasses.replace(RUN, tokens=32).scale(0) == 1.0  # a run of a single step


def test_each_parameter_has_one_optimiser() -> None:
    model = GPT2(MODEL)
    steppers = optimisers(model, RUN)
    stepped = [p for s in steppers for group in s.param_groups for p in group["params"]]
    assert len(stepped) == len({id(p) for p in stepped}) == len(list(model.parameters()))
    muon = [p for group in steppers[0].param_groups for p in group["params"]]
    assert all(p.ndim == 2 for p in muon)
    assert len(muon) == 4 * MODEL.n_layer


def test_loss_is_the_mean_cross_entropy() -> None:
    model = GPT2(MODEL)
    model.initialise(torch.Generator().manual_seed(0))
    batch = torch.from_numpy(STREAM[:27].astype(np.int64)).view(3, 9)
    with torch.no_grad():
        log_p = model.logits(model(batch[:, :-1])).log_softmax(-1)
    expected = -log_p.gather(-1, batch[:, 1:, None]).mean()
    assert next_token_loss(model, batch).item() == pytest.approx(expected.item(), abs=1e-2)
