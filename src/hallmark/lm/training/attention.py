"""Causal attention in bf16, forward and backward, out of batched products and softmax.

For processors that multiply bf16 but have no AMX: PyTorch's own attention there reaches a quarter
of what the same products reach by themselves. Blocks of queries look at the keys before them, so
that scores fit a core's cache and those above the diagonal are mostly not computed. Backward
computes the scores again, so that none are kept.
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
    out: Tensor = _Causal.apply(query, key, value)  # type: ignore[no-untyped-call]
    return out


class _Causal(torch.autograd.Function):
    """Keeps its inputs alone."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        ctx.save_for_backward(query, key, value)
        with torch.autocast("cpu", enabled=False):
            return _forward(query, key, value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        query, key, value = ctx.saved_tensors
        with torch.autocast("cpu", enabled=False):
            return _backward(query, key, value, gradients[0])


def _forward(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    batch, heads, length, width = query.shape
    scaled, mask = query * width**-0.5, _mask(query)
    out = query.new_empty(batch, length, heads, width)  # as the layer after it reads it
    for rows in _groups(query):
        for i in range(0, length, _BLOCK):
            end = min(i + _BLOCK, length)
            weights = _weights(_cut(scaled[rows], i, end), _cut(key[rows], 0, end), i, mask)
            mixed = torch.bmm(weights, _cut(value[rows], 0, end))
            out[rows, i:end] = _apart(mixed, heads)
    return out.transpose(1, 2)


def _backward(query: Tensor, key: Tensor, value: Tensor, gradient: Tensor) -> tuple[Tensor, ...]:
    _, heads, length, width = query.shape
    scale = width**-0.5
    scaled, mask = query * scale, _mask(query)
    found = [torch.empty_like(query.transpose(1, 2)) for _ in range(3)]  # (B, T, n_head, head_dim)
    for rows in _groups(query):
        size = (len(query[rows]) * heads, length, width)
        grad_key, grad_value = torch.zeros(size), torch.zeros(size)
        for i in range(0, length, _BLOCK):
            end = min(i + _BLOCK, length)
            q, g = _cut(scaled[rows], i, end), _cut(gradient[rows], i, end)
            k, v = _cut(key[rows], 0, end), _cut(value[rows], 0, end)
            weights = _weights(q, k, i, mask)
            grad_value[:, :end] += torch.bmm(weights.mT, g)
            scores = torch._softmax_backward_data(torch.bmm(g, v.mT), weights, -1, g.dtype)
            found[0][rows, i:end] = _apart(torch.bmm(scores, k), heads)
            grad_key[:, :end] += torch.bmm(scores.mT, q)
        found[1][rows], found[2][rows] = _apart(grad_key, heads), _apart(grad_value, heads)
    found[0] *= scale
    return tuple(x.transpose(1, 2) for x in found)


def _weights(q: Tensor, k: Tensor, start: int, mask: Tensor) -> Tensor:
    """Of queries (N, n, head_dim) from `start` on over keys (N, start + n, head_dim)."""
    scores = torch.bmm(q, k.mT)
    scores[:, :, start:] += mask[: q.shape[1], : q.shape[1]]
    return torch.softmax(scores, -1)


def _mask(like: Tensor) -> Tensor:
    """What hides the keys after each query of a block, added to its scores."""
    return like.new_full((_BLOCK, _BLOCK), float("-inf")).triu(1)


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
