"""One forward pass over many rows: PyTorch multiplies, compiled code does all between.

From some rows on, PyTorch's products use units that no loop here reaches (AMX for int8, bf16
tiles). Each thread multiplies its own share of a matrix's outputs, alone, and the threads
meet as in `forward`; whole numbers give the same bits there and here.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hallmark.lm.engine.draws import Draw
from hallmark.lm.engine.entries import entries
from hallmark.lm.engine.forward import share_of
from hallmark.lm.engine.state import MAX_ROWS, Cache, Room, Rows, Weights, matrices_of
from hallmark.lm.engine.tiles import BYTE_DOTS
from hallmark.models.gpt2 import GPT2
from hallmark.models.precision import SMALL, Precision
from hallmark.models.rounding import unpack

FROM_ROWS = 8  # with fewer rows `forward` is as fast
_MANY = 64  # rows that weights are put into order for; fewer lose little
_PASSES = 3  # after so many the weights are packed, which costs as much as some passes
_UNPACKED = 4096  # outputs of a 4-bit matrix that are unpacked at a time
_SLOWER = 50  # times as slow as the plain product: oneDNN has no kernel for this processor


def from_rows(precision: str) -> int:
    """Rows from which a pass is faster so; more than there may be where it never is.

    It never is for whole numbers with VNNI and without AMX, as measured on an AMD EPYC.
    """
    whole = precision in (Precision.INT8, Precision.INT4)
    never = whole and BYTE_DOTS and not torch.cpu._is_amx_tile_supported()
    return MAX_ROWS + 1 if never else FROM_ROWS


class Products:
    """The matrices of a network as PyTorch multiplies with them, a share of outputs at a time."""

    def __init__(self, network: GPT2) -> None:
        self.matrices: list[Any] = matrices_of(network)
        self.passes = 0
        self._packed: dict[tuple[int, int], Tensor] = {}
        # A float32 product of few rows spends most of its time on bringing the weights into order.
        small = network.config.parameters < SMALL
        self.doubles = small and torch.backends.mkldnn.is_available()

    def share(self, number: int, first: int, last: int, room: Room, rows: int) -> Tensor:
        """Sums (rows, last - first) of matrix `number`, in float32."""
        if first == last:  # more threads than shares
            return torch.zeros(rows, 0)
        matrix = self.matrices[number]
        weight: Tensor = matrix.weight[first:last]
        if weight.dtype in (torch.float32, torch.bfloat16):
            plain = torch.from_numpy(room.shared)[:rows, : weight.shape[1]]
            if self.doubles and weight.dtype == torch.float32 and self.passes >= _PASSES:
                return self._doubled(number, first, weight, plain)
            return F.linear(plain.to(weight.dtype), weight).float()
        columns = weight.shape[1] * (2 if weight.dtype == torch.uint8 else 1)
        whole = torch.from_numpy(room.bytes)[:rows, :columns]
        if self.passes < _PASSES or not packing_pays():
            return torch._int_mm(whole, _bytes(matrix, first, last).t()).float()
        if (number, first) not in self._packed:
            packed = torch.ops.onednn.qlinear_prepack(_bytes(matrix, first, last), None)
            self._packed[number, first] = packed
        return _packed_product(whole, self._packed[number, first], last - first)

    def _doubled(self, number: int, first: int, weight: Tensor, plain: Tensor) -> Tensor:
        """The product in float32, with a second copy of the weights in oneDNN's order."""
        if (number, first) not in self._packed:
            packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _MANY)
            self._packed[number, first] = packed
        call = torch.ops.mkldnn._linear_pointwise
        out: Tensor = call(plain, self._packed[number, first], None, "none", [], "")
        return out


def _bytes(matrix: Any, first: int, last: int) -> Tensor:
    """Rows of an int8 matrix, or of a 4-bit one unpacked."""
    weight: Tensor = matrix.weight[first:last]
    if weight.dtype == torch.int8:
        return weight
    multiplier = matrix.multiplier[first:last]
    blocks = zip(weight.split(_UNPACKED), multiplier.split(_UNPACKED), strict=True)
    return torch.cat([unpack(w, m) for w, m in blocks])


@functools.cache
def packing_pays() -> bool:
    """Whether oneDNN has a fast int8 product here: on some processors it takes a thousand times as
    long as PyTorch's plain one. Measured once, in milliseconds.
    """
    if not torch.backends.mkldnn.is_available():
        return False
    weight = torch.ones(64, 64, dtype=torch.int8)
    whole = weight[:16]
    packed = torch.ops.onednn.qlinear_prepack(weight, None)
    ours = _shortest(lambda: _packed_product(whole, packed, len(weight)))
    return ours < _SLOWER * _shortest(lambda: torch._int_mm(whole, weight.t()))


def _shortest(call: Callable[[], Tensor]) -> float:
    """Seconds of the shortest of three calls."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def _packed_product(whole: Tensor, packed: Tensor, outputs: int) -> Tensor:
    """Exact sums, as float32, with weights in the order that oneDNN's int8 product wants.

    All scales are 1 and there are no offsets: rows have scales of their own, applied after.
    """
    ones, zeros = torch.ones(outputs), torch.zeros(outputs, dtype=torch.int32)
    out: Tensor = torch.ops.onednn.qlinear_pointwise(
        whole, 1.0, 0, packed, ones, zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )
    return out


def step_many(
    rank: int,
    size: int,
    products: Products,
    weights: Weights,
    cache: Cache,
    rows: Rows,
    room: Room,
    draw: Draw,
) -> None:
    """What `step.step` does, for many rows; every thread of a team calls it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # of this thread alone
    try:
        with torch.inference_mode():
            _layers(rank, size, products, weights, cache, rows, room)
        entries().draw(rank, size, room.logits, draw)
    finally:
        if rank == 0:
            products.passes += 1
            torch.set_num_threads(threads)


def _layers(
    rank: int, size: int, products: Products, weights: Weights, cache: Cache, rows: Rows, room: Room
) -> None:
    count, wanted = len(rows.tokens), len(rows.wanted)
    layers, width = len(weights.norms), room.x.shape[1]
    call = entries()
    times = call.begin(rank, size, weights, rows, room)
    for number in range(4 * layers):
        outputs = (3, 1, 4, 1)[number % 4] * width
        first, last = share_of(outputs, rank, size, 16)
        sums = products.share(number, first, last, room, count).numpy()
        times = call.between(rank, size, weights, cache, rows, room, number, sums, first, times)
    if wanted:
        first, last = share_of(len(weights.token_scales), rank, size, 16)
        sums = products.share(4 * layers, first, last, room, wanted).numpy()
        call.end(rank, size, weights, room, sums, first, times)
