"""The few things that numba cannot say: vectors, bits of numbers, and memory between threads.

Written in LLVM's own terms, not a processor's, so any processor runs them; where there are wide
registers (AVX2, AVX-512, NEON) LLVM uses them, and each of these loops runs at memory's speed.
Addresses are plain integers; their owners keep the memory alive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

LANES = 32  # whole numbers of 16 bits in a step: one AVX-512 register
STEP = 2 * LANES  # a dot product goes on by so many numbers; counts are multiples of half of it
_AHEAD = 12_288  # bytes
TILE = 4  # rows of weights that pass over four rows of inputs together

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_F32 = ir.FloatType()
_REORDER = ("reassoc", "contract", "nsz")
Value = Any  # llvmlite has no types of its own
Builder = Any
_FEATURES = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
_WIDE_BYTES = "+avx512bw" in _FEATURES
# Whether pairs of products of bytes are added up in one instruction (vpmaddubsw).
BYTE_PAIRS = _WIDE_BYTES or "+avx2" in _FEATURES
# Whether a dot product of bytes is one instruction (vpdpbusd).
BYTE_DOTS = "+avx512vnni" in _FEATURES


def _vector(element: Value, count: int, value: float | None = None) -> Value:
    kind = ir.VectorType(element, count)
    return kind if value is None else ir.Constant(kind, [value] * count)


def _load(b: Builder, address: Value, element: Value, count: int) -> Value:
    pointer = b.inttoptr(address, ir.VectorType(element, count).as_pointer())
    return b.load(pointer, align=1)


def _at(b: Builder, base: Value, index: Value, width: Value) -> Value:
    factor = _I64(width) if isinstance(width, int) else width
    return b.add(base, b.mul(_I64(index) if isinstance(index, int) else index, factor))


def _splat(b: Builder, value: Value, count: int) -> Value:
    kind = ir.VectorType(value.type, count)
    one = b.insert_element(ir.Constant(kind, ir.Undefined), value, _I32(0))
    return b.shuffle_vector(one, one, _vector(_I32, count, 0))


def _pairs(b: Builder, x: Value, y: Value) -> Value:
    """Products of 16-bit numbers, added in pairs: (n) and (n) to (n / 2) 32-bit numbers.

    x86 does this in one instruction (vpmaddwd, and with the sum vpdpwssd).
    """
    count = x.type.count
    wide = _vector(_I32, count)
    product = b.mul(b.sext(x, wide), b.sext(y, wide))
    halves = [
        ir.Constant(ir.VectorType(_I32, count // 2), list(range(first, count, 2)))
        for first in (0, 1)
    ]
    even, odd = (b.shuffle_vector(product, product, half) for half in halves)
    return b.add(even, odd)


def _call(b: Builder, name: str, result: Value, arguments: Sequence[Value], **named: Any) -> Value:
    kind = ir.FunctionType(result, [a.type for a in arguments])
    return b.call(cgutils.get_or_insert_function(b.module, kind, name), arguments, **named)


def _sum(b: Builder, vector: Value) -> Value:
    element, count = vector.type.element, vector.type.count
    if element == _I32:
        return _call(b, f"llvm.vector.reduce.add.v{count}i32", _I32, [vector])
    name = f"llvm.vector.reduce.fadd.v{count}f32"
    return _call(b, name, _F32, [ir.Constant(_F32, 0.0), vector], fastmath=_REORDER)


def _floats(b: Builder, address: Value, index: Value, count: int, *, bf16: bool) -> Value:
    """Numbers at `index` as float32; bf16 is the upper half of a float32."""
    if not bf16:
        return _load(b, _at(b, address, index, 4), _F32, count)
    halves = _load(b, _at(b, address, index, 2), _I16, count)
    wide = b.shl(b.zext(halves, _vector(_I32, count)), _vector(_I32, count, 16))
    return b.bitcast(wide, _vector(_F32, count))


def _multiply_add(b: Builder, x: Value, y: Value, z: Value) -> Value:
    return b.fadd(b.fmul(x, y, flags=_REORDER), z, flags=_REORDER)


def _fetch(b: Builder, address: Value) -> None:
    """Ask for the memory some rows of weights ahead, which comes in long before it is used.

    Into the second cache: the first takes in so few lines at once that on AMD it halves the speed.
    """
    pointer = b.inttoptr(b.add(address, _I64(_AHEAD)), _I8.as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32])
    prefetch = cgutils.get_or_insert_function(b.module, kind, "llvm.prefetch.p0")
    b.call(prefetch, [pointer, _I32(0), _I32(2), _I32(1)])


def _int8_step(b: Builder, w: Value, m: Value, i: Value, u: int) -> Value:
    where = b.add(b.add(w, i), _I64(u * LANES))
    if not u:
        _fetch(b, where)
    return b.sext(_load(b, where, _I8, LANES), _vector(_I16, LANES))


def _int4_step(b: Builder, w: Value, m: Value, i: Value, u: int) -> Value:
    """The low (u = 0) or high halves of 32 bytes, less 8, times their group's multiplier."""
    if not u:
        _fetch(b, b.add(w, b.lshr(i, _I64(1))))
    both = b.zext(_load(b, b.add(w, b.lshr(i, _I64(1))), _I8, LANES), _vector(_I16, LANES))
    shift = b.lshr(both, _vector(_I16, LANES, 4)) if u else b.and_(both, _vector(_I16, LANES, 15))
    where = b.add(b.add(m, b.lshr(i, _I64(5))), _I64(u))
    factor = b.sext(b.load(b.inttoptr(where, _I8.as_pointer())), _I16)
    return b.mul(b.sub(shift, _vector(_I16, LANES, 8)), _splat(b, factor, LANES))


def _steps(b: Builder, count: Value, add: Callable[[Value, int], None], parts: int) -> None:
    """Call add(i, part) for all `parts` parts of each `STEP` of a count, and of the half left."""
    whole = b.and_(count, _I64(-STEP))
    with cgutils.for_range_slice(b, _I64(0), whole, _I64(STEP)) as (i, _):
        for part in range(parts):
            add(i, part)
    with b.if_then(b.icmp_signed("!=", whole, count)):
        for part in range(parts // 2):
            add(whole, part)


def _tile(rows: int) -> int:
    """Rows of weights that are read together for so many rows of inputs.

    A single row is bound by memory, and memory is fastest read in order: for four rows of weights
    side by side AMD's processors ask for nothing ahead (11 GB/s where one row after another has
    30).
    """
    return 1 if rows == 1 else TILE


def _whole_tile(step: Callable[..., Value], rows: int) -> Any:
    """Dot products of `_tile(rows)` rows of weights with `rows` of 16-bit inputs, exact in int32.

    With few rows two sums run side by side, so that no instruction waits for the one before.
    """
    apart, high = (2 if rows == 1 else 1), _tile(rows)

    def tile(typing, weight, width, multiplier, groups, inputs, stride, count, out, pitch):
        def build(context: Any, b: Builder, signature: Any, arguments: Any) -> Value:
            w, width, m, groups, x, stride, count, out, pitch = arguments
            zero = _vector(_I32, LANES // 2, 0)
            sums = [cgutils.alloca_once(b, zero.type) for _ in range(high * rows * apart)]
            for total in sums:
                b.store(zero, total)

            def add(i: Value, u: int) -> None:
                at = b.add(i, _I64(u * LANES))
                starts = [_at(b, _at(b, x, stride, row), at, 2) for row in range(rows)]
                inputs = [_load(b, start, _I16, LANES) for start in starts]
                for o in range(high):
                    weights = step(b, _at(b, w, width, o), _at(b, m, groups, o), i, u)
                    for row in range(rows):
                        total = sums[(o * rows + row) * apart + u % apart]
                        pairs = _pairs(b, weights, inputs[row])
                        b.store(b.add(b.load(total), pairs), total)

            _steps(b, count, add, 2)
            _store_tile(b, sums, (high, rows, apart), out, pitch)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 9), build

    return intrinsic(tile)


def _byte_pairs(b: Builder, q: Value, x: Value) -> Value:
    """Products of 64 unsigned and 64 signed bytes, added in pairs: (32) 16-bit numbers."""
    if _WIDE_BYTES:
        return _call(b, "llvm.x86.avx512.pmaddubs.w.512", _vector(_I16, LANES), [q, x])
    halves = []
    for first in (0, LANES):
        half = ir.Constant(ir.VectorType(_I32, LANES), list(range(first, first + LANES)))
        parts = [b.shuffle_vector(v, v, half) for v in (q, x)]
        halves.append(_call(b, "llvm.x86.avx2.pmadd.ub.sw", _vector(_I16, LANES // 2), parts))
    return b.shuffle_vector(*halves, ir.Constant(ir.VectorType(_I32, LANES), list(range(LANES))))


def _dot_tile(rows: int) -> Any:
    """As `_whole_tile` of 8-bit weights, for inputs as `kernels.round_bytes` leaves them: plus 128.

    The weights' own sum, 128 times, is taken off again; it costs a fifth of a tile's work and
    nothing where memory is the limit.
    """
    high = _tile(rows)

    def tile(typing, weight, width, multiplier, groups, inputs, stride, count, out, pitch):
        def build(context: Any, b: Builder, signature: Any, arguments: Any) -> Value:
            w, width, _, _, x, stride, count, out, pitch = arguments
            zero, offset = _vector(_I32, STEP // 4, 0), _vector(_I8, STEP, -128)  # 128 unsigned
            sums = [cgutils.alloca_once(b, zero.type) for _ in range(high * rows)]
            more = [cgutils.alloca_once(b, zero.type) for _ in range(high)]
            for total in (*sums, *more):
                b.store(zero, total)

            def add(total: Value, x: Value, weights: Value) -> None:
                parts = [b.load(total), x, weights]
                b.store(_call(b, "llvm.x86.avx512.vpdpbusd.512", zero.type, parts), total)

            def step(i: Value, numbers: int) -> None:
                inputs = [
                    _bytes(b, b.add(_at(b, x, stride, row), i), numbers) for row in range(rows)
                ]
                for o in range(high):
                    where = b.add(_at(b, w, width, o), i)
                    _fetch(b, where)
                    weights = _bytes(b, where, numbers)
                    for row in range(rows):
                        add(sums[o * rows + row], inputs[row], weights)
                    add(more[o], offset, weights)

            whole = b.and_(count, _I64(-STEP))
            with cgutils.for_range_slice(b, _I64(0), whole, _I64(STEP)) as (i, _):
                step(i, STEP)
            with b.if_then(b.icmp_signed("!=", whole, count)):
                step(whole, LANES)
            for i, total in enumerate(sums):
                b.store(b.sub(b.load(total), b.load(more[i // rows])), total)
            _store_tile(b, sums, (high, rows, 1), out, pitch)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 9), build

    return intrinsic(tile)


def _bytes(b: Builder, address: Value, numbers: int) -> Value:
    """`STEP` bytes, or half of them and as many zeros."""
    found = _load(b, address, _I8, numbers)
    if numbers == STEP:
        return found
    all_of_both = ir.Constant(ir.VectorType(_I32, STEP), list(range(STEP)))
    return b.shuffle_vector(found, _vector(_I8, numbers, 0), all_of_both)


def _byte_tile(rows: int) -> Any:
    """As `_whole_tile` of 4-bit weights, for inputs as `kernels.round_pairs` leaves them.

    With q the weights plus 8: sums of (q - 8) x are those of q x, a product of unsigned and signed
    bytes, less 8 x. Half as many instructions as in 16 bits, which memory outruns.
    """
    high = _tile(rows)

    def tile(typing, weight, width, multiplier, groups, inputs, stride, count, out, pitch):
        def build(context: Any, b: Builder, signature: Any, arguments: Any) -> Value:
            w, width, m, groups, x, stride, count, out, pitch = arguments
            zero = _vector(_I32, LANES // 2, 0)
            sums = [cgutils.alloca_once(b, zero.type) for _ in range(high * rows)]
            for total in sums:
                b.store(zero, total)
            with cgutils.for_range_slice(b, _I64(0), count, _I64(STEP)) as (i, _):
                starts = [b.add(_at(b, x, stride, row), i) for row in range(rows)]
                inputs = [_load(b, start, _I8, STEP) for start in starts]
                less = [_load(b, b.add(start, count), _I16, LANES) for start in starts]
                for o in range(high):
                    where = b.add(_at(b, w, width, o), b.lshr(i, _I64(1)))
                    _fetch(b, where)
                    q = _halves(b, where)
                    factors = _two_factors(b, b.add(_at(b, m, groups, o), b.lshr(i, _I64(5))))
                    for row in range(rows):
                        pairs = b.sub(_byte_pairs(b, q, inputs[row]), less[row])
                        total = sums[o * rows + row]
                        b.store(b.add(b.load(total), _pairs(b, pairs, factors)), total)
            _store_tile(b, sums, (high, rows, 1), out, pitch)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 9), build

    return intrinsic(tile)


def _halves(b: Builder, address: Value) -> Value:
    """The low halves of 32 bytes and then the high ones, as 64 bytes."""
    both = _load(b, address, _I8, LANES)
    twice = ir.Constant(ir.VectorType(_I32, STEP), [*range(LANES)] * 2)
    words = b.bitcast(b.shuffle_vector(both, both, twice), _vector(_I16, LANES))
    shift = ir.Constant(ir.VectorType(_I16, LANES), [0] * (LANES // 2) + [4] * (LANES // 2))
    return b.and_(b.bitcast(b.lshr(words, shift), _vector(_I8, STEP)), _vector(_I8, STEP, 15))


def _two_factors(b: Builder, address: Value) -> Value:
    """Two bytes as 16-bit numbers, each for half of the lanes."""
    two = b.sext(_load(b, address, _I8, 2), _vector(_I16, 2))
    lanes = [0] * (LANES // 2) + [1] * (LANES // 2)
    return b.shuffle_vector(two, two, ir.Constant(ir.VectorType(_I32, LANES), lanes))


@intrinsic
def unpack_int4(typing, weight, multiplier, count, out):
    """`count` 4-bit weights times their multipliers as bytes, as `rounding.unpack` has them."""

    def build(context: Any, b: Builder, signature: Any, arguments: Any) -> Value:
        w, m, count, out = arguments

        def put(i: Value, u: int) -> None:
            wide = _int4_step(b, w, m, i, u)
            pointer = b.inttoptr(
                b.add(out, b.add(i, _I64(u * LANES))), ir.VectorType(_I8, LANES).as_pointer()
            )
            b.store(b.trunc(wide, _vector(_I8, LANES)), pointer, align=1)

        _steps(b, count, put, 2)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), build


def _store_tile(
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
            is_float = parts[0].type.element == _F32
            while len(parts) > 1:
                two = parts.pop(), parts.pop()
                parts.append(b.fadd(*two, flags=_REORDER) if is_float else b.add(*two))
            where = b.add(_at(b, out, pitch, row), _I64(4 * o))
            total = _sum(b, parts[0])
            b.store(total, b.inttoptr(where, total.type.as_pointer()))


def _float_tile(*, bf16: bool, rows: int) -> Any:
    """The same for weights in float32 or bf16 and inputs in float32.

    The order of adding is the same for any number of rows.
    """
    lanes, apart, high = LANES // 2, 2, _tile(rows)

    def tile(typing, weight, width, multiplier, groups, inputs, stride, count, out, pitch):
        def build(context: Any, b: Builder, signature: Any, arguments: Any) -> Value:
            w, width, _, _, x, stride, count, out, pitch = arguments
            zero = _vector(_F32, lanes, 0.0)
            sums = [cgutils.alloca_once(b, zero.type) for _ in range(high * rows * apart)]
            for total in sums:
                b.store(zero, total)

            def add(i: Value, u: int) -> None:
                at = b.add(i, _I64(u * lanes))
                starts = [_at(b, x, stride, row) for row in range(rows)]
                inputs = [_floats(b, start, at, lanes, bf16=False) for start in starts]
                for o in range(high):
                    weights = _floats(b, _at(b, w, width, o), at, lanes, bf16=bf16)
                    for row in range(rows):
                        total = sums[(o * rows + row) * apart + u % apart]
                        b.store(_multiply_add(b, weights, inputs[row], b.load(total)), total)

            _steps(b, count, add, 4)
            _store_tile(b, sums, (high, rows, apart), out, pitch)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 9), build

    return intrinsic(tile)


def _key_dot(*, bf16: bool) -> Any:
    """A query (width,) with `count` keys (width,) that lie one after another, times `scale`."""
    lanes = LANES // 2

    def dot(typing, query, keys, width, count, scale, out):
        def build(context: Any, b: Builder, signature: Any, arguments: Any) -> Value:
            query, keys, width, count, scale, out = arguments
            with cgutils.for_range(b, count) as place:
                total = cgutils.alloca_once_value(b, _vector(_F32, lanes, 0.0))
                b.store(_vector(_F32, lanes, 0.0), total)
                start = b.mul(place.index, width)
                with cgutils.for_range_slice(b, _I64(0), width, _I64(LANES)) as (i, _):
                    for u in range(2):
                        at = b.add(i, _I64(u * lanes))
                        q = _floats(b, query, at, lanes, bf16=False)
                        k = _floats(b, keys, b.add(start, at), lanes, bf16=bf16)
                        b.store(_multiply_add(b, q, k, b.load(total)), total)
                score = b.fmul(_sum(b, b.load(total)), scale)
                where = _at(b, out, place.index, 4)
                b.store(score, b.inttoptr(where, _F32.as_pointer()))
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
            zero = _vector(_F32, lanes, 0.0)
            sums = [cgutils.alloca_once_value(b, zero) for _ in range(2)]
            with cgutils.for_range_slice(b, _I64(0), width, _I64(LANES)) as (i, _):
                for total in sums:
                    b.store(zero, total)
                with cgutils.for_range(b, count) as place:
                    where = b.inttoptr(_at(b, weights, place.index, 4), _F32.as_pointer())
                    weight = _splat(b, b.load(where), lanes)
                    start = b.add(b.mul(place.index, width), i)
                    for u, total in enumerate(sums):
                        at = b.add(start, _I64(u * lanes))
                        value = _floats(b, values, at, lanes, bf16=bf16)
                        b.store(_multiply_add(b, weight, value, b.load(total)), total)
                for u, total in enumerate(sums):
                    where = _at(b, out, b.add(i, _I64(u * lanes)), 4)
                    pointer = b.inttoptr(where, ir.VectorType(_F32, lanes).as_pointer())
                    b.store(b.load(total), pointer, align=4)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 5), build

    return intrinsic(weighted)


# (weights, bytes a row of them, multipliers, bytes a row, inputs, bytes a row, count, out, bytes a
# row of out), addresses and numbers: a row of weights with one of inputs, or a tile with four.
int8_row, int8_tile = (
    _dot_tile(rows) if BYTE_DOTS else _whole_tile(_int8_step, rows) for rows in (1, 4)
)
int4_row, int4_tile = (
    _byte_tile(rows) if BYTE_PAIRS else _whole_tile(_int4_step, rows) for rows in (1, 4)
)
float32_row, float32_tile = (_float_tile(bf16=False, rows=rows) for rows in (1, 4))
bf16_row, bf16_tile = (_float_tile(bf16=True, rows=rows) for rows in (1, 4))
key_dot_float32, key_dot_bf16 = (_key_dot(bf16=bf16) for bf16 in (False, True))
weighted_sum_float32, weighted_sum_bf16 = (_weighted_sum(bf16=bf16) for bf16 in (False, True))
