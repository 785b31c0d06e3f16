"""Matrices held in bf16, int8 or int4: layers that stand in for `nn.Linear` and the embedding.

In every one a row of the result depends on that row of the input alone, whatever is beside it
in the batch: each row of activations has a scale of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hallmark.models.gpt2 import GPT2, TokenEmbedding
from hallmark.models.precision import Precision
from hallmark.models.rounding import (
    GROUP,
    from_rows,
    pack,
    quantise,
    quantise_groups,
    quantise_rows,
    unpack,
)
from hallmark.models.sizes import GPT2Config


class Bf16Matrix(nn.Module):
    """x W' + b with `weight` (out, in) and x rounded to bf16, summed in float32.

    Takes (..., in) of any float type; gives (..., out) in bf16.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", None if bias is None else bias.to(torch.bfloat16))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.to(torch.bfloat16), self.weight, self.bias)


class Int8Matrix(nn.Module):
    """x W' + b with `weight` (out, in) int8, `scale` (out,) float32, and x rounded a row at a time.

    Takes (..., in) of any float type, gives (..., out) in float32. The sums are of whole
    numbers and so exact: no order of adding, and no neighbour in the batch, can change them.
    """

    weight: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)

    @property
    def whole(self) -> Tensor:
        """The weights as whole numbers (out, in), int8."""
        return self.weight

    def forward(self, x: Tensor) -> Tensor:
        return int8_product(x, self.whole, self.scale, self.bias)


class Int4Matrix(nn.Module):
    """Int8Matrix whose weights are 4-bit numbers times a multiplier for each 32 of them.

    `weight` (out, in / 2) uint8 and `multiplier` (out, in / 32) int8 as `rounding.pack` lays
    them out, `scale` (out,) float32. A product unpacks the matrix to int8 first.
    """

    weight: Tensor
    multiplier: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(
        self, weight: Tensor, multiplier: Tensor, scale: Tensor, bias: Tensor | None
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("multiplier", multiplier)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)

    @property
    def whole(self) -> Tensor:
        """The weights times their multipliers (out, in), int8."""
        return unpack(self.weight, self.multiplier)

    def forward(self, x: Tensor) -> Tensor:
        return int8_product(x, self.whole, self.scale, self.bias)


def int8_product(x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
    """(..., in) times an int8 matrix (out, in) with one scale an output, in float32."""
    whole, step = quantise_rows(x.reshape(-1, x.shape[-1]))
    sums = torch._int_mm(whole, weight.t())  # (N, out) int32, exact
    out = torch.mul(sums, step[:, None]).mul_(scale)
    if bias is not None:
        out += bias
    return out.view(*x.shape[:-1], len(weight))


Matrix = Bf16Matrix | Int8Matrix | Int4Matrix


class HeldEmbedding(nn.Module):
    """The token embedding, and the output head that is tied to it, over one such matrix."""

    def __init__(self, held: Matrix) -> None:
        super().__init__()
        self.held = held

    @property
    def weight(self) -> Tensor:
        """The matrix as it is held, (vocab_size, ...)."""
        return self.held.weight

    def forward(self, tokens: Tensor) -> Tensor:
        """Embeddings (..., n_embd) of ids, in float32."""
        held = self.held
        if isinstance(held, Bf16Matrix):
            return held.weight[tokens].float()
        rows = held.weight[tokens]
        if isinstance(held, Int4Matrix):
            rows = unpack(rows, held.multiplier[tokens])
        return from_rows(rows, held.scale[tokens])

    def head(self, hidden: Tensor) -> Tensor:
        """Next-token logits (..., vocab_size), in float32."""
        out: Tensor = self.held(hidden)
        return out.float()


@torch.no_grad()
def hold(weight: Tensor, bias: Tensor | None, precision: Precision) -> Matrix:
    """A float32 matrix (out, in) in `precision`, which is not float32."""
    match precision:
        case Precision.BF16:
            return Bf16Matrix(weight.to(torch.bfloat16), bias)
        case Precision.INT8:
            return Int8Matrix(*quantise(weight), bias)
        case Precision.INT4:
            return Int4Matrix(*pack(*quantise_groups(weight)), bias)
        case _:
            raise ValueError("a matrix in float32 is nn.Linear itself")


def in_precision(network: GPT2, precision: Precision) -> GPT2:
    """Replace the network's matrices by ones in `precision`, in place; returns the network.

    One matrix at a time, so that never more than one is in memory twice. ValueError where the
    network's matrices are not float32 any more, or where int4 does not fit its width.
    """
    if network.precision == precision:
        return network
    if network.precision != Precision.FLOAT32:
        raise ValueError(
            f"this network is in {network.precision} already; load it again for {precision}"
        )
    check_width(network.config, precision)
    parameters = dict(network.named_parameters())
    return fill(
        network, lambda n, bias: hold(parameters.pop(n).detach(), bias, precision), precision
    )


def check_width(config: GPT2Config, precision: Precision) -> None:
    """ValueError where 4-bit groups do not fit a network's width."""
    if precision == Precision.INT4 and config.n_embd % (2 * GROUP):
        raise ValueError(f"int4 needs a width that 64 divides, not {config.n_embd}; use int8")


def fill(
    network: GPT2, matrix: Callable[[str, Tensor | None], Matrix], precision: Precision
) -> GPT2:
    """Put in the place of each matrix what `matrix` makes for its name and bias, in place."""
    for layer, block in enumerate(network.h):
        for part in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"):
            owner, name = part.split(".")
            module = getattr(block, owner)
            bias = getattr(module, name).bias.detach()
            setattr(module, name, matrix(f"h.{layer}.{part}.weight", bias))
    embedding = HeldEmbedding(matrix("wte.weight", None))
    network.wte = cast(TokenEmbedding, embedding)  # does all that a TokenEmbedding does
    network.precision = precision
    return network.eval()


def float_matrix(module: nn.Module) -> Tensor:
    """The float32 matrix (out, in) that a layer, an embedding or one of these stands for."""
    held = module.held if isinstance(module, HeldEmbedding) else module
    if isinstance(held, Int8Matrix):
        return from_rows(held.weight, held.scale)
    if isinstance(held, Int4Matrix):
        return from_rows(held.whole, held.scale)
    if isinstance(held, Bf16Matrix | nn.Linear | TokenEmbedding):
        return held.weight.detach().float()
    raise TypeError(f"{type(module).__name__} holds no matrix")
