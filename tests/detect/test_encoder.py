"""The encoder detector: it learns, stops, survives a kill, and reads back what it wrote."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from hallmark.detect.encoder import WEIGHTS, Encoder
from hallmark.detect.encoders.settings import EncoderConfig
from hallmark.lm.training.parallel import World
from hallmark.lm.training.state import Event
from hallmark.models.folder import write_manifest

FAST = EncoderConfig(
    max_length=40, min_length=8, batch_size=8, micro_batch=4, epochs=4, lr=0.01, seed=1,
    save_every=3, precision="float32",
)  # fmt: skip
KILLED = """
import json, os, signal, sys, torch
from pathlib import Path
from hallmark.detect.encoder import Encoder
from hallmark.detect.encoders.settings import EncoderConfig
torch.set_num_threads(1)
run = json.load(sys.stdin)
def tell(event):
    if event.kind == "step" and event.step == 8:
        os.kill(os.getpid(), signal.SIGKILL)
Encoder(EncoderConfig(**run["config"])).fit(
    *run["texts"], validation=run["validation"], folder=Path(run["folder"]), on_event=tell
)
"""
SHARED = """
import json, os, sys, torch
from pathlib import Path
from hallmark.detect.encoder import Encoder
from hallmark.detect.encoders.settings import EncoderConfig
from hallmark.lm.training.parallel import open_world
torch.set_num_threads(1)
run = json.loads(Path(sys.argv[1]).read_text())
encoder = Encoder(EncoderConfig(**run["config"]))
with open_world("auto", device="cpu", environment=os.environ) as world:
    folder = Path(run["folder"])
    encoder.fit(*run["texts"], validation=run["validation"], folder=folder, world=world)
    if world.main:
        encoder.save(folder / "saved")
"""
Labelled = tuple[list[str], list[int]]


def two_kinds(count: int, *, seed: int = 0) -> Labelled:
    """Texts of the same letters; the words of one kind do not occur in the other."""
    rng = np.random.default_rng(seed)
    words = (["the", "then", "other"], ["hat", "tea", "north"])
    texts = [" ".join(rng.choice(words[i % 2], 16)) for i in range(count)]
    return texts, [i % 2 for i in range(count)]


def accuracy(encoder: Encoder, texts: Sequence[str], labels: Sequence[int]) -> float:
    return float(np.mean((encoder.score(texts) > 0) == np.array(labels)))


def on(base: Path | str, **changes: object) -> EncoderConfig:
    return EncoderConfig(**{**asdict(FAST), "encoder": str(base), **changes})


def weights(encoder: Encoder) -> dict[str, torch.Tensor]:
    return dict(encoder._fitted()[0].state_dict())


@pytest.fixture(scope="module")
def fitted(tiny_model: Path) -> Encoder:
    encoder = Encoder(on(tiny_model))
    encoder.fit(*two_kinds(40), validation=two_kinds(12, seed=1))
    return encoder


def test_a_rung_learns_and_the_folder_scores_the_same(fitted: Encoder, tmp_path: Path) -> None:
    texts, labels = two_kinds(60, seed=2)
    assert accuracy(fitted, texts, labels) >= 0.95
    fitted.save(tmp_path / "saved", facts={"texts": 40})
    again = Encoder.load(tmp_path / "saved", home=tmp_path)
    np.testing.assert_array_equal(again.score(texts), fitted.score(texts))
    assert again.config == fitted.config


def test_an_encoder_from_nothing_learns() -> None:
    encoder = Encoder(on("scratch", lr=2e-3, epochs=3, token_dropout=0.0))
    encoder.fit(*two_kinds(40))
    texts, labels = two_kinds(40, seed=2)
    assert accuracy(encoder, texts, labels) >= 0.95


def test_a_score_does_not_depend_on_the_other_texts(fitted: Encoder) -> None:
    texts, _ = two_kinds(10)
    texts = [text[: 10 + 7 * i] for i, text in enumerate(texts)]
    alone = [fitted.score([text])[0] for text in texts]
    np.testing.assert_allclose(fitted.score(texts), alone, atol=1e-4)


def test_a_text_without_tokens_has_no_score(fitted: Encoder) -> None:
    scores = fitted.score(["", "the other", " "])
    assert np.isnan(scores[0])
    assert np.isfinite(scores[1])


def test_a_killed_run_ends_with_the_same_weights(tiny_model: Path, tmp_path: Path) -> None:
    config, texts, validation = on(tiny_model), two_kinds(40), two_kinds(8, seed=1)
    run = {"config": asdict(config), "texts": texts, "validation": validation,
           "folder": str(tmp_path)}  # fmt: skip
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], input=json.dumps(run), text=True, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    whole, resumed = Encoder(config), Encoder(config)
    seen: list[Event] = []
    ended = whole.fit(*texts, validation=validation)
    again = resumed.fit(*texts, validation=validation, folder=tmp_path, on_event=seen.append)
    steps = [event.step for event in seen if event.kind == "step"]
    assert 1 < steps[0] <= 8  # it went on, and did not begin anew
    assert (again.step, again.best_step) == (ended.step, ended.best_step)
    expected = weights(whole)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights(resumed).items())


def test_two_processes_train_as_one_does(tiny_model: Path, tmp_path: Path) -> None:
    config, texts, validation = on(tiny_model, epochs=1), two_kinds(40), two_kinds(9, seed=1)
    run = {"config": asdict(config), "texts": texts, "validation": validation,
           "folder": str(tmp_path / "two")}  # fmt: skip
    (tmp_path / "run.json").write_text(json.dumps(run))
    (tmp_path / "program.py").write_text(SHARED)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         str(tmp_path / "program.py"), str(tmp_path / "run.json")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one = Encoder(config)
    one.fit(*texts, validation=validation)
    two = weights(Encoder.load(tmp_path / "two" / "saved", home=tmp_path))
    for name, tensor in weights(one).items():
        torch.testing.assert_close(two[name], tensor, atol=1e-4, rtol=1e-3)


def test_two_processes_need_a_folder() -> None:
    with pytest.raises(ValueError, match="give folder"):
        Encoder(FAST).fit(*two_kinds(8), world=World(rank=0, size=2))


def test_a_run_does_not_go_on_with_other_texts(tiny_model: Path, tmp_path: Path) -> None:
    config = on(tiny_model, epochs=1)
    Encoder(config).fit(*two_kinds(16), folder=tmp_path)
    with pytest.raises(ValueError, match=r"text"):
        Encoder(config).fit(*two_kinds(16, seed=5), folder=tmp_path)


def test_training_stops_early_with_the_best_weights(tiny_model: Path, tmp_path: Path) -> None:
    texts, labels = two_kinds(40)
    turned = (texts, [1 - label for label in labels])  # to learn makes these worse
    encoder = Encoder(on(tiny_model, patience=2, epochs=8))
    ended = encoder.fit(texts, labels, validation=turned, folder=tmp_path)
    assert ended.ended == "2 validations brought no new best"
    assert ended.step == (ended.best_step or 0) + 2 * 5  # 20 pairs, 4 a step: an epoch is 5
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    errors = {row["step"]: row["valid_loss"] for row in log if "valid_loss" in row}
    odds = encoder.score(texts)
    found = np.mean(np.logaddexp(0, np.where(np.array(turned[1]) == 1, -odds, odds)))
    assert found == pytest.approx(errors[ended.best_step], rel=1e-4)


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 1, 2]])
def test_labels_must_be_of_both_kinds(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="0 \\(human\\) and 1 \\(synthetic\\)"):
        Encoder(FAST).fit(["a", "b", "c"], labels)


def test_an_encoder_reads_no_more_than_it_can(tiny_model: Path) -> None:
    with pytest.raises(ValueError, match="max_length 64 does not fit the encoder, which reads 63"):
        Encoder(on(tiny_model, max_length=64)).fit(*two_kinds(8))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("network", "other", "network is of the kind 'other'"),
        ("shape", {"n_layer": 3}, "damaged"),
        ("settings", {"max_length": 0}, "max_length must be at least 1"),
        ("settings", {"none": 0}, "settings are damaged"),
        ("vocabulary", {"file": "x"}, "vocabulary is damaged"),
    ],
)
def test_a_damaged_config_is_one_line(
    fitted: Encoder, tmp_path: Path, field: str, value: object, said: str
) -> None:
    fitted.save(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    write_manifest(tmp_path, ("config.json", WEIGHTS, "vocab.bpe"), kind="encoder")
    with pytest.raises(ValueError, match=said) as caught:
        Encoder.load(tmp_path, home=tmp_path)
    assert "\n" not in str(caught.value)


def test_damaged_weights_are_found(fitted: Encoder, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    data = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(data[:-8])
    with pytest.raises(ValueError, match=WEIGHTS):
        Encoder.load(tmp_path, home=tmp_path)
