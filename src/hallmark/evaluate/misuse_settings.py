"""What a misuse analysis does: every setting and its default, in one place.

Imports nothing heavy, so that the command line can read names, help and defaults at no cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hallmark.lm.training.settings import TrainConfig
from hallmark.models.sizes import DEFAULT_MODEL
from hallmark.outputs.settings import parse_setting
from hallmark.settings import check_least, option

VALIDATIONS = 4  # of a fine-tuning, at least


@dataclass(frozen=True)
class MisuseConfig:
    """One analysis. ValueError where a setting is out of range."""

    sizes: str = option(
        "10,30,100,300,1000,3000,10000", "Documents to fine-tune on; those there are not fall out."
    )
    sampling: str = option("k40", "How texts are drawn: one setting, see docs/outputs.md.")
    samples: int = option(200, "Texts of each fine-tuned model.")
    train: int = option(240, "Texts of the base model that detectors learn from.")
    valid: int = option(160, "Texts of the base model that thresholds are fitted on.")
    length: int = option(128, "Tokens that texts are cut to where all have the same length.")
    most: int = option(320, "Tokens that a text has at most.")
    copied: int = option(20, "Tokens in a row that count as copied.")
    held: int = option(200, "Documents of the position kept for each of judging and comparing.")
    select: int = option(40, "Further documents that choose the best step of a fine-tuning.")
    steps: int = option(200, "Most optimiser steps, but always one pass over the documents.")
    passes: int = option(5, "Most passes over the documents, but always 20 steps.")
    batch_size: int = option(8, "Rows in a step.")
    sequence_length: int = option(256, "Tokens in a row.")
    lr: float = option(1e-3, "Highest learning rate; about 1e-4 for GPT-2's own sizes.")
    lora: int = option(0, "Train adapters of this rank only; 0: all weights.")
    judge: str = option(DEFAULT_MODEL, "The model, not fine-tuned, that reads samples for fluency.")
    seed: int = option(0, "Of training, samples and matched lengths.")

    def __post_init__(self) -> None:
        check_least(self, {
            "samples": 2, "train": 2, "valid": 2, "length": 2, "copied": 1, "held": 10,
            "select": 1, "steps": 1, "passes": 1, "batch_size": 1, "sequence_length": 2,
            "lora": 0, "seed": 0,
        })  # fmt: skip
        if self.most < self.length:
            raise ValueError(f"most must be at least length, {self.length}, not {self.most}")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr must be more than 0, not {self.lr}")
        parse_setting(self.sampling, max_tokens=self.most)
        self.counts  # noqa: B018 (it raises where sizes are none)

    @property
    def counts(self) -> tuple[int, ...]:
        """Numbers of documents, rising."""
        try:
            found = tuple(int(size) for size in self.sizes.split(","))
        except ValueError:
            found = ()
        if not found or list(found) != sorted(set(found)) or found[0] < 1:
            raise ValueError(
                f"sizes must be rising whole numbers such as 10,100,1000, not {self.sizes!r:.60}"
            )
        return found

    def training(self, tokens: int) -> TrainConfig:
        """How to fine-tune on so many tokens."""
        once = math.ceil(tokens / (self.batch_size * self.sequence_length))
        steps = max(once, min(self.steps, max(20, self.passes * once)))
        every = max(1, steps // VALIDATIONS)
        return TrainConfig(
            steps=steps, batch_size=self.batch_size, micro_batch=self.batch_size,
            sequence_length=self.sequence_length, lr=self.lr, warmup=0.05, seed=self.seed,
            valid_every=every, valid_rows=16, save_every=every, keep=1,
        )  # fmt: skip
