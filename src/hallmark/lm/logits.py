"""The output head over many rows: one block of logits after another, in one buffer.

Knows the forms in which a head's matrix may be held, and nothing of what logits are for.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import Bf16Matrix, HeldEmbedding, Int4Matrix, Int8Matrix

BLOCK_BYTES = 2**26  # so many rows that a product runs at full speed, and small for the memory
_GPU_BLOCK_BYTES = 2**28  # a GPU wants more rows for that
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
        self.rows = max(1, most // (padded * dtype.itemsize))
        self._buffer = torch.empty(self.rows, padded, dtype=dtype, device=network.device)

    def __call__(self, hidden: Tensor) -> Tensor:
        """Logits (N, V) of states (N, C), N at most `rows`."""
        out = self._buffer[: len(hidden), : self._size]
        for first in range(0, self._size, self._slice):
            last = min(first + self._slice, self._size)
            _product(self._head, hidden, slice(first, last), out[:, first:last])
        return out


def _product(head: nn.Module, hidden: Tensor, part: slice, out: Tensor) -> None:
    """Some of the head's outputs (N, len(part)) of states (N, C), into `out`."""
    weight = head.weight
    assert isinstance(weight, Tensor)
    if isinstance(head, Int8Matrix):
        out.copy_(Int8Matrix(weight[part], head.scale[part], None)(hidden))
    elif isinstance(head, Int4Matrix):
        some = Int4Matrix(weight[part], head.multiplier[part], head.scale[part], None)
        out.copy_(some(hidden))
    else:
        torch.mm(hidden.to(weight.dtype), weight[part].t(), out=out)
