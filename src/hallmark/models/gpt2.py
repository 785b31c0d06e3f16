"""The GPT-2 network: pre-norm blocks, GELU-tanh, learned positions, tied embeddings.

Knows nothing about text, files or sampling. Parameter names are the published ones
(`wte`, `wpe`, `h.0.attn.c_attn` ...); matrices are stored as `nn.Linear` stores them,
(out, in), and checkpoints transpose.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hallmark.models.precision import Precision
from hallmark.models.sizes import GPT2Config


class Cache(Protocol):
    """What attention asks of a cache: to take the new keys and values, and to give all so far.

    `length`: positions that were filled before this pass; it counts on.
    """

    length: int

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store (B, n_head, T, head_dim); return what attention looks at."""
        ...


class KVCache:
    """Keys and values of every layer for up to `capacity` positions of `batch` sequences.

    `keys` and `values`: (n_layer, B, n_head, capacity, head_dim). `length` positions are
    filled; a forward pass appends its own and returns attention over all of them. Where rows
    are of unequal length, `places` (B,) says where the one new token of each row goes, `length`
    is the largest of them, and the mask hides what lies behind each.
    """

    def __init__(self, config: GPT2Config, *, batch: int, capacity: int, like: Tensor) -> None:
        shape = (
            config.n_layer, batch, config.n_head, capacity, config.n_embd // config.n_head,
        )  # fmt: skip
        self.keys = like.new_zeros(shape)
        self.values = like.new_zeros(shape)
        self.length = 0
        self.places: Tensor | None = None

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store (B, n_head, T, head_dim) after the filled positions; return all so far."""
        end = self.length + key.shape[2]
        if self.places is None:
            self.keys[layer, :, :, self.length : end] = key
            self.values[layer, :, :, self.length : end] = value
        else:
            rows = torch.arange(len(self.places), device=key.device)
            self.keys[layer, rows, :, self.places] = key[:, :, 0]
            self.values[layer, rows, :, self.places] = value[:, :, 0]
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def keep(self, rows: Tensor) -> None:
        """Keep only the sequences in `rows` (indices into the batch), in that order."""
        self.keys = self.keys.index_select(1, rows)
        self.values = self.values.index_select(1, rows)


class Attention(nn.Module):
    """Causal multi-head self-attention.

    `causal`: what to call in PyTorch's place, (B, n_head, T, head_dim) three times to the same,
    where nothing is cached or masked otherwise; training sets it where that is faster.
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd)
        self.causal: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None

    def forward(self, x: Tensor, *, layer: int, cache: Cache | None, mask: Tensor | None) -> Tensor:
        batch, length, width = x.shape
        heads = (batch, length, self.n_head, width // self.n_head)
        q, k, v = (
            part.view(heads).transpose(1, 2) for part in self.c_attn(x).split(width, dim=2)
        )  # (B, n_head, T, head_dim)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        if self.causal is not None and cache is None and mask is None:
            out = self.causal(q, k, v)
        else:
            out = F.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, is_causal=mask is None and length > 1
            )
        joined: Tensor = self.c_proj(out.transpose(1, 2).reshape(batch, length, width))
        return joined


class MLP(nn.Module):
    """Two linear layers around the tanh approximation of GELU.

    `second`: what takes the numbers between them through GELU and the layer that it is given;
    training sets it where that is faster.
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd)
        self.second: Callable[[Tensor, nn.Module], Tensor] = _gelu_then

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.c_fc(x), self.c_proj)


def _gelu_then(x: Tensor, layer: nn.Module) -> Tensor:
    out: Tensor = layer(F.gelu(x, approximate="tanh"))
    return out


class TokenEmbedding(nn.Embedding):
    """Ids to embeddings, and the output head that shares their matrix."""

    def head(self, hidden: Tensor) -> Tensor:
        """Next-token logits (..., vocab_size) of hidden states (..., n_embd)."""
        return F.linear(hidden, self.weight)


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = Attention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, *, layer: int, cache: Cache | None, mask: Tensor | None) -> Tensor:
        x = x + self.attn(self.ln_1(x), layer=layer, cache=cache, mask=mask)
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class GPT2(nn.Module):
    """GPT-2 (Radford et al. 2019). `forward` gives final hidden states; `logits` the head.

    `precision` is that of its matrices; `matrices.in_precision` changes it.
    """

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.config = config
        self.precision = Precision.FLOAT32
        self.wte = TokenEmbedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_ctx, config.n_embd)
        self.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)

    def forward(
        self,
        tokens: Tensor,
        *,
        positions: Tensor | None = None,
        cache: Cache | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Hidden states after the last norm.

        tokens: (B, T) ids. positions: (B, T) or (T,), by default counted on from the cache.
        mask: boolean, True where attention is allowed, or what is added to its scores, in their
        type; broadcastable to (B, n_head, T, cached + T). Causal by default. Returns
        (B, T, n_embd).
        """
        length = tokens.shape[1]
        start = 0 if cache is None else cache.length
        if positions is None:
            if start + length > self.config.n_ctx:
                raise ValueError(
                    f"{start + length} tokens do not fit the context of {self.config.n_ctx}"
                )
            positions = torch.arange(start, start + length, device=tokens.device)
        if mask is None and start and length > 1:
            mask = torch.ones(length, start + length, dtype=torch.bool, device=tokens.device).tril(
                start
            )
        x = self.wte(tokens) + self.wpe(positions)  # (B, T, C)
        for layer, block in enumerate(self.h):
            x = block(x, layer=layer, cache=cache, mask=mask)
        if cache is not None:
            cache.length += length
        out: Tensor = self.ln_f(x)
        return out

    def logits(self, hidden: Tensor) -> Tensor:
        """Next-token logits (..., vocab_size) of hidden states (..., n_embd)."""
        out: Tensor = self.wte.head(hidden)
        return out

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.wpe.weight.device

    def cache(self, *, batch: int, capacity: int) -> KVCache:
        """An empty cache of the type that this network's attention works in."""
        dtype = torch.bfloat16 if self.precision == Precision.BF16 else torch.float32
        like = torch.empty(0, dtype=dtype, device=self.device)
        return KVCache(self.config, batch=batch, capacity=capacity, like=like)

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Fresh weights: normal(0, 0.02), residual projections / sqrt(2 n_layer) (section 2.3)."""
        for name, p in self.named_parameters():
            if name.endswith("bias"):
                p.zero_()
            elif p.ndim == 1:
                p.fill_(1.0)
            else:
                scale = 1 / math.sqrt(2 * self.config.n_layer) if "c_proj" in name else 1.0
                p.copy_(torch.randn(p.shape, generator=generator) * 0.02 * scale)
