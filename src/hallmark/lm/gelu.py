"""GELU with tanh on a CPU, a fifth of the time of PyTorch's: in place for scoring, and for training
with its gradient.

Compiled by numba; importing this imports it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hallmark.lm.compiled import (
    ANY_ORDER,
    Kernel,
    as_float,
    as_kind_of,
    gelu,
    gelu_slope,
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


def differentiable_gelu(x: Tensor) -> Tensor:
    """The GELU of (..., C) bf16 numbers on a CPU, as a step of autograd.

    Others go to PyTorch's own.
    """
    if x.dtype != torch.bfloat16 or x.device.type != "cpu":
        return F.gelu(x, approximate="tanh")
    out: Tensor = _Gelu.apply(x)
    return out


class _Gelu(torch.autograd.Function):
    """Keeps its input alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return gelu_(x.flatten(0, -2).clone(memory_format=torch.contiguous_format)).view(x.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        found = gradients[0].flatten(0, -2).clone(memory_format=torch.contiguous_format)
        rows, scaled, scale = in_memory(x.flatten(0, -2)), in_memory(found), _slope_entry()
        share(len(rows), lambda part: scale(rows[part], scaled[part]))
        return found.view(x.shape)


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


@cache
def _slope_entry() -> Kernel:
    """Rows (N, C) and gradients (N, C), which are multiplied by the slopes at the rows."""
    mark = stamp()

    @kept(**ANY_ORDER)
    def scale(rows, gradients):
        _ = mark
        for n in range(len(rows)):
            row, own = rows[n], gradients[n]
            for i in range(len(row)):
                own[i] = as_kind_of(as_float(own[i]) * gelu_slope(as_float(row[i])), own[i])

    return scale
