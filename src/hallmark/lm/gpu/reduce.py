"""`reduce.statistics` on a GPU: a block of logits is read three times and never written again.

PyTorch's compiler makes the kernels; where it cannot, the plain operations do the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from hallmark.lm import reduce

Backend = str | Callable[..., Callable[..., object]]
_log = logging.getLogger(__name__)


class Statistics:
    """As `reduce.statistics`, compiled for as long as that works.

    backend: of `torch.compile`.
    """

    def __init__(self, backend: Backend = "inductor") -> None:
        # Dynamic: the last block of every batch has rows of another number.
        self._compiled: Callable[..., list[Tensor]] | None = torch.compile(
            _statistics, dynamic=True, fullgraph=True, backend=backend
        )

    def __call__(self, logits: Tensor, targets: Tensor) -> list[Tensor]:
        """(N, V) logits and (N, 1) ids to log-probability, rank, entropy, variance, (N,) each."""
        if self._compiled is not None:
            try:
                return self._compiled(logits, targets)
            except RuntimeError as error:  # no C compiler for Triton, say, or an old card
                reason = " ".join(str(error).split())[:200]
                _log.warning("hallmark: slower, for scoring could not be compiled: %s", reason)
                self._compiled = None
        return reduce.statistics(logits, targets)


def _statistics(logits: Tensor, targets: Tensor) -> list[Tensor]:
    """Of all rows at once, with sums of products, which fuse, in place of dot products."""
    own = logits.float()
    wanted = own.gather(1, targets)
    top = own.amax(1, keepdim=True)
    rank = 1 + (own > wanted).sum(1, dtype=torch.int32)
    below = own - top
    weight = below.exp()
    total = weight.sum(1)
    below = below.clamp(min=-reduce.FAR)  # 0 times minus infinity is no number
    mean = (weight * below).sum(1) / total
    centred = below - mean[:, None]
    variance = (weight * centred * centred).sum(1) / total
    log_total = total.log()
    return [(wanted - top).squeeze(1) - log_total, rank.float(), log_total - mean, variance]


@cache
def shared() -> Statistics:
    """The one that scoring uses, so that it is compiled once a process."""
    return Statistics()
