"""A tiny run, as functions for tests and as a program: `program.py FOLDER`.

Prints one line an event, so that a test can choose the moment at which to kill it.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import torch

from hallmark.detect.encoders.crops import Crops
from hallmark.detect.encoders.network import SMALL, Transformer, build
from hallmark.detect.encoders.settings import EncoderConfig
from hallmark.detect.encoders.training import TrainData, train
from hallmark.detect.encoders.validation import hold
from hallmark.detect.encoders.vocabulary import Specials
from hallmark.lm.training.state import Event

VOCABULARY = 60
CONFIG = EncoderConfig(
    max_length=24, min_length=4, batch_size=8, micro_batch=3, epochs=3, lr=3e-3, save_every=4,
    patience=0, precision="float32",
)  # fmt: skip


def make_network(dropout: float) -> Transformer:
    shape = {
        "vocab_size": VOCABULARY, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 40,
        "hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout,
    }  # fmt: skip
    network = build(Transformer.kind, SMALL | shape)
    assert isinstance(network, Transformer)
    return network


def make_texts(count: int, *, seed: int) -> tuple[list[np.ndarray], list[int], list[str]]:
    """Ids in which synthetic texts prefer even numbers; human ones are of two sources."""
    rng = np.random.default_rng(seed)
    ids, labels, sources = [], [], []
    for i in range(count):
        label = i % 2
        own = rng.integers(4, VOCABULARY, int(rng.integers(6, 40)))
        even = rng.random(len(own)) < 0.8 * label
        ids.append(np.where(even, own // 2 * 2, own).astype(np.int32))
        labels.append(label)
        sources.append("model" if label else f"people-{i % 4 // 2}")
    return ids, labels, sources


def make_data(config: EncoderConfig = CONFIG) -> TrainData:
    crops = Crops(*make_texts(32, seed=0), config, hidden=3)
    ids, labels, _ = make_texts(12, seed=1)
    return TrainData(crops, hold(ids, labels, most=config.max_length), Specials((0,), (2,), 1, 3))


def identity(config: EncoderConfig = CONFIG) -> dict[str, object]:
    return {"config": dataclasses.asdict(config)}


def tell(event: Event) -> None:
    print(event.kind, event.step, flush=True)


def main() -> None:
    torch.set_num_threads(1)
    train(
        make_network(0.1), make_data(), CONFIG, folder=Path(sys.argv[1]), identity=identity(),
        rate_of="scratch", on_event=tell,
    )  # fmt: skip


if __name__ == "__main__":
    main()
