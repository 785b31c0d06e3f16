"""The parts of GPT-2's forward pass, a row or a share of the outputs at a time, compiled.

Every row is computed by the same code whatever is beside it, and whole numbers are summed
exactly: with int8 and int4 matrices a text's logits are the same bits alone and in any batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from hallmark.lm.compiled import as_kind_of, exponential
from hallmark.lm.compiled import gelu as gelu_of
from hallmark.lm.engine.bits import (
    address_of,
    bits_of_float,
    float_of_bits,
    load_bf16,
    load_byte,
    load_float,
    nearest,
    store_float,
    store_half,
)
from hallmark.lm.engine.simd import (
    BYTE_DOTS,
    BYTE_PAIRS,
    TILE,
    bf16_row,
    bf16_tile,
    float32_row,
    float32_tile,
    int4_row,
    int4_tile,
    int8_row,
    int8_tile,
    key_dot_bf16,
    key_dot_float32,
    unpack_int4,
    weighted_sum_bf16,
    weighted_sum_float32,
)
from hallmark.lm.engine.state import BLOCK

FLOAT32, BF16, INT8, INT4 = 0, 1, 2, 3
STRICT: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
# Sums may be reordered, so that they use wide registers; NaN and infinity keep their meaning.
# Inlined, or the process that compiles would call another copy of them than the disk keeps, with
# sums in another order: their last bits differed from those of every later run.
LOOSE = STRICT | {"fastmath": {"reassoc", "contract", "nsz"}, "forceinline": True}
_FEW = 4  # rows
_ZERO, _ONE = np.float32(0), np.float32(1)
_WITHOUT_SIGN, _INFINITY = np.int32(0x7FFFFFFF), np.int32(0x7F800000)
_LOWEST = np.float32(-87)


@njit(**LOOSE)
def exp(x):
    """e^x in float32 for x up to 88; below -87 what it is there."""
    return exponential(max(x, _LOWEST))


@njit(**STRICT)
def bf16_bits(x):
    """The nearest bf16 to a float32, half to even, as the upper half of 32 bits."""
    return np.int32(as_kind_of(x, np.uint16(0)))


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


@njit(**LOOSE)
def rounding_of(x):
    """What a row is multiplied with to be whole numbers in -127..127, and what one of those is
    worth; (0, 0) for a row of zeros, (0, NaN) for one that is not finite.
    """
    most_bits = np.int32(0)  # of numbers without sign the bits are in the same order
    for i in range(x.size):
        most_bits = max(most_bits, bits_of_float(x[i]) & _WITHOUT_SIGN)
    most = float_of_bits(most_bits)
    if most_bits == 0 or most_bits >= _INFINITY:
        return _ZERO, most - most
    return np.float32(127) / most, most / np.float32(127)


@njit(**LOOSE)
def round_row(x, whole):
    """One row to whole numbers in -127..127; returns what one of them is worth.

    As `rounding.quantise_rows`: NaN where the row is not finite.
    """
    factor, worth = rounding_of(x)
    if factor == 0:
        for i in range(x.size):
            whole[i] = 0
        return worth
    for i in range(x.size):
        whole[i] = nearest(x[i] * factor)
    return worth


@njit(**LOOSE)
def round_bytes(x, whole):
    """As `round_row`, into the same room as unsigned bytes: the numbers plus 128."""
    factor, worth = rounding_of(x)
    numbers = whole.view(np.uint8)
    if factor == 0:
        for i in range(x.size):
            numbers[i] = 128
        return worth
    for i in range(x.size):
        numbers[i] = nearest(x[i] * factor) + 128
    return worth


@njit(**LOOSE)
def round_pairs(x, whole):
    """As `round_row`, into the same room: the numbers as bytes, then 8 times each pair's sum."""
    factor, worth = rounding_of(x)
    numbers, half = whole.view(np.int8), x.size // 2
    if factor == 0:
        for i in range(x.size):
            whole[i] = 0
        return worth
    for i in range(half):
        one, other = nearest(x[2 * i] * factor), nearest(x[2 * i + 1] * factor)
        numbers[2 * i], numbers[2 * i + 1] = one, other
        whole[half + i] = 8 * (one + other)
    return worth


@njit(**STRICT)
def form_of(kind, rows):
    """The kind that inputs take: for more than some rows 4-bit weights are unpacked to 8 bits."""
    return INT8 if kind == INT4 and rows > _FEW else kind


@njit(**STRICT)
def prepare(kind, x, plain, whole):
    """One row as the input of a product; returns what a whole number of it is worth.

    Into `plain` for float matrices (rounded to bf16 for those), into `whole` for the others.
    """
    if kind == INT4 and BYTE_PAIRS:
        return round_pairs(x, whole)
    if kind == INT8 and BYTE_DOTS:
        return round_bytes(x, whole)
    if kind >= INT8:
        return round_row(x, whole)
    for i in range(x.size):
        plain[i] = x[i]
    if kind == BF16:
        for i in range(x.size):
            plain[i] = float_of_bits(bf16_bits(plain[i]) << np.int32(16))
    return _ONE


def _each(row: Any, tile: Any) -> Any:
    """Dot products of `count` rows of weights, at least a tile, with one or four rows of inputs."""

    @njit(**STRICT)
    def each(four, w, width, m, groups, x, stride, columns, count, out, pitch):
        if not four:
            for o in range(count):
                row(
                    w + o * width,
                    width,
                    m + o * groups,
                    groups,
                    x,
                    stride,
                    columns,
                    out + o * 4,
                    pitch,
                )
            return
        for first in range(0, count, TILE):
            o = min(
                first, count - TILE
            )  # the last ends with the rows; what is done twice is the same
            tile(
                w + o * width, width, m + o * groups, groups, x, stride, columns, out + o * 4, pitch
            )

    return each


_each_int8, _each_int4 = _each(int8_row, int8_tile), _each(int4_row, int4_tile)
_each_float32, _each_bf16 = _each(float32_row, float32_tile), _each(bf16_row, bf16_tile)


@njit(**STRICT)
def tiles(kind, four, w, width, m, groups, x, stride, columns, count, out, pitch):
    """`_each` of a kind."""
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
