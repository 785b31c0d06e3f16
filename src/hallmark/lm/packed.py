"""GPT-2's forward pass over texts laid end to end, so that none is padded to another's length.

All layers but attention look at one position at a time, so texts may share their products;
attention runs over each text alone. `GPT2.forward` is the reference that this is tested against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hallmark.lm.attention import causal_attention, wanted_here
from hallmark.lm.logits import ROW_MULTIPLE, filled_up
from hallmark.models.gpt2 import GPT2, MLP, Attention, Block
from hallmark.models.matrices import Int4Matrix, Int8Matrix

_PLAIN = partial(F.scaled_dot_product_attention, is_causal=True)


def hidden_states(
    network: GPT2, tokens: Tensor, lengths: Sequence[int], *, compiled: bool
) -> Tensor:
    """States after the last norm (N, C) of tokens (N,), texts of `lengths` one after another.

    compiled: use numba where that is faster, on a CPU. No gradients. A length may not be above
    the context's.
    """
    positions = torch.cat([torch.arange(n, device=tokens.device) for n in lengths])  # (N,)
    extra = (0, -len(tokens) % ROW_MULTIPLE if compiled else 0)  # N is as many more from here on
    x = network.wte(F.pad(tokens, extra)) + network.wpe(F.pad(positions, extra))  # (N, C)
    for block in cast(Sequence[Block], network.h):
        x += _attend(block.attn, block.ln_1(x), lengths, compiled=compiled)
        x += _mlp(block.mlp, block.ln_2(x), compiled=compiled)
    out: Tensor = network.ln_f(x[: len(tokens)])
    return out


def _attend(attention: Attention, x: Tensor, lengths: Sequence[int], *, compiled: bool) -> Tensor:
    """(N, C) to (N, C): causal attention of every text to itself, zeros for rows after them."""
    qkv = _product(attention.c_attn, x, compiled=compiled)  # (N, 3 C)
    ours = compiled and qkv.dtype == torch.bfloat16 and wanted_here()
    look: Callable[..., Tensor] = causal_attention if ours else _PLAIN
    mixed = torch.zeros_like(qkv[:, : qkv.shape[1] // 3], memory_format=torch.contiguous_format)
    first = 0
    for n in lengths:
        text = qkv[first : first + n]
        text = filled_up(text) if ours else text  # no position looks at those after it
        parts = text.view(1, len(text), 3, attention.n_head, -1)  # (1, T, 3, n_head, head_dim)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # (1, n_head, T, head_dim) each
        heads = look(q, k, v)[0, :, :n]
        mixed[first : first + n].view(n, attention.n_head, -1).copy_(heads.transpose(0, 1))
        first += n
    return _product(attention.c_proj, mixed, compiled=compiled)


def _mlp(mlp: MLP, x: Tensor, *, compiled: bool) -> Tensor:
    wide = _product(mlp.c_fc, x, compiled=compiled)  # (N, 4 C)
    if compiled:
        from hallmark.lm.gelu import gelu_

        gelu_(wide)
    else:
        wide = F.gelu(wide, approximate="tanh")
    return _product(mlp.c_proj, wide, compiled=compiled)


def _product(layer: nn.Module, x: Tensor, *, compiled: bool) -> Tensor:
    """(N, in) to (N, out), what the layer gives."""
    if compiled and isinstance(layer, Int8Matrix | Int4Matrix):
        from hallmark.lm import int8

        return int8.product(x.float(), layer.whole, layer.scale, layer.bias)
    out: Tensor = layer(x)
    return out
