"""Settings are checked, and the learning rate rises and falls as it should."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hallmark.lm.training.settings import TrainConfig


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("steps", 0, "at least 1"), ("patience", -1, "at least 0"), ("lr", 0.0, "more than 0"),
        ("lr", float("nan"), "more than 0"), ("warmup", 1.5, "from 0 to 1"),
        ("optimiser", "sgd", "one of adamw, muon"), ("decay", "step", "one of cosine, linear"),
        ("precision", "fp16", "one of bf16, float32"),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_named(name: str, value: object, wanted: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be {wanted}, not {value!r}"):
        TrainConfig(**{name: value})


def test_the_learning_rate_rises_linearly_then_falls_by_a_cosine() -> None:
    config = TrainConfig(steps=100, warmup=0.1, min_lr=0.1)
    scales = [config.scale(step) for step in range(100)]
    assert scales[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert scales[10] == 1.0
    assert scales[55] == pytest.approx(0.55)
    assert scales[99] == pytest.approx(0.1, abs=1e-3)
    assert (np.diff(scales[10:]) < 0).all()


def test_or_linearly() -> None:
    config = TrainConfig(steps=100, warmup=0.1, min_lr=0.0, decay="linear")
    assert np.diff([config.scale(s) for s in range(10, 100)]) == pytest.approx(-1 / 90)
    assert config.scale(99) == pytest.approx(1 / 90)
    assert dataclasses.replace(config, steps=1).scale(0) == 1.0
