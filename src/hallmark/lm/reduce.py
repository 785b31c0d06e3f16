"""What is kept of each row of logits: plain PyTorch, the reference, on any device.

`fused` gives the same statistics in one pass on a CPU and is tested equal to this.
"""

from __future__ import annotations

import torch
from torch import Tensor

FAR = 87.0  # nats below the largest logit; whatever is lower counts as that far: e^-87 is nothing
_BLOCK = 2**22  # logits looked at together: a few copies of so many are in memory at once


def statistics(logits: Tensor, targets: Tensor) -> list[Tensor]:
    """(N, V) logits and (N, 1) ids to log-probability, rank, entropy and variance, (N,) each.

    Logits of any float type; all else is float32. The rank is 1 + the number of logits strictly
    above the target's as they are stored: in bf16 many tie, and ties share the best rank. A
    logit of minus infinity has probability 0 and adds nothing.
    """
    rows = max(1, _BLOCK // logits.shape[1])
    parts = zip(torch.split(logits, rows), torch.split(targets, rows), strict=True)
    found = [_statistics(some.float(), wanted) for some, wanted in parts]
    return [torch.cat(columns) for columns in zip(*found, strict=True)]


def _statistics(own: Tensor, targets: Tensor) -> list[Tensor]:
    rank = 1 + (own > own.gather(1, targets)).sum(1, dtype=torch.int32)
    below, weight, total = _softmax(own)
    log_total = total.log()
    log_prob = below.gather(1, targets).squeeze(1) - log_total
    below.clamp_(min=-FAR)  # 0 times minus infinity is no number
    mean = torch.linalg.vecdot(weight, below) / total
    centred = below.sub_(mean[:, None])  # about the mean first, so that nothing cancels
    variance = torch.linalg.vecdot(weight.mul_(centred), centred) / total
    return [log_prob, rank.float(), log_total - mean, variance]


def crossed(observer: Tensor, performer: Tensor) -> list[Tensor]:
    """(N, V) logits of observer and performer to their cross-entropy, one column (N,)."""
    rows = max(1, _BLOCK // observer.shape[1])
    pairs = zip(torch.split(observer, rows), torch.split(performer, rows), strict=True)
    return [torch.cat([_crossed(one.float(), other.float()) for one, other in pairs])]


def _crossed(observer: Tensor, performer: Tensor) -> Tensor:
    _, weight, total = _softmax(observer)
    below, _, performer_total = _softmax(performer)
    found: Tensor = performer_total.log() - torch.linalg.vecdot(weight, below) / total
    return found


def _softmax(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logits below their row's largest, those exponentiated (N, V), and their sum (N,).

    PyTorch's own log_softmax adds up a row in sequence: with 50,257 terms it is 7e-6 off,
    twenty times more than the pairwise `sum`, and the error goes into every statistic.
    """
    below = logits - logits.amax(1, keepdim=True)
    weight = below.exp()
    return below, weight, weight.sum(1)
