"""Rounding of matrices and activations to few bits, and back. Arithmetic alone.

A 4-bit weight is scale x m x q, with one float32 scale an output row, one whole
multiplier m for each `GROUP` weights, 1 <= |m| <= 15, and q from -8 to 7. So m x q fits a
signed byte, and a product with 4-bit weights is one with int8 weights, exact in whole numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor

GROUP = 32
_MOST = 15  # the largest multiplier: -8 * 15 still fits a signed byte
_ROWS = 1024  # so many rows are searched at once, to stay small


def quantise(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """(rows, columns) float32 as int8 in -127..127 and a float32 scale a row.

    The largest magnitude of a row becomes 127, so no entry is off by more than half a scale.
    """
    scale = matrix.abs().amax(dim=1) / 127  # (rows,)
    divisor = torch.where(scale > 0, scale, 1.0)
    whole = (matrix / divisor[:, None]).round().clamp(-127, 127)
    return whole.to(torch.int8), scale


def from_rows(whole: Tensor, scale: Tensor) -> Tensor:
    """The float32 numbers of int8 rows (..., columns) and one scale a row (...)."""
    return whole.to(torch.float32).mul_(scale[..., None])


def quantise_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Activations (N, C) as int8 and a float32 scale a row; no row looks at another.

    Rounds half to even. A row of zeros has scale 0; one with NaN or infinity gets NaN as its
    scale, so that the product says so.
    """
    x = x.float()
    most = x.abs().amax(dim=1)  # (N,)
    factor = torch.where(most > 0, 127 / most, 0.0)
    whole = (x * factor[:, None]).round_().nan_to_num_(0).to(torch.int8)
    return whole, torch.where(most.isfinite(), most / 127, torch.nan)


def quantise_groups(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(rows, columns) float32 as q (rows, columns) int8 in -8..7, multipliers (rows, groups)
    int8 and a scale a row (rows,) float32.

    The number of largest magnitude in the widest group becomes -8 * 15 or -8 * -15. Every other
    group takes, of the multipliers near its own width, the one with the least squared error.
    """
    rows = range(0, len(matrix), _ROWS)
    parts = [_quantise_groups(matrix[first : first + _ROWS]) for first in rows]
    q, multiplier, scale = (torch.cat(some) for some in zip(*parts, strict=True))
    return q, multiplier, scale


def _quantise_groups(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    rows, columns = matrix.shape
    scale = matrix.abs().amax(dim=1) / (8 * _MOST)  # (rows,)
    divisor = torch.where(scale > 0, scale, 1.0)
    groups = (matrix / divisor[:, None]).view(rows, columns // GROUP, GROUP)
    widest = groups.gather(2, groups.abs().argmax(2, keepdim=True))  # (rows, groups, 1), signed
    exact = -widest / 8
    best = torch.full_like(widest, torch.inf)
    q, multiplier = torch.zeros_like(groups), torch.ones_like(widest)
    for coarser in (1, 0, -1, -2):  # below its own width a group's widest number is clipped
        m = exact.sign() * (exact.abs().ceil() + coarser).clamp(1, _MOST)
        m = torch.where(m == 0, 1.0, m)
        tried = (groups / m).round_().clamp_(-8, 7)
        error = (tried * m - groups).square_().sum(2, keepdim=True)
        better = error < best
        best = torch.where(better, error, best)
        multiplier, q = torch.where(better, m, multiplier), torch.where(better, tried, q)
    return q.view(rows, columns).to(torch.int8), multiplier[..., 0].to(torch.int8), scale


def pack(q: Tensor, multiplier: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """4-bit numbers (rows, columns) as bytes (rows, columns / 2); the rest as it is.

    Of each 64 columns the first 32 are the low halves of 32 bytes and the others the high
    halves, as q + 8: a register of bytes splits into two of consecutive columns.
    """
    halves = (q + 8).to(torch.uint8).view(len(q), -1, 2, GROUP)
    return (halves[:, :, 0] | halves[:, :, 1] << 4).reshape(len(q), -1), multiplier, scale


def unpack(packed: Tensor, multiplier: Tensor) -> Tensor:
    """Packed rows (..., columns / 2) and multipliers as int8 (..., columns), multiplied."""
    some = packed.view(*packed.shape[:-1], -1, GROUP)
    q = torch.stack([some & 15, some >> 4], dim=-2).to(torch.int8) - 8  # (..., n, 2, GROUP)
    factors = multiplier.to(torch.int8).view(*multiplier.shape[:-1], -1, 2, 1)
    return (q * factors).flatten(-3)
