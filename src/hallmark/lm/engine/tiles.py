"""Dot products of rows of weights with rows of inputs, each in one run through the weights.

A row of weights with one of inputs, or a tile of weights with four; sums of whole numbers are
exact, and so the same whichever is used. Two instructions of x86 for bytes are named, where the
processor has them; others multiply 16-bit numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from hallmark.lm.engine import simd
from hallmark.lm.engine.simd import I8, I16, I32, I64, LANES, STEP, Builder, Value

# Asked of numba at import, for code is compiled for what numba was told (NUMBA_CPU_NAME), and what
# the disk keeps goes by the same names.
_FEATURES = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
_WIDE_BYTES = "+avx512bw" in _FEATURES
# Whether pairs of products of bytes are added up in one instruction (vpmaddubsw).
BYTE_PAIRS = _WIDE_BYTES or "+avx2" in _FEATURES
# Whether a dot product of bytes is one instruction (vpdpbusd).
BYTE_DOTS = "+avx512vnni" in _FEATURES


def _int8_step(b: Builder, w: Value, m: Value, i: Value, u: int) -> Value:
    where = b.add(b.add(w, i), I64(u * LANES))
    if not u:
        simd.fetch(b, where)
    return b.sext(simd.load(b, where, I8, LANES), simd.vector(I16, LANES))


def _int4_step(b: Builder, w: Value, m: Value, i: Value, u: int) -> Value:
    """The low (u = 0) or high halves of 32 bytes, less 8, times their group's multiplier."""
    if not u:
        simd.fetch(b, b.add(w, b.lshr(i, I64(1))))
    both = b.zext(simd.load(b, b.add(w, b.lshr(i, I64(1))), I8, LANES), simd.vector(I16, LANES))
    shift = (
        b.lshr(both, simd.vector(I16, LANES, 4)) if u else b.and_(both, simd.vector(I16, LANES, 15))
    )
    where = b.add(b.add(m, b.lshr(i, I64(5))), I64(u))
    factor = b.sext(b.load(b.inttoptr(where, I8.as_pointer())), I16)
    return b.mul(b.sub(shift, simd.vector(I16, LANES, 8)), simd.splat(b, factor, LANES))


def _whole_tile(step: Callable[..., Value], rows: int) -> Any:
    """Dot products of `tile_of(rows)` rows of weights with `rows` of 16-bit inputs, exact in int32.

    With few rows two sums run side by side, so that no instruction waits for the one before.
    """
    apart, high = (2 if rows == 1 else 1), simd.tile_of(rows)

    def tile(typing, weight, width, multiplier, groups, inputs, stride, count, out, pitch):
        def build(context: Any, b: Builder, signature: Any, arguments: Any) -> Value:
            w, width, m, groups, x, stride, count, out, pitch = arguments
            zero = simd.vector(I32, LANES // 2, 0)
            sums = [cgutils.alloca_once(b, zero.type) for _ in range(high * rows * apart)]
            for total in sums:
                b.store(zero, total)

            def add(i: Value, u: int) -> None:
                at = b.add(i, I64(u * LANES))
                starts = [
                    simd.place(b, simd.place(b, x, stride, row), at, 2) for row in range(rows)
                ]
                inputs = [simd.load(b, start, I16, LANES) for start in starts]
                for o in range(high):
                    weights = step(b, simd.place(b, w, width, o), simd.place(b, m, groups, o), i, u)
                    for row in range(rows):
                        total = sums[(o * rows + row) * apart + u % apart]
                        pairs = simd.pairs(b, weights, inputs[row])
                        b.store(b.add(b.load(total), pairs), total)

            simd.steps(b, count, add, 2)
            simd.store_tile(b, sums, (high, rows, apart), out, pitch)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 9), build

    return intrinsic(tile)


def _byte_pairs(b: Builder, q: Value, x: Value) -> Value:
    """Products of 64 unsigned and 64 signed bytes, added in pairs: (32) 16-bit numbers."""
    if _WIDE_BYTES:
        return simd.call(b, "llvm.x86.avx512.pmaddubs.w.512", simd.vector(I16, LANES), [q, x])
    halves = []
    for first in (0, LANES):
        half = ir.Constant(ir.VectorType(I32, LANES), list(range(first, first + LANES)))
        parts = [b.shuffle_vector(v, v, half) for v in (q, x)]
        halves.append(
            simd.call(b, "llvm.x86.avx2.pmadd.ub.sw", simd.vector(I16, LANES // 2), parts)
        )
    return b.shuffle_vector(*halves, ir.Constant(ir.VectorType(I32, LANES), list(range(LANES))))


def _dot_tile(rows: int) -> Any:
    """As `_whole_tile` of 8-bit weights, for inputs as `inputs.round_bytes` leaves them: plus 128.

    The weights' own sum, 128 times, is taken off again; it costs a fifth of a tile's work and
    nothing where memory is the limit.
    """
    high = simd.tile_of(rows)

    def tile(typing, weight, width, multiplier, groups, inputs, stride, count, out, pitch):
        def build(context: Any, b: Builder, signature: Any, arguments: Any) -> Value:
            w, width, _, _, x, stride, count, out, pitch = arguments
            zero = simd.vector(I32, STEP // 4, 0)
            offset = simd.vector(I8, STEP, -128)  # 128 as an unsigned byte
            sums = [cgutils.alloca_once(b, zero.type) for _ in range(high * rows)]
            more = [cgutils.alloca_once(b, zero.type) for _ in range(high)]
            for total in (*sums, *more):
                b.store(zero, total)

            def add(total: Value, x: Value, weights: Value) -> None:
                # As words, which LLVM before 22 wants and later ones take.
                parts = [b.load(total), *(b.bitcast(v, zero.type) for v in (x, weights))]
                b.store(simd.call(b, "llvm.x86.avx512.vpdpbusd.512", zero.type, parts), total)

            def step(i: Value, numbers: int) -> None:
                inputs = [
                    _bytes(b, b.add(simd.place(b, x, stride, row), i), numbers)
                    for row in range(rows)
                ]
                for o in range(high):
                    where = b.add(simd.place(b, w, width, o), i)
                    simd.fetch(b, where)
                    weights = _bytes(b, where, numbers)
                    for row in range(rows):
                        add(sums[o * rows + row], inputs[row], weights)
                    add(more[o], offset, weights)

            whole = b.and_(count, I64(-STEP))
            with cgutils.for_range_slice(b, I64(0), whole, I64(STEP)) as (i, _):
                step(i, STEP)
            with b.if_then(b.icmp_signed("!=", whole, count)):
                step(whole, LANES)
            for i, total in enumerate(sums):
                b.store(b.sub(b.load(total), b.load(more[i // rows])), total)
            simd.store_tile(b, sums, (high, rows, 1), out, pitch)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 9), build

    return intrinsic(tile)


def _bytes(b: Builder, address: Value, numbers: int) -> Value:
    """`STEP` bytes, or half of them and as many zeros."""
    found = simd.load(b, address, I8, numbers)
    if numbers == STEP:
        return found
    all_of_both = ir.Constant(ir.VectorType(I32, STEP), list(range(STEP)))
    return b.shuffle_vector(found, simd.vector(I8, numbers, 0), all_of_both)


def _byte_tile(rows: int) -> Any:
    """As `_whole_tile` of 4-bit weights, for inputs as `inputs.round_pairs` leaves them.

    With q the weights plus 8: sums of (q - 8) x are those of q x, a product of unsigned and signed
    bytes, less 8 x. Half as many instructions as in 16 bits, which memory outruns.
    """
    high = simd.tile_of(rows)

    def tile(typing, weight, width, multiplier, groups, inputs, stride, count, out, pitch):
        def build(context: Any, b: Builder, signature: Any, arguments: Any) -> Value:
            w, width, m, groups, x, stride, count, out, pitch = arguments
            zero = simd.vector(I32, LANES // 2, 0)
            sums = [cgutils.alloca_once(b, zero.type) for _ in range(high * rows)]
            for total in sums:
                b.store(zero, total)
            with cgutils.for_range_slice(b, I64(0), count, I64(STEP)) as (i, _):
                starts = [b.add(simd.place(b, x, stride, row), i) for row in range(rows)]
                inputs = [simd.load(b, start, I8, STEP) for start in starts]
                less = [simd.load(b, b.add(start, count), I16, LANES) for start in starts]
                for o in range(high):
                    where = b.add(simd.place(b, w, width, o), b.lshr(i, I64(1)))
                    simd.fetch(b, where)
                    q = _halves(b, where)
                    factors = _two_factors(b, b.add(simd.place(b, m, groups, o), b.lshr(i, I64(5))))
                    for row in range(rows):
                        pairs = b.sub(_byte_pairs(b, q, inputs[row]), less[row])
                        total = sums[o * rows + row]
                        b.store(b.add(b.load(total), simd.pairs(b, pairs, factors)), total)
            simd.store_tile(b, sums, (high, rows, 1), out, pitch)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 9), build

    return intrinsic(tile)


def _halves(b: Builder, address: Value) -> Value:
    """The low halves of 32 bytes and then the high ones, as 64 bytes."""
    both = simd.load(b, address, I8, LANES)
    twice = ir.Constant(ir.VectorType(I32, STEP), [*range(LANES)] * 2)
    words = b.bitcast(b.shuffle_vector(both, both, twice), simd.vector(I16, LANES))
    shift = ir.Constant(ir.VectorType(I16, LANES), [0] * (LANES // 2) + [4] * (LANES // 2))
    return b.and_(b.bitcast(b.lshr(words, shift), simd.vector(I8, STEP)), simd.vector(I8, STEP, 15))


def _two_factors(b: Builder, address: Value) -> Value:
    """Two bytes as 16-bit numbers, each for half of the lanes."""
    two = b.sext(simd.load(b, address, I8, 2), simd.vector(I16, 2))
    lanes = [0] * (LANES // 2) + [1] * (LANES // 2)
    return b.shuffle_vector(two, two, ir.Constant(ir.VectorType(I32, LANES), lanes))


@intrinsic
def unpack_int4(typing, weight, multiplier, count, out):
    """`count` 4-bit weights times their multipliers as bytes, as `rounding.unpack` has them."""

    def build(context: Any, b: Builder, signature: Any, arguments: Any) -> Value:
        w, m, count, out = arguments

        def put(i: Value, u: int) -> None:
            wide = _int4_step(b, w, m, i, u)
            pointer = b.inttoptr(
                b.add(out, b.add(i, I64(u * LANES))), ir.VectorType(I8, LANES).as_pointer()
            )
            b.store(b.trunc(wide, simd.vector(I8, LANES)), pointer, align=1)

        simd.steps(b, count, put, 2)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), build


# (weights, bytes a row of them, multipliers, bytes a row, inputs, bytes a row, count, out, bytes a
# row of out), addresses and numbers: a row of weights with one of inputs, or a tile with four.
int8_row, int8_tile = (
    _dot_tile(rows) if BYTE_DOTS else _whole_tile(_int8_step, rows) for rows in (1, 4)
)
int4_row, int4_tile = (
    _byte_tile(rows) if BYTE_PAIRS else _whole_tile(_int4_step, rows) for rows in (1, 4)
)
