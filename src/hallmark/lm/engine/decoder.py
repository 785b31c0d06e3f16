"""A network with its cache of sequences: tokens in, drawn tokens out, compiled.

Knows slots and positions; which sequence is in which slot, and when it ends, is its caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hallmark.lm.engine.batch import FROM_ROWS, Products, step_many
from hallmark.lm.engine.draws import BINS, BLOCK, Draw
from hallmark.lm.engine.entries import entries
from hallmark.lm.engine.state import Rows, make_cache, make_room, weights_of
from hallmark.lm.engine.team import Team
from hallmark.lm.sampling import SamplingParams
from hallmark.models.gpt2 import GPT2

MAX_ROWS = 64


@dataclass(frozen=True)
class Token:
    """A token to read: where it goes, and what to draw after it, if anything."""

    id: int
    slot: int
    place: int
    seed: int = 0
    step: int | None = None  # tokens drawn before the one to draw; None: none is wanted


class Decoder:
    """`slots` sequences of up to `capacity` tokens over one network, which must not change.

    threads: by default as many as PyTorch uses. Close it, or use it in a `with` statement.
    """

    def __init__(
        self,
        network: GPT2,
        params: SamplingParams,
        *,
        slots: int,
        capacity: int,
        threads: int | None = None,
    ) -> None:
        self.network, self.params, self.slots = network, params, slots
        threads = threads or torch.get_num_threads()
        self._weights, self._products = weights_of(network), Products(network)
        self._cache = make_cache(network, slots=slots, capacity=capacity)
        self._room = make_room(network, rows=MAX_ROWS, threads=threads)
        self._team = Team(threads, barrier=self._room.barrier)
        marked = slots if params.repetition_penalty != 1 else 1
        self.seen = np.zeros((marked, network.config.vocab_size), dtype=np.bool_)
        self._flags = np.zeros((threads, BLOCK), dtype=np.bool_)
        self._bins = np.zeros((threads, BINS))

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the other threads."""
        self._team.close()

    def read(self, tokens: Sequence[Token]) -> list[int]:
        """Read up to MAX_ROWS tokens; the ids drawn after those that want one, in order.

        A sequence's tokens come in the order of their places, and every place before is filled.
        ValueError where logits are not finite.
        """
        wanted = [i for i, token in enumerate(tokens) if token.step is not None]
        last = [tokens[i] for i in wanted]
        p = self.params
        draw = Draw(
            np.float32(p.temperature), p.top_k, float(p.top_p), np.float32(p.repetition_penalty),
            slots=_whole([t.slot for t in last]), seeds=_whole([t.seed for t in last]),
            steps=_whole([t.step or 0 for t in last]), seen=self.seen,
            chosen=np.empty(len(last), dtype=np.int64), flags=self._flags, bins=self._bins,
        )  # fmt: skip
        rows = Rows(
            _whole([t.id for t in tokens]), _whole([t.slot for t in tokens]),
            _whole([t.place for t in tokens]), _whole(wanted),
        )  # fmt: skip
        self._room.barrier[:] = 0
        state = (self._weights, self._cache, rows, self._room, draw)
        if len(tokens) < FROM_ROWS:
            self._team.run(entries().step, *state)
        else:
            self._team.run(step_many, self._products, *state)
        chosen: list[int] = draw.chosen.tolist()
        if -1 in chosen:
            raise ValueError("the network's logits are not finite; its weights are damaged")
        return chosen

    def logits(self, count: int) -> NDArray[np.float32]:
        """The logits (count, V) of the last `read`'s wanted tokens; not greedy, they are changed
        by the draw. A view, which the next `read` writes over.
        """
        return self._room.logits[:count]

    def copy(self, source: int, target: int, *, length: int) -> None:
        """Give slot `target` the first `length` positions of slot `source`."""
        for array in (self._cache.keys, self._cache.values):
            array[target, :, :, :length] = array[source, :, :, :length]


def _whole(values: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)
