"""What is made of rows of logits on a CPU, each read twice: `reduce.statistics`, and in training
the gradient of the cross-entropy, in their place.

Compiled by numba, because a dozen plain operations over 50,257 logits a token are what scoring
in bf16 spends its time on otherwise. Importing this imports numba.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from numba import njit
from torch import Tensor

from hallmark.lm.compiled import (
    ANY_ORDER,
    Kernel,
    as_float,
    as_kind_of,
    exponential,
    in_memory,
    kept,
    larger,
    share,
    stamp,
    weight,
)
from hallmark.lm.reduce import FAR

_CHUNK = 1024  # logits summed in float32, short enough to lose nothing; the sums are float64
_f = np.float32
_FAR = _f(-FAR)


def statistics(logits: Tensor, targets: Tensor) -> list[Tensor]:
    """As `reduce.statistics`: (N, V) float32 or bf16 logits on the CPU and (N, 1) ids to (N,)s.

    No row looks at another.
    """
    own = logits.gather(1, targets).squeeze(1).float().numpy()
    rows, size = in_memory(logits), logits.shape[1]
    out = np.empty((4, len(own)), dtype=np.float32)
    reduce = _entry()
    share(len(own), lambda part: reduce(rows[part], size, own[part], out[:, part]))
    return [torch.from_numpy(column) for column in out]


@njit(inline="always", **ANY_ORDER)
def _largest(row):
    top = as_float(row[0])
    for i in range(len(row)):
        top = larger(top, as_float(row[i]))
    return top


@njit(inline="always", **ANY_ORDER)
def _moments(chunk, top, own, weights):
    """Of one chunk: logits above `own`, the sum of weights, their mean distance from `top`, and
    first and second moment about that mean; in float32.

    About the chunk's own mean, or the variance would cancel. Counts are float32 too, so that a
    vector holds eight of everything. `weights` is room for as many numbers.
    """
    more, total, sum_below = _f(0), _f(0), _f(0)
    for i in range(len(chunk)):
        logit = as_float(chunk[i])
        more += _f(1) if logit > own else _f(0)
        below = logit - top
        below = below if below > _FAR else _FAR
        weights[i] = exponential(below)
        total += weights[i]
        sum_below += weights[i] * below
    mean = sum_below / total
    first, second = _f(0), _f(0)
    for i in range(len(chunk)):
        below = as_float(chunk[i]) - top
        away = (below if below > _FAR else _FAR) - mean
        first += weights[i] * away
        second += weights[i] * away * away
    return more, total, np.float64(mean), first, second


@cache
def _entry() -> Kernel:
    """`_rows`, kept on disk."""
    mark = stamp()

    @kept(**ANY_ORDER)
    def rows(logits, size, own, out):
        _ = mark
        _rows(logits, size, own, out)

    return rows


@njit(inline="always", **ANY_ORDER)
def _rows(logits, size, own, out):
    """Statistics of rows, `size` numbers of each, whose targets have `own` (N,), to (4, N).

    Inlined: LLVM would make other vectors of it as a function of its own, which runs where it was
    just compiled, than inside `rows`, which is what the disk keeps; and the sums' last bits differ.
    """
    weights = np.empty(_CHUNK, dtype=np.float32)
    for n in range(len(logits)):
        row = logits[n, :size]
        top = _largest(row)
        above, total, first, second = 0.0, 0.0, 0.0, 0.0
        for at in range(0, size, _CHUNK):
            more, s0, mean, s1, s2 = _moments(row[at : at + _CHUNK], top, own[n], weights)
            above += more
            total += s0
            first += s1 + mean * s0
            second += s2 + 2.0 * mean * s1 + mean * mean * s0
        centre = first / total
        out[0, n] = own[n] - top - math.log(total)
        out[1, n] = 1 + above
        out[2, n] = math.log(total) - centre
        out[3, n] = max(second / total - centre * centre, 0.0)


def softmax_gradient(logits: Tensor, targets: Tensor, *, scale: float) -> Tensor:
    """Replace logits (N, V) on the CPU by scale * (softmax - one-hot), in float32 but for their
    own rounding; return the summed cross-entropy. targets: (N,) ids.

    Numbers that are not finite make the loss NaN or infinite.
    """
    rows, losses = in_memory(logits), np.empty(len(logits))
    assert rows.ctypes.data == logits.data_ptr(), "a copy would be changed in its stead"
    size, wanted, factor = logits.shape[1], targets.numpy(), np.float32(scale)
    replace = _gradient_entry()
    share(len(losses), lambda part: replace(rows[part], size, wanted[part], factor, losses[part]))
    return torch.tensor(losses.sum(), dtype=torch.float32)


@cache
def _gradient_entry() -> Kernel:
    """`_gradients`, kept on disk."""
    mark = stamp()

    @kept(**ANY_ORDER)
    def replace(logits, size, targets, scale, losses):
        _ = mark
        _gradients(logits, size, targets, scale, losses)

    return replace


@njit(inline="always", **ANY_ORDER)
def _gradients(logits, size, targets, scale, losses):
    """Rows, `size` numbers of each, to their gradients; losses (N,) are written."""
    for n in range(len(logits)):
        row = logits[n, :size]
        top = _largest(row)
        total = 0.0
        for at in range(0, size, _CHUNK):
            chunk = row[at : at + _CHUNK]
            part = _f(0)
            for i in range(len(chunk)):
                part += weight(as_float(chunk[i]) - top)
            total += part
        own = as_float(row[targets[n]]) - top
        losses[n] = math.log(total) - own
        factor = scale / _f(total)
        for i in range(len(row)):
            row[i] = as_kind_of(weight(as_float(row[i]) - top) * factor, row[i])
        likely = weight(own) * factor
        row[targets[n]] = as_kind_of(likely - scale, row[targets[n]])
