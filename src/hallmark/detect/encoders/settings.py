"""How an encoder is trained to tell texts apart: every setting and its default, in one place.

The recipe is the release's (gpt-2-output-dataset, `detector/train.py`); docs/encoder.md says
what differs. Imports nothing heavy, so that the command line can read names and defaults.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hallmark.lm.training.settings import TrainConfig
from hallmark.settings import option

SCRATCH = "scratch"
LENGTHS = (64, 128, 256, 510)  # tokens at which held-out texts are cut, one length a text
PRECISIONS = ("auto", "bf16", "float32")
# Highest learning rates that suit each kind of encoder; the first is the release's.
RATES = {"roberta": 2e-5, "rung": 3e-4, "scratch": 1e-3}


@dataclass(frozen=True)
class EncoderConfig:
    """One training run. ValueError where a setting is out of range."""

    encoder: str = option(
        SCRATCH, "Where to begin: roberta-base, roberta-large, a folder, scratch, ladder-7M ..."
    )
    max_length: int = option(510, "Tokens of a text that are read, at most.")
    min_length: int = option(10, "Shortest crop to train on, in tokens.")
    token_dropout: float = option(0.1, "Share of the tokens that are hidden in training.")
    batch_size: int = option(24, "Texts in a step, over all devices, half of each class.")
    micro_batch: int = option(8, "Texts that go through a device at once.")
    epochs: int = option(8, "Times that the larger class is gone through, at most.")
    lr: float = option(0.0, "Highest learning rate; 0: what suits the encoder.")
    weight_decay: float = option(0.0, "Decoupled decay of matrices.")
    warmup: float = option(0.06, "Share of the steps in which the learning rate rises.")
    validations: int = option(1, "Validations in an epoch.")
    patience: int = option(4, "Stop after this many validations without a new best; 0: never.")
    save_every: int = option(200, "Write a checkpoint after this many steps.")
    precision: str = option("auto", "Of products; auto is bf16 where it pays.", PRECISIONS)
    seed: int = option(0, "Of new weights, crops and their order.")

    def __post_init__(self) -> None:
        for name in ("max_length", "min_length", "micro_batch", "epochs", "validations",
                     "save_every"):  # fmt: skip
            _check(name, getattr(self, name), getattr(self, name) >= 1, "at least 1")
        for name in ("patience", "seed"):
            _check(name, getattr(self, name), getattr(self, name) >= 0, "at least 0")
        for name in ("token_dropout", "weight_decay", "warmup"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) < 1, "from 0 to below 1")
        _check("min_length", self.min_length, self.min_length <= self.max_length,
               f"at most max_length ({self.max_length})")  # fmt: skip
        even = self.batch_size >= 2 and self.batch_size % 2 == 0
        _check("batch_size", self.batch_size, even, "an even number, at least 2")
        _check("lr", self.lr, 0 <= self.lr < math.inf, "at least 0")
        _check("precision", self.precision, self.precision in PRECISIONS,
               f"one of {', '.join(PRECISIONS)}")  # fmt: skip

    def schedule(self, *, larger_class: int, kind: str) -> TrainConfig:
        """Steps, learning rates and checkpoints for so many texts in the larger class."""
        epoch = max(1, math.ceil(larger_class / (self.batch_size // 2)))
        return TrainConfig(
            steps=self.epochs * epoch, batch_size=self.batch_size, micro_batch=self.micro_batch,
            sequence_length=self.max_length, lr=self.lr or RATES[kind], min_lr=0.0,
            warmup=self.warmup, decay="linear", weight_decay=self.weight_decay, seed=self.seed,
            valid_every=max(1, epoch // self.validations), patience=self.patience,
            save_every=self.save_every, keep=1,
        )  # fmt: skip


def _check(name: str, value: object, valid: bool, wanted: str) -> None:
    if not valid:
        raise ValueError(f"{name} must be {wanted}, not {value!r}")
