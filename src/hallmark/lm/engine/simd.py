"""What numba cannot say of vectors, and with it attention and products of float32 and bf16.

Written in LLVM's own terms, not a processor's, so any processor runs it; where there are wide
registers (AVX2, AVX-512, NEON) LLVM uses them, and each of these loops runs at memory's speed.
Addresses are plain integers; their owners keep the memory alive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

TILE = 4  # rows of weights that pass over four rows of inputs together
LANES = 32  # whole numbers of 16 bits in a step: one AVX-512 register
STEP = 2 * LANES  # a dot product goes on by so many numbers; counts are multiples of half of it
_AHEAD = 12_288  # bytes

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
F32 = ir.FloatType()
REORDER = ("reassoc", "contract", "nsz")
Value = Any  # llvmlite has no types of its own
Builder = Any


def vector(element: Value, count: int, value: float | None = None) -> Value:
    kind = ir.VectorType(element, count)
    return kind if value is None else ir.Constant(kind, [value] * count)


def load(b: Builder, address: Value, element: Value, count: int) -> Value:
    pointer = b.inttoptr(address, ir.VectorType(element, count).as_pointer())
    return b.load(pointer, align=1)


def place(b: Builder, base: Value, index: Value, width: Value) -> Value:
    factor = I64(width) if isinstance(width, int) else width
    return b.add(base, b.mul(I64(index) if isinstance(index, int) else index, factor))


def splat(b: Builder, value: Value, count: int) -> Value:
    kind = ir.VectorType(value.type, count)
    one = b.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
    return b.shuffle_vector(one, one, vector(I32, count, 0))


def pairs(b: Builder, x: Value, y: Value) -> Value:
    """Products of 16-bit numbers, added in pairs: (n) and (n) to (n / 2) 32-bit numbers.

    x86 does this in one instruction (vpmaddwd, and with the sum vpdpwssd).
    """
    count = x.type.count
    wide = vector(I32, count)
    product = b.mul(b.sext(x, wide), b.sext(y, wide))
    halves = [
        ir.Constant(ir.VectorType(I32, count // 2), list(range(first, count, 2)))
        for first in (0, 1)
    ]
    even, odd = (b.shuffle_vector(product, product, half) for half in halves)
    return b.add(even, odd)


def call(b: Builder, name: str, result: Value, arguments: Sequence[Value], **named: Any) -> Value:
    kind = ir.FunctionType(result, [a.type for a in arguments])
    return b.call(cgutils.get_or_insert_function(b.module, kind, name), arguments, **named)


def sum_of(b: Builder, vector: Value) -> Value:
    element, count = vector.type.element, vector.type.count
    if element == I32:
        return call(b, f"llvm.vector.reduce.add.v{count}i32", I32, [vector])
    name = f"llvm.vector.reduce.fadd.v{count}f32"
    return call(b, name, F32, [ir.Constant(F32, 0.0), vector], fastmath=REORDER)


def floats(b: Builder, address: Value, index: Value, count: int, *, bf16: bool) -> Value:
    """Numbers at `index` as float32; bf16 is the upper half of a float32."""
    if not bf16:
        return load(b, place(b, address, index, 4), F32, count)
    halves = load(b, place(b, address, index, 2), I16, count)
    wide = b.shl(b.zext(halves, vector(I32, count)), vector(I32, count, 16))
    return b.bitcast(wide, vector(F32, count))


def multiply_add(b: Builder, x: Value, y: Value, z: Value) -> Value:
    return b.fadd(b.fmul(x, y, flags=REORDER), z, flags=REORDER)


def fetch(b: Builder, address: Value) -> None:
    """Ask for the memory some rows of weights ahead, which comes in long before it is used.

    Into the second cache: the first takes in so few lines at once that on AMD it halves the speed.
    """
    pointer = b.inttoptr(b.add(address, I64(_AHEAD)), I8.as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [I8.as_pointer(), I32, I32, I32])
    prefetch = cgutils.get_or_insert_function(b.module, kind, "llvm.prefetch.p0")
    b.call(prefetch, [pointer, I32(0), I32(2), I32(1)])


def steps(b: Builder, count: Value, add: Callable[[Value, int], None], parts: int) -> None:
    """Call add(i, part) for all `parts` parts of each `STEP` of a count, and of the half left."""
    whole = b.and_(count, I64(-STEP))
    with cgutils.for_range_slice(b, I64(0), whole, I64(STEP)) as (i, _):
        for part in range(parts):
            add(i, part)
    with b.if_then(b.icmp_signed("!=", whole, count)):
        for part in range(parts // 2):
            add(whole, part)


def tile_of(rows: int) -> int:
    """Rows of weights that are read together for so many rows of inputs.

    A single row is bound by memory, and memory is fastest read in order: for four rows of weights
    side by side AMD's processors ask for nothing ahead (11 GB/s where one row after another has
    30).
    """
    return 1 if rows == 1 else TILE


def store_tile(
    b: Builder, sums: Sequence[Value], shape: tuple[int, int, int], out: Value, pitch: Value
) -> None:
    """Add up each vector of sums and write it: (rows, `pitch` bytes apart) of so many numbers.

    shape: (rows of weights, rows of inputs, sums of each pair).
    """
    high, rows, apart = shape
    for o in range(high):
        for row in range(rows):
            first = (o * rows + row) * apart
            parts = [b.load(total) for total in sums[first : first + apart]]
            is_float = parts[0].type.element == F32
            while len(parts) > 1:
                two = parts.pop(), parts.pop()
                parts.append(b.fadd(*two, flags=REORDER) if is_float else b.add(*two))
            where = b.add(place(b, out, pitch, row), I64(4 * o))
            total = sum_of(b, parts[0])
            b.store(total, b.inttoptr(where, total.type.as_pointer()))


def _float_tile(*, bf16: bool, rows: int) -> Any:
    """Dot products of `tile_of(rows)` rows of weights in float32 or bf16 with `rows` in float32.

    The order of adding is the same for any number of rows.
    """
    lanes, apart, high = LANES // 2, 2, tile_of(rows)

    def tile(typing, weight, width, multiplier, groups, inputs, stride, count, out, pitch):
        def build(context: Any, b: Builder, signature: Any, arguments: Any) -> Value:
            w, width, _, _, x, stride, count, out, pitch = arguments
            zero = vector(F32, lanes, 0.0)
            sums = [cgutils.alloca_once(b, zero.type) for _ in range(high * rows * apart)]
            for total in sums:
                b.store(zero, total)

            def add(i: Value, u: int) -> None:
                at = b.add(i, I64(u * lanes))
                starts = [place(b, x, stride, row) for row in range(rows)]
                inputs = [floats(b, start, at, lanes, bf16=False) for start in starts]
                for o in range(high):
                    weights = floats(b, place(b, w, width, o), at, lanes, bf16=bf16)
                    for row in range(rows):
                        total = sums[(o * rows + row) * apart + u % apart]
                        b.store(multiply_add(b, weights, inputs[row], b.load(total)), total)

            steps(b, count, add, 4)
            store_tile(b, sums, (high, rows, apart), out, pitch)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 9), build

    return intrinsic(tile)


def _key_dot(*, bf16: bool) -> Any:
    """A query (width,) with `count` keys (width,) that lie one after another, times `scale`."""
    lanes = LANES // 2

    def dot(typing, query, keys, width, count, scale, out):
        def build(context: Any, b: Builder, signature: Any, arguments: Any) -> Value:
            query, keys, width, count, scale, out = arguments
            with cgutils.for_range(b, count) as position:
                total = cgutils.alloca_once_value(b, vector(F32, lanes, 0.0))
                b.store(vector(F32, lanes, 0.0), total)
                start = b.mul(position.index, width)
                with cgutils.for_range_slice(b, I64(0), width, I64(LANES)) as (i, _):
                    for u in range(2):
                        at = b.add(i, I64(u * lanes))
                        q = floats(b, query, at, lanes, bf16=False)
                        k = floats(b, keys, b.add(start, at), lanes, bf16=bf16)
                        b.store(multiply_add(b, q, k, b.load(total)), total)
                score = b.fmul(sum_of(b, b.load(total)), scale)
                where = place(b, out, position.index, 4)
                b.store(score, b.inttoptr(where, F32.as_pointer()))
            return context.get_dummy_value()

        int64 = types.int64
        return types.void(int64, int64, int64, int64, types.float32, int64), build

    return intrinsic(dot)


def _weighted_sum(*, bf16: bool) -> Any:
    """The sum of `count` values (width,) that lie one after another, each times its weight."""
    lanes = LANES // 2

    def weighted(typing, weights, values, width, count, out):
        def build(context: Any, b: Builder, signature: Any, arguments: Any) -> Value:
            weights, values, width, count, out = arguments
            zero = vector(F32, lanes, 0.0)
            sums = [cgutils.alloca_once_value(b, zero) for _ in range(2)]
            with cgutils.for_range_slice(b, I64(0), width, I64(LANES)) as (i, _):
                for total in sums:
                    b.store(zero, total)
                with cgutils.for_range(b, count) as position:
                    where = b.inttoptr(place(b, weights, position.index, 4), F32.as_pointer())
                    weight = splat(b, b.load(where), lanes)
                    start = b.add(b.mul(position.index, width), i)
                    for u, total in enumerate(sums):
                        at = b.add(start, I64(u * lanes))
                        value = floats(b, values, at, lanes, bf16=bf16)
                        b.store(multiply_add(b, weight, value, b.load(total)), total)
                for u, total in enumerate(sums):
                    where = place(b, out, b.add(i, I64(u * lanes)), 4)
                    pointer = b.inttoptr(where, ir.VectorType(F32, lanes).as_pointer())
                    b.store(b.load(total), pointer, align=4)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 5), build

    return intrinsic(weighted)


float32_row, float32_tile = (_float_tile(bf16=False, rows=rows) for rows in (1, 4))
bf16_row, bf16_tile = (_float_tile(bf16=True, rows=rows) for rows in (1, 4))
key_dot_float32, key_dot_bf16 = (_key_dot(bf16=bf16) for bf16 in (False, True))
weighted_sum_float32, weighted_sum_bf16 = (_weighted_sum(bf16=bf16) for bf16 in (False, True))
