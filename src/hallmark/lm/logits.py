"""The output head over many rows: one block of logits after another, in one buffer.

Knows the forms in which a head's matrix may be held, and nothing of what logits are for.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import (
    Bf16Matrix,
    HeldEmbedding,
    Int4Matrix,
    Int8Matrix,
    int8_product,
)
from hallmark.models.rounding import unpack

BLOCK_BYTES = 2**26  # so many rows that a product runs at full speed, and small for the memory
_GPU_BLOCK_BYTES = 2**28  # a GPU wants more rows for that
# Compiled products have multiples of so many rows: oneDNN keeps code and memory for every number of
# rows that it has met.
ROW_MULTIPLE = 64
# Outputs in one product: on CPUs a bf16 product of the whole vocabulary takes twice as long.
_SLICE = 4096
_ALIGN = 64  # rows begin at multiples of so many numbers: odd ones slow a bf16 product by half


class LogitBlocks:
    """Logits of up to `rows` hidden states at a time, in bf16 or float32 as the head gives them.

    What a call returns is overwritten by the next one.
    """

    def __init__(self, network: GPT2) -> None:
        wte = network.wte
        self._head: nn.Module = wte.held if isinstance(wte, HeldEmbedding) else wte
        self._size = network.config.vocab_size
        dtype = torch.bfloat16 if isinstance(self._head, Bf16Matrix) else torch.float32
        padded = -(-self._size // _ALIGN) * _ALIGN
        on_cpu = network.device.type == "cpu"
        self._slice = _SLICE if on_cpu else self._size
        most = BLOCK_BYTES if on_cpu else _GPU_BLOCK_BYTES
        fitting = most // (padded * dtype.itemsize)
        self.rows = max(1, fitting // ROW_MULTIPLE) * ROW_MULTIPLE
        self._buffer = torch.empty(self.rows, padded, dtype=dtype, device=network.device)

    def __call__(self, hidden: Tensor, *, compiled: bool = False) -> Tensor:
        """Logits (N, V) of states (N, C), N at most `rows`. compiled: by numba, on a CPU alone."""
        rows = len(hidden)
        hidden = filled_up(hidden) if compiled else hidden
        out = self._buffer[: len(hidden), : self._size]
        if isinstance(self._head, Int8Matrix | Int4Matrix):
            product = _whole_parts(self._head, hidden, out, compiled)
        else:
            product = _float_parts(self._head, hidden, out)
        for first in range(0, self._size, self._slice):
            product(slice(first, min(first + self._slice, self._size)))
        return out[:rows]


def filled_up(x: Tensor) -> Tensor:
    """Rows (N, C) with as many of zeros after them as `ROW_MULTIPLE` asks."""
    missing = -len(x) % ROW_MULTIPLE
    return F.pad(x, (0, 0, 0, missing)) if missing else x


Product = Callable[[slice], None]  # of these outputs of the head


def _float_parts(head: nn.Module, hidden: Tensor, out: Tensor) -> Product:
    weight = head.weight
    assert isinstance(weight, Tensor)
    states = hidden.to(weight.dtype)

    def product(part: slice) -> None:
        torch.mm(states, weight[part].t(), out=out[:, part])

    return product


def _whole_parts(
    head: Int8Matrix | Int4Matrix, hidden: Tensor, out: Tensor, compiled: bool
) -> Product:
    def weight(part: slice) -> Tensor:
        own = head.weight[part]
        return unpack(own, head.multiplier[part]) if isinstance(head, Int4Matrix) else own

    def plain(part: slice) -> None:
        out[:, part] = int8_product(hidden, weight(part), head.scale[part], None)

    if not compiled:
        return plain
    from hallmark.lm import int8

    rows = int8.quantise_rows(hidden.float())

    def fused(part: slice) -> None:
        int8.product_into(out, part.start, rows, weight(part), head.scale[part], None)

    return fused
