"""What any causal network says of one text's tokens, window by window and block by block.

For networks that are not our own; `passes.py` reads many texts at once with those that are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hallmark.lm import reduce
from hallmark.lm.windows import windows

_BLOCK_BYTES = 2**26  # of logits that are in memory at once
Columns = list[NDArray[np.float32]]


class Predictor(Protocol):
    """A network: ids (T,) to states (T, C), and some of those to logits (N, vocab_size)."""

    @property
    def n_ctx(self) -> int: ...

    @property
    def vocab_size(self) -> int: ...

    @property
    def device(self) -> torch.device: ...

    def states(self, ids: Tensor) -> Tensor: ...

    def logits(self, states: Tensor) -> Tensor: ...


def columns(predictors: Sequence[Predictor], ids: NDArray[np.int32], *, first: int) -> Columns:
    """One network's statistics, or two networks' cross-entropy, at each of the ids.

    `first` stands before the text; no ids, no columns. Windows are those of
    `score.stream_scores`. ValueError where the networks' numbers are not finite.
    """
    parts = [
        part
        for window in _passes(predictors, ids, first=first)
        for part in _reduced(predictors, *window)
    ]
    found = [torch.cat(column).float().cpu().numpy() for column in zip(*parts, strict=True)]
    if not all(np.isfinite(column).all() for column in found):
        raise ValueError("the network's numbers are not finite; its weights are damaged")
    return found


def _passes(
    predictors: Sequence[Predictor], ids: NDArray[np.int32], *, first: int
) -> Iterator[tuple[list[Tensor], Tensor]]:
    """Each window's states of the scored positions, (N, C) each, and their targets (N,)."""
    all_ids = torch.from_numpy(np.concatenate([[first], ids]).astype(np.int64))
    n_ctx = min(p.n_ctx for p in predictors)
    for window in windows(len(ids), n_ctx=n_ctx, stride=max(1, n_ctx // 2)):
        inputs = all_ids[window.start : window.end]
        scored = slice(window.first - window.start, None)
        states = [p.states(inputs.to(p.device))[scored] for p in predictors]
        yield states, all_ids[window.first + 1 : window.end + 1].to(states[0].device)


def _reduced(
    predictors: Sequence[Predictor], states: Sequence[Tensor], targets: Tensor
) -> Iterable[list[Tensor]]:
    """A block of positions at a time, each with its whole vocabulary."""
    size = min(p.vocab_size for p in predictors)  # beyond a shared vocabulary is padding
    rows = max(1, _BLOCK_BYTES // (4 * size))
    for i in range(0, len(targets), rows):
        logits = [p.logits(s[i : i + rows]) for p, s in zip(predictors, states, strict=True)]
        if len(logits) == 1:
            yield reduce.statistics(logits[0], targets[i : i + rows, None])
        else:
            yield reduce.crossed(*(own[:, :size] for own in logits))
