"""One forward pass over many rows: PyTorch multiplies, compiled code does all between.

From some rows on, PyTorch's products use units that no loop here reaches (AMX and VNNI for int8,
bf16 tiles). Each thread multiplies its own share of a matrix's outputs, alone, and the threads
meet as in `forward`; whole numbers give the same bits there and here.
"""

from __future__ import annotations

from typing import Any

import torch
from numba import njit
from torch import Tensor
from torch.nn import functional as F

from hallmark.lm.engine.bits import address_of, meet
from hallmark.lm.engine.draws import Draw, draw_all
from hallmark.lm.engine.forward import attend_all, share_of, store_keys_and_values
from hallmark.lm.engine.kernels import INT8, STRICT, embed, finish, gelu, normalise, round_row
from hallmark.lm.engine.state import Cache, Room, Rows, Weights, matrices_of
from hallmark.models.gpt2 import GPT2
from hallmark.models.rounding import unpack

FROM_ROWS = 8  # with fewer rows `forward` is as fast
_UNPACKED = 4096  # outputs of a 4-bit matrix that are unpacked at a time


class Products:
    """The matrices of a network as PyTorch multiplies with them, a share of outputs at a time."""

    def __init__(self, network: GPT2) -> None:
        self.matrices: list[Any] = matrices_of(network)

    def share(self, number: int, first: int, last: int, room: Room, rows: int) -> Tensor:
        """Sums (rows, last - first) of matrix `number`: int32 or, of float matrices, float32."""
        matrix = self.matrices[number]
        weight: Tensor = matrix.weight[first:last]
        if weight.dtype == torch.int8:
            whole = torch.from_numpy(room.bytes)[:rows, : weight.shape[1]]
            return torch._int_mm(whole, weight.t())
        if weight.dtype == torch.uint8:
            whole = torch.from_numpy(room.bytes)[:rows, : 2 * weight.shape[1]]
            blocks = zip(
                weight.split(_UNPACKED), matrix.multiplier[first:last].split(_UNPACKED), strict=True
            )
            return torch.cat([torch._int_mm(whole, unpack(w, m).t()) for w, m in blocks], dim=1)
        plain = torch.from_numpy(room.shared)[:rows, : weight.shape[1]]
        return F.linear(plain.to(weight.dtype), weight).float()


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
        draw_rows(rank, size, room.logits, draw)
    finally:
        if rank == 0:
            torch.set_num_threads(threads)


def _layers(
    rank: int, size: int, products: Products, weights: Weights, cache: Cache, rows: Rows, room: Room
) -> None:
    count, wanted = len(rows.tokens), len(rows.wanted)
    layers, width = len(weights.norms), room.x.shape[1]
    times = begin(rank, size, weights, rows, room, 0)
    for number in range(4 * layers):
        outputs = (3, 1, 4, 1)[number % 4] * width
        first, last = share_of(outputs, rank, size, 16)
        sums = products.share(number, first, last, room, count).numpy()
        times = between(rank, size, weights, cache, rows, room, number, sums, first, times)
    if wanted:
        first, last = share_of(len(weights.token_scales), rank, size, 16)
        sums = products.share(4 * layers, first, last, room, wanted).numpy()
        end(rank, size, weights, room, sums, first, times)


@njit(cache=True, **STRICT)
def begin(rank, size, weights, rows, room, times):
    """Embeddings, and the input of the first product."""
    matrix, count = weights.matrices[weights.matrices.shape[0] - 1], room.x.shape[1]
    for row in range(rank, rows.tokens.size, size):
        token, position = rows.tokens[row], weights.positions[rows.places[row]]
        out = room.x[row]
        embed(weights.kind, matrix, weights.token_scales, token, position, count, (0, count), out)
        share_input(weights, room, row, room.x[row], weights.norms[0, :2])
    return meet(address_of(room.barrier), size, times)


@njit(**STRICT)
def share_input(weights, room, row, x, norm):
    """One row as the input of a product that all threads read, normed first where `norm` is."""
    plain, whole = room.shared[row, : x.size], room.bytes[row, : x.size]
    if norm.shape[0]:
        normalise(x, norm[0], norm[1], weights.epsilon, plain)
    else:
        plain[:] = x
    if weights.kind >= INT8:
        room.shared_steps[row] = round_row(plain, whole)


@njit(**STRICT)
def add_up(weights, sums, step, scale, bias, first, add, out):
    """One row of sums (N,) to outputs from `first` on."""
    at = first * 4
    scales, biases = address_of(scale) + at, address_of(bias) + at
    whole = weights.kind >= INT8
    finish(whole, address_of(sums), step, scales, biases, sums.size, add, address_of(out) + at)


@njit(cache=True, **STRICT)
def between(rank, size, weights, cache, rows, room, number, sums, first, times):
    """From the sums of one product to the input of the next."""
    barrier, count, c = address_of(room.barrier), rows.tokens.size, room.x.shape[1]
    layer, part = number // 4, number % 4
    ends = (0, 3 * c, 4 * c, 8 * c, 9 * c)
    scale = weights.scales[layer, ends[part] : ends[part + 1]]
    bias = weights.biases[layer, ends[part] : ends[part + 1]]
    last = first + sums.shape[1]
    for row in range(count):
        step = room.shared_steps[row]
        if part == 0:
            add_up(weights, sums[row], step, scale, bias, first, False, room.qkv[row])
        elif part == 2:
            add_up(weights, sums[row], step, scale, bias, first, False, room.hidden[row])
            gelu(room.hidden[row, first:last])
        else:
            add_up(weights, sums[row], step, scale, bias, first, True, room.x[row])
    if part == 0:
        store_keys_and_values(cache, rows, layer, room.qkv, (first, last))
    times = meet(barrier, size, times)
    if part == 0:
        attend_all(cache, rows, layer, room, rank, size)
        times = meet(barrier, size, times)
    next_inputs(rank, size, weights, rows, room, layer, part)
    return meet(barrier, size, times)


@njit(**STRICT)
def next_inputs(rank, size, weights, rows, room, layer, part):
    """This thread's share of the rows as the input of the product after `part` of `layer`."""
    none = weights.last_norm[:0]
    if part == 3 and layer + 1 == weights.norms.shape[0]:
        for i in range(rank, rows.wanted.size, size):
            share_input(weights, room, i, room.x[rows.wanted[i]], weights.last_norm)
        return
    for row in range(rank, rows.tokens.size, size):
        if part == 0:
            share_input(weights, room, row, room.attended[row], none)
        elif part == 1:
            share_input(weights, room, row, room.x[row], weights.norms[layer, 2:])
        elif part == 2:
            share_input(weights, room, row, room.hidden[row], none)
        else:
            share_input(weights, room, row, room.x[row], weights.norms[layer + 1, :2])


@njit(cache=True, **STRICT)
def end(rank, size, weights, room, sums, first, times):
    """Logits from the sums of the head."""
    for row in range(sums.shape[0]):
        step, scale, bias = room.shared_steps[row], weights.token_scales, weights.no_bias
        add_up(weights, sums[row], step, scale, bias, first, False, room.logits[row])
    return meet(address_of(room.barrier), size, times)


@njit(cache=True, **STRICT)
def draw_rows(rank, size, logits, draw):
    """The draws, compiled by themselves."""
    draw_all(rank, size, logits, draw)
