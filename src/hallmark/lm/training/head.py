"""Cross-entropy of the tied output head, forward and backward in one pass over the tokens.

The logits of a chunk of tokens are computed, turned into their own gradient in place, and used
at once for the gradients of hidden states and weight, so that logits of all tokens never exist
together and nothing is computed twice. Sums are float32 whatever the products are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_CHUNK = 2**27  # logits in a chunk: 256 MB in bf16
_ALIGNED = 64  # words
_CACHE = 2**18  # logits that a softmax on the CPU works on: 1 MB in float32, in a core's cache


class _HeadLoss(torch.autograd.Function):
    """Sum of cross-entropies; its inputs' gradients are ready when forward ends."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, scale: float, dtype: torch.dtype
    ) -> Tensor:
        wants_hidden, wants_weight = ctx.needs_input_grad[:2]
        source, table = hidden.to(dtype), _padded(weight, dtype)  # (N, C), (V or more, C)
        size = len(weight)
        chunks = -(-len(hidden) * len(weight) // _CHUNK)
        rows = -(-len(hidden) // chunks)
        room = source.new_empty(min(rows, len(hidden)), len(table))
        total = torch.zeros((), device=hidden.device)
        grad_hidden = torch.empty_like(hidden) if wants_hidden else None
        grad_weight: Tensor | None = None
        for i in range(0, len(hidden), rows):
            part = slice(i, i + rows)
            # (rows, V or more), from here on their own gradient; 0 in what is more than V
            logits = torch.mm(source[part], table.t(), out=room[: len(source[part])])
            total += _softmax_gradient(logits[:, :size], targets[part], scale=scale)
            if grad_hidden is not None:
                grad_hidden[part] = logits @ table
            if wants_weight:
                own = (logits.t() @ source[part])[:size]
                if grad_weight is None:
                    grad_weight = own if own.dtype == weight.dtype else own.to(weight.dtype)
                else:
                    grad_weight += own
        ctx.gradients = grad_hidden, grad_weight
        return total * scale

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        found = ctx.gradients
        ctx.gradients = None
        if found is None:
            raise RuntimeError("the head's loss was differentiated twice")
        scaled = (g if g is None else g.mul_(gradients[0]) for g in found)
        return (*scaled, None, None, None)


def _padded(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """The table in `dtype`; where that copies it, with rows of zeros up to a multiple of 64.

    Products over 50,257 words take a sixth longer than over 50,304.
    """
    if weight.dtype == dtype:
        return weight
    table = weight.new_zeros(-(-len(weight) // _ALIGNED) * _ALIGNED, weight.shape[1], dtype=dtype)
    table[: len(weight)] = weight
    return table


def _softmax_gradient(logits: Tensor, targets: Tensor, *, scale: float) -> Tensor:
    """Replace logits (N, V) by scale * (softmax - one-hot); return the summed cross-entropy."""
    if logits.dtype == torch.bfloat16 and logits.device.type == "cpu":
        from hallmark.lm import fused

        return fused.softmax_gradient(logits, targets, scale=scale)
    rows = max(1, _CACHE // logits.shape[1]) if logits.device.type == "cpu" else len(logits)
    total = torch.zeros((), device=logits.device)
    for i in range(0, len(logits), rows):
        part, wanted = logits[i : i + rows], targets[i : i + rows, None]
        work = part.float() if part.dtype != torch.float32 else part
        work -= work.amax(1, keepdim=True)
        own = work.gather(1, wanted)
        sums = work.exp_().sum(1, keepdim=True)
        total += (sums.log() - own).sum()
        work *= scale / sums
        work.scatter_add_(1, wanted, torch.full_like(own, -scale))
        if work is not part:
            part.copy_(work)
    return total


def head_loss(
    hidden: Tensor, weight: Tensor, targets: Tensor, *, scale: float, dtype: torch.dtype
) -> Tensor:
    """`scale` times the summed cross-entropy, in nats, of next-token predictions.

    hidden: (N, C) final states. weight: (V, C), the token embedding. targets: (N,) ids. Products
    are computed in `dtype`. The result can be differentiated once.
    """
    loss: Tensor = _HeadLoss.apply(hidden, weight, targets, scale, dtype)  # type: ignore[no-untyped-call]
    return loss


@torch.no_grad()
def token_losses(hidden: Tensor, weight: Tensor, targets: Tensor, *, dtype: torch.dtype) -> Tensor:
    """Cross-entropy of each token (N,) in nats, without gradients; arguments as in `head_loss`."""
    table = weight.to(dtype)
    rows = max(1, _CHUNK // (4 * len(weight)))
    found = []
    for i in range(0, len(hidden), rows):
        logits = (hidden[i : i + rows].to(dtype) @ table.t()).float()
        below = logits - logits.amax(1, keepdim=True)
        own = below.gather(1, targets[i : i + rows, None])[:, 0]
        found.append(below.exp_().sum(1).log() - own)
    return torch.cat(found)
