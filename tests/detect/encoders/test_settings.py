"""Settings out of range, and what a run's length comes from."""

from __future__ import annotations

import pytest

from hallmark.detect.encoders.settings import RATES, EncoderConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_length", 0), ("min_length", 600), ("batch_size", 3), ("batch_size", 0),
        ("micro_batch", 0), ("epochs", 0), ("lr", -1.0), ("lr", float("inf")),
        ("token_dropout", 1.0), ("weight_decay", -0.1), ("warmup", 2.0), ("patience", -1),
        ("precision", "half"), ("save_every", 0), ("validations", 0), ("seed", -1),
    ],
)  # fmt: skip
def test_out_of_range(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .*, not {value!r}"):
        EncoderConfig(**{name: value})  # type: ignore[arg-type]


def test_the_release_s_recipe() -> None:
    config = EncoderConfig()
    assert (config.max_length, config.min_length, config.batch_size) == (510, 10, 24)
    assert config.weight_decay == 0
    schedule = config.schedule(larger_class=250_000, kind="roberta")
    assert schedule.lr == 2e-5
    assert schedule.steps == config.epochs * 20_834
    assert schedule.valid_every == 20_834
    assert EncoderConfig(lr=0.5).schedule(larger_class=1, kind="rung").lr == 0.5
    assert {"roberta", "rung", "scratch"} == RATES.keys()
