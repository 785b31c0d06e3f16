"""Which rows of the token stream make up a step: a function of seed, step and rank alone.

So a run can go on at any step without having read what came before, networks of all sizes see
the same tokens in the same order, and the number of processes does not change what a step holds.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hallmark.lm.training.settings import TrainConfig


class Stream(Protocol):
    """A long array of token ids: `corpus.shards.TokenStream`, or a test's own."""

    def __len__(self) -> int: ...

    def read(self, start: int, length: int) -> NDArray[np.int64]:
        """Ids `start` to `start + length`."""
        ...


class Rows:
    """The stream cut into rows of sequence_length + 1 ids, each overlapping the next by one."""

    def __init__(self, stream: Stream, config: TrainConfig, *, what: str = "the training text"):
        self._stream, self._length, self._seed = stream, config.sequence_length, config.seed
        self.count = max(0, len(stream) - 1) // self._length
        if not self.count:
            fits = longest_row(len(stream))
            way_out = f"give more text or --sequence-length {fits}" if fits else "give more text"
            raise ValueError(
                f"{what} has {len(stream)} tokens, fewer than one row of "
                f"{self._length + 1}; {way_out}"
            )
        self._epoch = -1
        self._order: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def read(self, numbers: NDArray[np.int64]) -> Tensor:
        """Rows by their number in the stream, (len(numbers), sequence_length + 1) ids."""
        rows = [self._stream.read(int(n) * self._length, self._length + 1) for n in numbers]
        return torch.from_numpy(np.stack(rows))

    def shuffled(self, first: int, count: int) -> Tensor:
        """Rows `first` to `first + count` of the endless shuffled order, each once an epoch."""
        return self.read(np.array([self._number(i) for i in range(first, first + count)]))

    def _number(self, place: int) -> int:
        epoch, within = divmod(place, self.count)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = np.random.default_rng([self._seed, epoch]).permutation(self.count)
        return int(self._order[within])


def longest_row(tokens: int, *, rows: int = 1) -> int:
    """The power of two that is the longest row of which `tokens` hold `rows`; 0 where none is."""
    length = max(0, tokens - 1) // rows
    return 1 << (length.bit_length() - 1) if length else 0


def micro_batches(
    rows: Rows, config: TrainConfig, *, step: int, rank: int, world: int
) -> list[Tensor]:
    """This rank's share of the step's batch, in micro-batches (B, T + 1)."""
    own = share(config, world)
    first = step * config.batch_size + rank * own
    size = min(config.micro_batch, own)
    return [
        rows.shuffled(first + i, min(size, own - i)) for i in range(0, own, size)
    ]  # the last may be smaller


def share(config: TrainConfig, world: int) -> int:
    """Rows of a step that each of `world` processes has; ValueError where they do not come out."""
    if config.batch_size % world:
        raise ValueError(
            f"batch_size {config.batch_size} cannot be shared by {world} processes; "
            f"give a multiple of {world}"
        )
    return config.batch_size // world
