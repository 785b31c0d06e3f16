"""Causal attention in bf16, for scoring and for training, out of batched products and our softmax.

For processors that multiply bf16 but have no AMX: PyTorch's own attention there reaches a quarter
of what the same products reach by themselves. Blocks of queries look at the keys before them, so
that scores fit a core's cache and those above the diagonal are mostly not computed. Of the scores
only the logarithm of each query's sum is kept; backward computes them again.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

_BLOCK = 128  # queries that share a product
_SCORES = 2**21  # scores at once: 4 MB, in a core's cache or near it


def wanted_here() -> bool:
    """Whether this processor is one on which `causal_attention` is the faster."""
    cpu = torch.cpu
    return bool(cpu._is_avx512_bf16_supported() and not cpu._is_amx_tile_supported())


def causal_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(B, n_head, T, head_dim) each, to the same: every position looks at itself and before.

    Scores and weights are rounded to bf16, sums are float32. What is not bf16 on a CPU goes to
    PyTorch's own.
    """
    if query.dtype != torch.bfloat16 or query.device.type != "cpu":
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)
    if not torch.is_grad_enabled():
        return _forward(query, key, value)[0]
    out: Tensor = _Causal.apply(query, key, value)  # type: ignore[no-untyped-call]
    return out


class _Causal(torch.autograd.Function):
    """Keeps its inputs and a number a query."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            out, sums = _forward(query, key, value)
        ctx.save_for_backward(query, key, value, sums)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        with torch.autocast("cpu", enabled=False):
            query, key, value, sums = ctx.saved_tensors
            return _backward(query, key, value, sums, gradients[0])


def _forward(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """What each position takes from the values, and the logarithms (B, n_head, T) of the sums."""
    from hallmark.lm.causal import softmax_

    batch, heads, length, width = query.shape
    scaled = query * width**-0.5
    out = query.new_empty(batch, length, heads, width)  # as the layer after it reads it
    sums = torch.empty(batch, heads, length)
    for rows in _groups(query):
        for i in range(0, length, _BLOCK):
            end = min(i + _BLOCK, length)
            weights = torch.bmm(_cut(scaled[rows], i, end), _cut(key[rows], 0, end).mT)
            sums[rows, :, i:end] = softmax_(weights).view(-1, heads, end - i)
            mixed = torch.bmm(weights, _cut(value[rows], 0, end))
            out[rows, i:end] = _apart(mixed, heads)
    return out.transpose(1, 2), sums


def _backward(
    query: Tensor, key: Tensor, value: Tensor, sums: Tensor, gradient: Tensor
) -> tuple[Tensor, ...]:
    from hallmark.lm.causal import softmax_gradient_

    _, heads, length, width = query.shape
    scale = width**-0.5
    scaled = query * scale
    found = [torch.empty_like(query.transpose(1, 2)) for _ in range(3)]  # (B, T, n_head, head_dim)
    for rows in _groups(query):
        summed: list[Tensor] = []  # of keys and values, from the last block on, which sees them all
        for i in reversed(range(0, length, _BLOCK)):
            end = min(i + _BLOCK, length)
            q, g = (_cut(x[rows], i, end) for x in (scaled, gradient))
            k, v = (_cut(x[rows], 0, end) for x in (key, value))
            weights, scores = torch.bmm(q, k.mT), torch.bmm(g, v.mT)
            softmax_gradient_(weights, scores, sums[rows, :, i:end].flatten(0, 1))
            found[0][rows, i:end] = _apart(torch.bmm(scores, k), heads)
            own = torch.bmm(scores.mT, q), torch.bmm(weights.mT, g)
            if summed:
                for total, part in zip(summed, own, strict=True):
                    total[:, :end] += part
            else:
                summed = [part.float() for part in own]
        found[1][rows], found[2][rows] = (_apart(total, heads) for total in summed)
    found[0] *= scale
    return tuple(x.transpose(1, 2) for x in found)


def _groups(query: Tensor) -> list[slice]:
    """Rows of the batch that go through together."""
    batch, heads, length, _ = query.shape
    rows = max(1, _SCORES // (heads * _BLOCK * length))
    return [slice(i, i + rows) for i in range(0, batch, rows)]


def _cut(x: Tensor, start: int, end: int) -> Tensor:
    """Positions of (b, n_head, T, head_dim) as one block (b * n_head, end - start, head_dim)."""
    return x[:, :, start:end].contiguous().flatten(0, 1)


def _apart(x: Tensor, heads: int) -> Tensor:
    """(b * n_head, n, head_dim) to (b, n, n_head, head_dim)."""
    return x.view(-1, heads, *x.shape[1:]).transpose(1, 2)
