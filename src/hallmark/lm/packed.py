"""GPT-2's forward pass over texts laid end to end, so that none is padded to another's length.

All layers but attention look at one position at a time, so texts may share their products;
attention runs over each text alone. `GPT2.forward` is the reference that this is tested against.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from hallmark.models.gpt2 import GPT2, MLP, Attention, Block


def hidden_states(
    network: GPT2, tokens: Tensor, lengths: Sequence[int], *, compiled: bool
) -> Tensor:
    """States after the last norm (N, C) of tokens (N,), texts of `lengths` one after another.

    compiled: use numba where that is faster, on a CPU. No gradients. A length may not be above
    the context's.
    """
    positions = torch.cat([torch.arange(n, device=tokens.device) for n in lengths])  # (N,)
    x = network.wte(tokens) + network.wpe(positions)  # (N, C)
    for block in cast(Sequence[Block], network.h):
        x += _attend(block.attn, block.ln_1(x), lengths)
        x += _mlp(block.mlp, block.ln_2(x), compiled=compiled)
    out: Tensor = network.ln_f(x)
    return out


def _attend(attention: Attention, x: Tensor, lengths: Sequence[int]) -> Tensor:
    """(N, C) to (N, C): causal attention of every text to itself."""
    qkv = attention.c_attn(x)  # (N, 3 C)
    mixed = torch.empty_like(qkv[:, : qkv.shape[1] // 3], memory_format=torch.contiguous_format)
    texts = zip(torch.split(qkv, [*lengths]), torch.split(mixed, [*lengths]), strict=True)
    for own, out in texts:
        parts = own.view(1, len(own), 3, attention.n_head, -1)  # (1, T, 3, n_head, head_dim)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # (1, n_head, T, head_dim) each
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        out.view(len(own), attention.n_head, -1).copy_(heads[0].transpose(0, 1))
    joined: Tensor = attention.c_proj(mixed)
    return joined


def _mlp(mlp: MLP, x: Tensor, *, compiled: bool) -> Tensor:
    wide = mlp.c_fc(x)  # (N, 4 C)
    if compiled:
        from hallmark.lm.gelu import gelu_

        gelu_(wide)
    else:
        wide = F.gelu(wide, approximate="tanh")
    out: Tensor = mlp.c_proj(wide)
    return out
