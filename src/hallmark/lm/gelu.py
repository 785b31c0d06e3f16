"""GELU with tanh on a CPU, a fifth of the time of PyTorch's: in place for scoring, and for training
with its gradient.

Compiled by numba; importing this imports it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
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


def gelu_then(x: Tensor, layer: nn.Module) -> Tensor:
    """layer(gelu(x)), of which autograd keeps x alone: GELU is computed again for the gradient.

    x: (..., C). `layer` must not change its input.
    """
    out: Tensor
    if x.dtype != torch.bfloat16 or x.device.type != "cpu":
        out = layer(F.gelu(x, approximate="tanh"))
        return out
    active, source = differentiable_gelu(x), x.detach()
    place, count = active.data_ptr(), active.numel()  # not `active`, which would be kept with them

    def pack(kept: Tensor) -> Tensor | torch.Size:
        same = kept.data_ptr() == place and kept.numel() == count
        return kept.shape if same and kept.is_contiguous() else kept

    def unpack(kept: Tensor | torch.Size) -> Tensor:
        return kept if isinstance(kept, Tensor) else _forward(source).view(kept)

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        out = layer(active)
    return out


class _Gelu(torch.autograd.Function):
    """Keeps its input alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return _forward(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        found = torch.empty(x.shape, dtype=x.dtype)
        rows, own, out = (in_memory(y.flatten(0, -2)) for y in (x, gradients[0], found))
        scale = _slope_entry()
        share(len(rows), lambda part: scale(rows[part], own[part], out[part]))
        return found


def _forward(x: Tensor) -> Tensor:
    """The GELU of (..., C) bf16 numbers."""
    found = torch.empty(x.shape, dtype=x.dtype)
    rows, out = (in_memory(y.flatten(0, -2)) for y in (x, found))
    write = _out_entry()
    share(len(rows), lambda part: write(rows[part], out[part]))
    return found


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
def _out_entry() -> Kernel:
    """From rows (N, C) to others; the two must not overlap, or the loop is slow."""
    mark = stamp()

    @kept(**ANY_ORDER)
    def write(rows, out):
        _ = mark
        for n in range(len(rows)):
            row, own = rows[n], out[n]
            for i in range(len(row)):
                own[i] = as_kind_of(gelu(as_float(row[i])), row[i])

    return write


@cache
def _slope_entry() -> Kernel:
    """Rows (N, C) and gradients (N, C) to the gradients times the slopes at the rows."""
    mark = stamp()

    @kept(**ANY_ORDER)
    def scale(rows, gradients, out):
        _ = mark
        for n in range(len(rows)):
            row, given, own = rows[n], gradients[n], out[n]
            for i in range(len(row)):
                own[i] = as_kind_of(as_float(given[i]) * gelu_slope(as_float(row[i])), given[i])

    return scale
