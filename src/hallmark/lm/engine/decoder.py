"""A network with its cache of sequences: tokens in, drawn tokens out, compiled.

Knows slots and positions; which sequence is in which slot, and when it ends, is its caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hallmark.lm.engine.batch import Products, from_rows, step_many
from hallmark.lm.engine.draws import BINS, BLOCK, Draw
from hallmark.lm.engine.entries import entries
from hallmark.lm.engine.state import MAX_ROWS, Rows, make_cache, make_room, weights_of
from hallmark.lm.engine.team import Team
from hallmark.lm.sampling import SamplingParams
from hallmark.models.gpt2 import GPT2


@dataclass(frozen=True)
class Token:
    """A token to read: where it goes, and what to draw after it, if anything.

    params: how to draw; None: as the decoder does. alternatives: how many of the likeliest tokens
    `Decoder.told` should name, None: say nothing of the draw.
    """

    id: int
    slot: int
    place: int
    seed: int = 0
    step: int | None = None  # tokens drawn before the one to draw; None: none is wanted
    params: SamplingParams | None = None
    alternatives: int | None = None


@dataclass(frozen=True)
class Told:
    """What the network thought of a drawn token: its natural log-probability, and the likeliest
    tokens' (id, log-probability), best first; all before penalty, temperature and truncation.
    """

    log_prob: float
    likeliest: tuple[tuple[int, float], ...]


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
        self._many = from_rows(network.precision)
        self._cache = make_cache(network, slots=slots, capacity=capacity)
        self._room = make_room(network, rows=MAX_ROWS, threads=threads)
        self._team = Team(threads, barrier=self._room.barrier)
        self.seen = np.zeros((slots, network.config.vocab_size), dtype=np.bool_)
        self._flags = np.zeros((threads, BLOCK), dtype=np.bool_)
        self._bins = np.zeros((threads, BINS))
        self._draw: Draw | None = None

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
        draw = self._draw = self._settings([tokens[i] for i in wanted])
        rows = Rows(
            _whole([t.id for t in tokens]), _whole([t.slot for t in tokens]),
            _whole([t.place for t in tokens]), _whole(wanted),
        )  # fmt: skip
        self._room.barrier[:] = 0
        state = (self._weights, self._cache, rows, self._room, draw)
        if len(tokens) < self._many:
            self._team.run(entries().step, *state)
        else:
            self._team.run(step_many, self._products, *state)
        chosen: list[int] = draw.chosen.tolist()
        if -1 in chosen:
            raise ValueError("the network's logits are not finite; its weights are damaged")
        return chosen

    def _settings(self, last: Sequence[Token]) -> Draw:
        """How to draw after each of these."""
        each = [token.params or self.params for token in last]
        most = max((token.alternatives or 0 for token in last), default=0)
        return Draw(
            np.array([p.temperature for p in each], dtype=np.float32),
            _whole([p.top_k for p in each]),
            np.array([p.top_p for p in each], dtype=np.float64),
            np.array([p.repetition_penalty for p in each], dtype=np.float32),
            slots=_whole([t.slot for t in last]), seeds=_whole([t.seed for t in last]),
            steps=_whole([t.step or 0 for t in last]), seen=self.seen,
            chosen=np.empty(len(last), dtype=np.int64), flags=self._flags, bins=self._bins,
            wanted=_whole([-1 if t.alternatives is None else t.alternatives for t in last]),
            own=np.empty(len(last)), likely=np.zeros((len(last), most), dtype=np.int64),
            log_probs=np.empty((len(last), most)),
        )  # fmt: skip

    def told(self) -> list[Told | None]:
        """Of each token that the last `read` drew, what its alternatives were, where asked for."""
        draw = self._draw
        assert draw is not None, "something has been read"
        out: list[Told | None] = []
        for row, count in enumerate(draw.wanted.tolist()):
            pairs = zip(draw.likely[row].tolist(), draw.log_probs[row].tolist(), strict=True)
            likeliest = tuple((i, p) for i, p in pairs if p > -np.inf)[: max(0, count)]
            out.append(Told(float(draw.own[row]), likeliest) if count >= 0 else None)
        return out

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
