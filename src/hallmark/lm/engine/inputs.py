"""Rows as the inputs of a product: float32, rounded to bf16, or whole numbers in three forms."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from hallmark.lm.compiled import as_kind_of
from hallmark.lm.engine.bits import bits_of_float, float_of_bits, nearest
from hallmark.lm.engine.tiles import BYTE_DOTS, BYTE_PAIRS

FLOAT32, BF16, INT8, INT4 = 0, 1, 2, 3
STRICT: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
# Sums may be reordered, so that they use wide registers; NaN and infinity keep their meaning.
# Inlined, or the process that compiles would call another copy of them than the disk keeps, with
# sums in another order: their last bits differed from those of every later run.
LOOSE = STRICT | {"fastmath": {"reassoc", "contract", "nsz"}, "forceinline": True}
_FEW = 4  # rows; with more a block of 4-bit weights is unpacked once for all
_ZERO, _ONE = np.float32(0), np.float32(1)
_WITHOUT_SIGN, _INFINITY = np.int32(0x7FFFFFFF), np.int32(0x7F800000)


@njit(**STRICT)
def bf16_bits(x):
    """The nearest bf16 to a float32, half to even, as the upper half of 32 bits."""
    return np.int32(as_kind_of(x, np.uint16(0)))


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
