"""The two ends of an int8 product on a CPU, each in one pass: rows of activations to whole numbers,
and whole sums back to float32. The same bits as `matrices.int8_product`.

Compiled by numba; importing this imports it.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from hallmark.lm.compiled import ANY_ORDER, Kernel, in_memory, kept, larger, nearest, share, stamp

_f = np.float32
_INFINITE, _NAN, _MOST = _f(math.inf), _f(math.nan), _f(127)
# A product and a sum each rounded by itself, as PyTorch rounds them
_ROUNDED: dict[str, Any] = {"error_model": "numpy", "nogil": True}


def product(x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
    """(N, in) float32 times an int8 matrix (out, in) with one scale an output: (N, out) float32."""
    out = torch.empty(len(x), len(weight))
    product_into(out, 0, quantise_rows(x), weight, scale, bias)
    return out


def product_into(
    out: Tensor,
    first: int,
    rows: tuple[Tensor, Tensor],
    weight: Tensor,
    scale: Tensor,
    bias: Tensor | None,
) -> None:
    """The same of rows that are whole numbers already, into columns `first` on of `out` (N, V)."""
    whole, step = rows
    sums = torch._int_mm(whole, weight.t()).numpy()  # (N, out) int32, exact
    steps, scales, own = step.numpy(), scale.numpy(), in_memory(out)
    assert own.ctypes.data == out.data_ptr(), "a copy would be written in its stead"
    added = np.empty(0, dtype=np.float32) if bias is None else bias.numpy()
    write = _scale_entry()
    share(len(sums), lambda part: write(sums[part], steps[part], scales, added, own[part], first))


def quantise_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """As `rounding.quantise_rows`: (N, C) float32 to int8 and a float32 scale a row."""
    rows = in_memory(x)[:, : x.shape[1]]
    whole, step = np.empty(x.shape, dtype=np.int8), np.empty(len(x), dtype=np.float32)
    write = _quantise_entry()
    share(len(rows), lambda part: write(rows[part], whole[part], step[part]))
    return torch.from_numpy(whole), torch.from_numpy(step)


@njit(inline="always", **ANY_ORDER)
def _widest(row):
    """The largest magnitude; NaN where one is."""
    most = _f(0)
    for i in range(len(row)):
        most = larger(most, abs(row[i]))
    return most


@cache
def _quantise_entry() -> Kernel:
    """Rows (N, C) to whole numbers (N, C) and steps (N,)."""
    mark = stamp()

    @kept(**_ROUNDED)
    def write(rows, whole, steps):
        _ = mark
        for n in range(len(rows)):
            row, own = rows[n], whole[n]
            most = _widest(row)
            if 0 < most < _INFINITE:
                factor = _MOST / most
                for i in range(len(row)):
                    own[i] = nearest(row[i] * factor)
            else:
                own[:] = 0
            steps[n] = most / _MOST if most < _INFINITE else _NAN

    return write


@cache
def _scale_entry() -> Kernel:
    """Sums (N, K), steps (N,), scales (K,) and biases to K columns of rows, from `first`."""
    mark = stamp()

    @kept(**_ROUNDED)
    def write(sums, steps, scales, biases, out, first):
        _ = mark
        for n in range(len(sums)):
            row, own, step = sums[n], out[n, first : first + len(scales)], steps[n]
            if len(biases):
                for i in range(len(row)):
                    own[i] = _f(row[i]) * step * scales[i] + biases[i]
            else:
                for i in range(len(row)):
                    own[i] = _f(row[i]) * step * scales[i]

    return write
