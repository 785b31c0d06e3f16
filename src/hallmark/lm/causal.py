"""Softmax over causal scores of bf16 on a CPU and its gradient, each in one pass over what a query
may see, in place of the scores.

Compiled by numba; importing this imports it.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from hallmark.lm.compiled import (
    ANY_ORDER,
    Kernel,
    as_float,
    as_kind_of,
    in_memory,
    kept,
    larger,
    share,
    stamp,
    weight,
)

_f = np.float32
_INFINITE, _NAN = _f(math.inf), _f(math.nan)


def softmax_(scores: Tensor) -> Tensor:
    """Replace scores (N, n, K) by weights: query i of n sees the first K - n + 1 + i keys.

    The weights of the others are 0, whatever their scores. Returns the logarithms (N, n), float32,
    of the sums that the weights were divided by. NaN or infinity makes its row NaN.
    """
    sums, count = torch.empty(scores.shape[:2]), scores.shape[1]
    rows, logs = _rows(scores), sums.flatten().numpy()
    replace = _softmax_entry()
    share(len(rows), lambda part: replace(rows[part], logs[part], part.start, count))
    return sums


def softmax_gradient_(scores: Tensor, gradients: Tensor, sums: Tensor) -> None:
    """Replace scores by weights again, and the gradients of weights by those of scores.

    scores, gradients: (N, n, K), bf16. sums: (N, n), what `softmax_` returned for the scores.
    """
    rows, own = _rows(scores), _rows(gradients)
    logs, count = sums.flatten().numpy(), scores.shape[1]
    replace = _gradient_entry()
    share(len(rows), lambda part: replace(rows[part], own[part], logs[part], part.start, count))


def _rows(scores: Tensor) -> NDArray[Any]:
    """(N, n, K) as rows (N * n, K) in the same memory."""
    assert scores.is_contiguous(), "a copy would be changed in its stead"
    assert scores.shape[1] <= scores.shape[2], "a query would see no key"
    return in_memory(scores.flatten(0, 1))


@cache
def _softmax_entry() -> Kernel:
    """`_softmax`, kept on disk."""
    mark = stamp()

    @kept(**ANY_ORDER)
    def replace(rows, logs, first, count):
        _ = mark
        _softmax(rows, logs, first, count)

    return replace


@cache
def _gradient_entry() -> Kernel:
    """`_gradient`, kept on disk."""
    mark = stamp()

    @kept(**ANY_ORDER)
    def replace(rows, gradients, logs, first, count):
        _ = mark
        _gradient(rows, gradients, logs, first, count)

    return replace


@njit(inline="always", **ANY_ORDER)
def _softmax(rows, logs, first, count):
    """Rows (R, K), the first of them query `first % count`, to weights; logs (R,) are written."""
    keys = rows.shape[1]
    weights = np.empty(keys, dtype=np.float32)
    for n in range(len(rows)):
        seen = keys - count + 1 + (first + n) % count
        row = rows[n, :seen]
        top = as_float(row[0])
        for i in range(seen):
            top = larger(top, as_float(row[i]))
        total = _f(0)
        for i in range(seen):
            weights[i] = weight(as_float(row[i]) - top)
            total += weights[i]
        if not -_INFINITE < top < _INFINITE:
            total = _NAN
        factor = _f(1) / total
        for i in range(seen):
            row[i] = as_kind_of(weights[i] * factor, row[i])
        for i in range(seen, keys):
            rows[n, i] = 0
        logs[n] = top + _f(math.log(total))


@njit(inline="always", **ANY_ORDER)
def _gradient(rows, gradients, logs, first, count):
    """Rows (R, K) to weights, and their gradients to those of the rows."""
    keys = rows.shape[1]
    weights = np.empty(keys, dtype=np.float32)
    for n in range(len(rows)):
        seen = keys - count + 1 + (first + n) % count
        row, own, log = rows[n, :seen], gradients[n, :seen], logs[n]
        sound = _f(1) if log < _INFINITE else _NAN
        mean = _f(0)
        for i in range(seen):
            weights[i] = sound * weight(as_float(row[i]) - log)
            row[i] = as_kind_of(weights[i], row[i])
            mean += weights[i] * as_float(own[i])
        for i in range(seen):
            own[i] = as_kind_of(weights[i] * (as_float(own[i]) - mean), own[i])
        for i in range(seen, keys):
            rows[n, i] = 0
            gradients[n, i] = 0
