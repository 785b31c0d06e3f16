"""`reduce.statistics` on a CPU: a row of logits is read twice and nothing is written but results.

Compiled by numba and kept on disk, because a row of 50,257 float32 operations a step is what
scoring in bf16 spends its time on otherwise. Importing this imports numba.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray
from torch import Tensor

from hallmark.lm.reduce import FAR

_CHUNK = 1024  # logits summed in float32, short enough to lose nothing; the sums are float64
_FLOAT, _INT = ir.FloatType(), ir.IntType(32)
# Sums may be taken in any order and so in vectors; NaN and infinity stay what they are.
_ANY_ORDER = {"reassoc", "contract", "nsz"}
_f = np.float32
_FAR = _f(-FAR)
_LOG2E = _f(1 / math.log(2))
_LN2_HIGH, _LN2_LOW = _f(0.693359375), _f(-2.12194440e-4)  # ln 2 as a short number and the rest


def statistics(logits: Tensor, targets: Tensor) -> list[Tensor]:
    """As `reduce.statistics`: (N, V) float32 or bf16 logits on the CPU and (N, 1) ids to (N,)s.

    Rows are shared out among as many threads as PyTorch uses; none looks at another.
    """
    own = logits.gather(1, targets).squeeze(1).float().numpy()
    raw, out = _in_memory(logits), np.empty((4, len(own)), dtype=np.float32)
    size = logits.shape[1]
    threads = min(torch.get_num_threads(), len(own))
    cuts = [len(own) * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        parts = [slice(*ends) for ends in pairwise(cuts)]
        list(pool.map(lambda part: _rows(raw[part], size, own[part], out[:, part]), parts))
    return [torch.from_numpy(column) for column in out]


def _in_memory(logits: Tensor) -> NDArray[Any]:
    """The rows (N, V or more) as they lie in memory, whatever is between them; bf16 as uint16.

    One whole block, because numba makes vectors of contiguous arrays only.
    """
    rows, width = len(logits), logits.stride(0)
    end = logits.storage_offset() + rows * width
    whole = width >= logits.shape[1] and end * logits.itemsize <= logits.untyped_storage().nbytes()
    if logits.stride(1) != 1 or not whole:
        logits, width = logits.contiguous(), logits.shape[1]
    raw = logits.view(torch.uint16) if logits.dtype == torch.bfloat16 else logits
    return raw.as_strided((rows, width), (width, 1)).numpy()


@intrinsic
def _as_float(typing, number):  # type: ignore[no-untyped-def]
    """A logit as float32: bf16, given as uint16, is the upper half of one."""

    def same(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        return arguments[0]

    def widen(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        word = build.zext(arguments[0], _INT)
        return build.bitcast(build.shl(word, _INT(16)), _FLOAT)

    return types.float32(number), same if number == types.float32 else widen


@intrinsic
def _larger(typing, a, b):  # type: ignore[no-untyped-def]
    """The larger of two float32; NaN where either is."""

    def call(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_FLOAT, [_FLOAT, _FLOAT])
        maximum = build.module.declare_intrinsic("llvm.maximum", [_FLOAT], kind)
        return build.call(maximum, arguments)

    return types.float32(types.float32, types.float32), call


@intrinsic
def _nearest(typing, number):  # type: ignore[no-untyped-def]
    """The whole number (int32) next to a float32 of small magnitude.

    Added to 1.5 x 2^23, a float32 has no bits left for a fraction.
    """

    def add(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        moved = build.fadd(arguments[0], ir.Constant(_FLOAT, 1.5 * 2**23))
        return build.sub(build.bitcast(moved, _INT), _INT(0x4B400000))

    return types.int32(types.float32), add


@intrinsic
def _power_of_two(typing, exponent):  # type: ignore[no-untyped-def]
    """2^exponent in float32, -126 to 127: the exponent's own bits."""

    def shift(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        biased = build.add(arguments[0], _INT(127))
        return build.bitcast(build.shl(biased, _INT(23)), _FLOAT)

    return types.float32(types.int32), shift


@njit(fastmath={"contract"}, inline="always")
def _exponential(x):  # type: ignore[no-untyped-def]
    """e^x for -87 <= x <= 0 to the last bit or the one before (Cephes' expf)."""
    k = _nearest(x * _LOG2E)
    whole = _f(k)
    r = (x - whole * _LN2_HIGH) - whole * _LN2_LOW  # |r| <= ln 2 / 2
    p = _f(1.9875691500e-4)
    p = p * r + _f(1.3981999507e-3)
    p = p * r + _f(8.3334519073e-3)
    p = p * r + _f(4.1665795894e-2)
    p = p * r + _f(1.6666665459e-1)
    p = p * r + _f(5.0000001201e-1)
    return (p * r * r + r + _f(1)) * _power_of_two(k)


@njit(fastmath=_ANY_ORDER, inline="always")
def _largest(row):  # type: ignore[no-untyped-def]
    top = _as_float(row[0])
    for i in range(len(row)):
        top = _larger(top, _as_float(row[i]))
    return top


@njit(fastmath=_ANY_ORDER, inline="always")
def _moments(chunk, top, own, weights):  # type: ignore[no-untyped-def]
    """Of one chunk: logits above `own`, the sum of weights, their mean distance from `top`, and
    first and second moment about that mean; in float32.

    About the chunk's own mean, or the variance would cancel. Counts are float32 too, so that a
    vector holds eight of everything. `weights` is room for as many numbers.
    """
    more, total, sum_below = _f(0), _f(0), _f(0)
    for i in range(len(chunk)):
        logit = _as_float(chunk[i])
        more += _f(1) if logit > own else _f(0)
        below = logit - top
        below = below if below > _FAR else _FAR
        weights[i] = _exponential(below)
        total += weights[i]
        sum_below += weights[i] * below
    mean = sum_below / total
    first, second = _f(0), _f(0)
    for i in range(len(chunk)):
        below = _as_float(chunk[i]) - top
        away = (below if below > _FAR else _FAR) - mean
        first += weights[i] * away
        second += weights[i] * away * away
    return more, total, np.float64(mean), first, second


def _kept(function: Callable[..., None]) -> Callable[..., None]:
    """The function, compiled without Python's lock, and kept on disk where there is a place."""
    try:
        kept: Callable[..., None] = njit(fastmath=_ANY_ORDER, nogil=True, cache=True)(function)
    except RuntimeError:  # a read-only install and no home
        kept = njit(fastmath=_ANY_ORDER, nogil=True)(function)
    return kept


@_kept
def _rows(logits, size, own, out):  # type: ignore[no-untyped-def]
    """Statistics of rows, `size` numbers of each, whose targets have `own` (N,), to (4, N)."""
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
