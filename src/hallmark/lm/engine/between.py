"""A pass over many rows, without its products: what each thread does between two of them."""

from __future__ import annotations

from numba import njit

from hallmark.lm.engine.bits import address_of, load_float, meet, store_float
from hallmark.lm.engine.forward import attend_all, store_keys_and_values
from hallmark.lm.engine.inputs import INT8, STRICT, round_row
from hallmark.lm.engine.kernels import embed, gelu, normalise


@njit(**STRICT)
def begin(rank, size, weights, rows, room):
    """Embeddings, and the input of the first product."""
    matrix, count = weights.matrices[weights.matrices.shape[0] - 1], room.x.shape[1]
    for row in range(rank, rows.tokens.size, size):
        token, position = rows.tokens[row], weights.positions[rows.places[row]]
        out = room.x[row]
        embed(weights.kind, matrix, weights.token_scales, token, position, count, (0, count), out)
        share_input(weights, room, row, room.x[row], weights.norms[0, :2])
    return meet(address_of(room.barrier), size, 0)


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
def add_up(sums, step, scale, bias, first, add, out):
    """One row of sums (N,) to outputs from `first` on; the arithmetic of `kernels.finish`."""
    at = first * 4
    scales, biases, to = address_of(scale) + at, address_of(bias) + at, address_of(out) + at
    for o in range(sums.size):
        value = sums[o] * step * load_float(scales, o) + load_float(biases, o)
        store_float(to, o, load_float(to, o) + value if add else value)


@njit(**STRICT)
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
            add_up(sums[row], step, scale, bias, first, False, room.qkv[row])
        elif part == 2:
            add_up(sums[row], step, scale, bias, first, False, room.hidden[row])
            gelu(room.hidden[row, first:last])
        else:
            add_up(sums[row], step, scale, bias, first, True, room.x[row])
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


@njit(**STRICT)
def end(rank, size, weights, room, sums, first, times):
    """Logits from the sums of the head."""
    for row in range(sums.shape[0]):
        step, scale, bias = room.shared_steps[row], weights.token_scales, weights.no_bias
        add_up(sums[row], step, scale, bias, first, False, room.logits[row])
    return meet(address_of(room.barrier), size, times)
