"""A tiny run, as functions for tests and as a program: `program.py FOLDER [single|ddp|fsdp]`.

Prints one line an event, so that a test can choose the moment at which to kill it.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hallmark.lm.training.loop import TrainData, train
from hallmark.lm.training.order import Rows
from hallmark.lm.training.parallel import open_world
from hallmark.lm.training.settings import TrainConfig
from hallmark.lm.training.state import Event
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config

SHAPE = GPT2Config(n_layer=2, n_head=2, n_embd=16, n_ctx=8, vocab_size=50)
CONFIG = TrainConfig(
    steps=12, batch_size=4, micro_batch=2, sequence_length=8, valid_every=4, save_every=5,
    lr=1e-2, precision="float32",
)  # fmt: skip


@dataclass
class ArrayStream:
    """A stream that is an array in memory."""

    ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, start: int, length: int) -> NDArray[np.int64]:
        return self.ids[start : start + length]


def make_network(*, seed: int = 0) -> GPT2:
    network = GPT2(SHAPE)
    network.initialise(torch.Generator().manual_seed(seed))
    return network


def make_rows(config: TrainConfig = CONFIG, *, rows: int = 40, seed: int = 0) -> Rows:
    """Tokens that follow one another in a way that can be learnt."""
    steps = np.random.default_rng(seed).integers(1, 3, rows * config.sequence_length + 1)
    return Rows(ArrayStream(np.cumsum(steps) % 50), config)


def make_data(config: TrainConfig = CONFIG) -> TrainData:
    lengths = np.array([1] * 49 + [0])
    return TrainData(make_rows(config), make_rows(config, rows=6, seed=1), lengths)


def identity(config: TrainConfig = CONFIG) -> dict[str, object]:
    return {"train": dataclasses.asdict(config), "corpus": "abc"}


def tell(event: Event) -> None:
    print(event.kind, event.step, flush=True)


def main() -> None:
    torch.set_num_threads(1)
    folder, mode, changes = Path(sys.argv[1]), sys.argv[2], dict(a.split("=") for a in sys.argv[3:])
    config = dataclasses.replace(CONFIG, **{k: int(v) for k, v in changes.items()})
    parallel = "auto" if mode == "single" else mode
    with open_world(parallel, device="cpu", environment=os.environ) as world:
        train(
            make_network(), make_data(config), config, folder=folder, identity=identity(config),
            world=world, on_event=tell,
        )  # fmt: skip
    if world.size > 1:
        os._exit(0)  # as `hallmark` does, and for its reason


if __name__ == "__main__":
    main()
