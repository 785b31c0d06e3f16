"""The parts of GPT-2's forward pass, a row or a share of the outputs at a time, compiled.

Every row is computed by the same code whatever is beside it, and whole numbers are summed
exactly: with int8 and int4 matrices a text's logits are the same bits alone and in any batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from hallmark.lm.compiled import exponential
from hallmark.lm.compiled import gelu as gelu_of
from hallmark.lm.engine.bits import (
    address_of,
    bits_of_float,
    load_bf16,
    load_byte,
    load_float,
    store_float,
    store_half,
)
from hallmark.lm.engine.inputs import (
    BF16,
    FLOAT32,
    INT4,
    INT8,
    LOOSE,
    STRICT,
    bf16_bits,
    form_of,
)
from hallmark.lm.engine.simd import (
    TILE,
    bf16_row,
    bf16_tile,
    float32_row,
    float32_tile,
    key_dot_bf16,
    key_dot_float32,
    weighted_sum_bf16,
    weighted_sum_float32,
)
from hallmark.lm.engine.state import BLOCK
from hallmark.lm.engine.tiles import (
    int4_row,
    int4_tile,
    int8_row,
    int8_tile,
    unpack_int4,
)

_ZERO, _ONE = np.float32(0), np.float32(1)
_LOWEST = np.float32(-87)


@njit(**LOOSE)
def exp(x):
    """e^x in float32 for x up to 88; below -87 what it is there."""
    return exponential(max(x, _LOWEST))


@njit(**LOOSE)
def normalise(x, weight, bias, epsilon, out):
    """Layer norm of one row (C,)."""
    count = np.float32(x.size)
    total = _ZERO
    for i in range(x.size):
        total += x[i]
    mean = total / count
    total = _ZERO
    for i in range(x.size):
        total += (x[i] - mean) * (x[i] - mean)
    factor = _ONE / np.sqrt(total / count + np.float32(epsilon))
    for i in range(x.size):
        out[i] = (x[i] - mean) * factor * weight[i] + bias[i]


def _each(row: Any, tile: Any) -> Any:
    """Dot products of `count` rows of weights, at least a tile, with one or four rows of inputs."""

    @njit(**STRICT)
    def each(four, w, width, m, groups, x, stride, columns, count, out, pitch):
        if not four:
            for o in range(count):
                v, n, to = w + o * width, m + o * groups, out + o * 4
                row(v, width, n, groups, x, stride, columns, to, pitch)
            return
        for first in range(0, count, TILE):
            o = min(first, count - TILE)  # the last ends with the rows; some are done twice
            v, n, to = w + o * width, m + o * groups, out + o * 4
            tile(v, width, n, groups, x, stride, columns, to, pitch)

    return each


_each_int8, _each_int4 = _each(int8_row, int8_tile), _each(int4_row, int4_tile)
_each_float32, _each_bf16 = _each(float32_row, float32_tile), _each(bf16_row, bf16_tile)


@njit(**STRICT)
def tiles(kind, four, w, width, m, groups, x, stride, columns, count, out, pitch):
    """Dot products of `count` rows of weights of a kind, (1 or 4, count) at `out`.

    w, m, x, out: addresses; width, groups, stride, pitch: bytes from a row of them to the next.
    """
    if kind == INT8:
        _each_int8(four, w, width, m, groups, x, stride, columns, count, out, pitch)
    elif kind == INT4:
        _each_int4(four, w, width, m, groups, x, stride, columns, count, out, pitch)
    elif kind == BF16:
        _each_bf16(four, w, width, m, groups, x, stride, columns, count, out, pitch)
    else:
        _each_float32(four, w, width, m, groups, x, stride, columns, count, out, pitch)


@njit(**STRICT)
def product(kind, matrix, scale, bias, inputs, steps, columns, rows, share, add, out, scratch):
    """Outputs `share` of x W' + b for `rows` rows of inputs, written or added to `out`.

    matrix: addresses of weights and multipliers. inputs: (plain, whole) as `prepare` left them
    for `form_of(kind, rows)`. scratch: (4, BLOCK) int32, room for dot products, and (BLOCK, in)
    int8, for a block of weights.
    """
    plain, whole = inputs
    sums, unpacked = scratch
    is_whole, form = kind >= INT8, form_of(kind, rows)
    base = address_of(whole) if is_whole else address_of(plain)
    stride = np.int64(plain.shape[1]) * (2 if is_whole else 4)
    width = columns * 4 if kind == FLOAT32 else columns * 2
    if is_whole:
        width = columns if kind == INT8 else columns // 2
    groups = columns // 32
    scales, biases, found = address_of(scale), address_of(bias), address_of(sums)
    block, pace = address_of(unpacked), columns if form != kind else width
    outs, pitch = address_of(out), np.int64(out.shape[1]) * 4
    for begin in range(share[0], share[1], BLOCK):
        # Less than a tile is left at the end of a vocabulary: move back, and never read behind it.
        first = max(0, min(begin, share[1] - TILE))
        count = min(BLOCK, share[1] - first)
        w, m = matrix[0] + first * width, matrix[1] + first * groups
        if form != kind:
            for o in range(count):
                unpack_int4(w + o * width, m + o * groups, columns, block + o * columns)
            w = block
        row = 0
        while row < rows:
            four = rows - row >= 4
            x = base + row * stride
            tiles(form, four, w, pace, m, groups, x, stride, columns, count, found, BLOCK * 4)
            for k in range(4 if four else 1):
                sums_at, to = found + k * BLOCK * 4, outs + (row + k) * pitch + first * 4
                step, s, b = steps[row + k], scales + first * 4, biases + first * 4
                finish(is_whole, sums_at, step, s, b, count, add, to)
            row += 4 if four else 1


@njit(**STRICT)
def finish(is_whole, sums, step, scale, bias, count, add, out):
    """Sums of one row to `count` outputs; all at addresses, which cost nothing to cut up."""
    for o in range(count):
        value = load_float(sums, o)
        if is_whole:
            value = np.float32(bits_of_float(value)) * step * load_float(scale, o)
        value += load_float(bias, o)
        store_float(out, o, load_float(out, o) + value if add else value)


@njit(**LOOSE)
def gelu(x):
    """GELU with tanh, in place."""
    for i in range(x.size):
        x[i] = gelu_of(x[i])


@njit(**STRICT)
def embed(kind, matrix, scales, token, position, columns, share, out):
    """Columns `share` of a token's embedding and its position's."""
    scale = scales[token]
    for i in range(share[0], share[1]):
        if kind == FLOAT32:
            value = load_float(matrix[0], token * columns + i)
        elif kind == BF16:
            value = load_bf16(matrix[0], token * columns + i)
        elif kind == INT8:
            value = np.float32(load_byte(matrix[0], token * columns + i)) * scale
        else:
            both = load_byte(matrix[0], token * (columns // 2) + i // 64 * 32 + i % 32)
            q = ((both & 255) >> 4 if i % 64 >= 32 else both & 15) - 8
            m = load_byte(matrix[1], token * (columns // 32) + i // 32)
            value = np.float32(q * m) * scale
        out[i] = value + position[i]


@njit(**STRICT)
def store(cache, bf16, row):
    """Write a row of keys or values at its address in the cache."""
    for i in range(row.size):
        if bf16:
            store_half(cache, i, bf16_bits(row[i]))
        else:
            store_float(cache, i, row[i])


@njit(**LOOSE)
def softmax(scores):
    """In place, but for the division by their sum, which is returned."""
    most = scores[0]
    for i in range(scores.size):
        most = max(most, scores[i])
    total = _ZERO
    for i in range(scores.size):
        scores[i] = exp(scores[i] - most)
        total += scores[i]
    return total


@njit(**STRICT)
def attend(query, keys, values, bf16, count, scores, out):
    """One head of one row over `count` positions, whose keys and values are at addresses."""
    width = query.size
    scale = np.float32(1 / np.sqrt(width))
    q, s, o = address_of(query), address_of(scores), address_of(out)
    if bf16:
        key_dot_bf16(q, keys, width, count, scale, s)
    else:
        key_dot_float32(q, keys, width, count, scale, s)
    total = softmax(scores[:count])
    if bf16:
        weighted_sum_bf16(s, values, width, count, o)
    else:
        weighted_sum_float32(s, values, width, count, o)
    for i in range(width):
        out[i] /= total
