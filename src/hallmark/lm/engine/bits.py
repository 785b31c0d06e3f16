"""Single numbers and words that threads share: bits of a float, rounding, memory in order."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_I64 = ir.IntType(64)


@intrinsic
def float_of_bits(typing, bits):
    """The float32 that 32 bits stand for."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        return b.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), build


@intrinsic
def bits_of_float(typing, number):
    """The 32 bits of a float32."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        return b.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), build


@intrinsic
def nearest(typing, number):
    """A float32 to the nearest whole number, half to even, as int32."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.FloatType(), [ir.FloatType()])
        rint = cgutils.get_or_insert_function(b.module, kind, "llvm.rint.f32")
        return b.fptosi(b.call(rint, arguments), ir.IntType(32))

    return types.int32(types.float32), build


@intrinsic
def load_float(typing, address, index):
    """Float32 number `index` of those at an address."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        where = b.add(arguments[0], b.mul(arguments[1], _I64(4)))
        return b.load(b.inttoptr(where, ir.FloatType().as_pointer()), align=4)

    return types.float32(types.int64, types.int64), build


@intrinsic
def load_byte(typing, address, index):
    """Signed byte `index` of those at an address."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        where = b.inttoptr(b.add(*arguments), ir.IntType(8).as_pointer())
        return b.sext(b.load(where), ir.IntType(32))

    return types.int32(types.int64, types.int64), build


@intrinsic
def load_bf16(typing, address, index):
    """Number `index` of the bf16 numbers at an address, as float32."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        where = b.add(arguments[0], b.mul(arguments[1], _I64(2)))
        half = b.load(b.inttoptr(where, ir.IntType(16).as_pointer()), align=2)
        wide = b.shl(b.zext(half, ir.IntType(32)), ir.IntType(32)(16))
        return b.bitcast(wide, ir.FloatType())

    return types.float32(types.int64, types.int64), build


@intrinsic
def store_float(typing, address, index, value):
    """Write float32 number `index` of those at an address."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        where = b.add(arguments[0], b.mul(arguments[1], _I64(4)))
        b.store(arguments[2], b.inttoptr(where, ir.FloatType().as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.float32), build


@intrinsic
def store_half(typing, address, index, value):
    """Write 16-bit word `index` of those at an address: the low half of an int32."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        where = b.add(arguments[0], b.mul(arguments[1], _I64(2)))
        half = b.trunc(arguments[2], ir.IntType(16))
        b.store(half, b.inttoptr(where, ir.IntType(16).as_pointer()), align=2)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int32), build


@intrinsic
def address_of(typing, array):
    """Where an array's first number is. Cheaper in a loop than the array's own attribute."""
    if not isinstance(array, types.Array):
        return None

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        made = context.make_array(signature.args[0])(context, b, arguments[0])
        return b.ptrtoint(made.data, _I64)

    return types.int64(array), build


@intrinsic
def _add(typing, address, amount):
    """Add to the word at an address, as one step that all threads see; the word before."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        pointer = b.inttoptr(arguments[0], _I64.as_pointer())
        return b.atomic_rmw("add", pointer, arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), build


@intrinsic
def _read(typing, address):
    """The word at an address, and after it all that its writer had written before."""

    def build(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        pointer = b.inttoptr(arguments[0], _I64.as_pointer())
        return b.load_atomic(pointer, "acquire", align=8)

    return types.int64(types.int64), build


if os.name == "posix":
    _sleep = types.ExternalFunction("usleep", types.int32(types.uint32))
else:

    @njit
    def _sleep(microseconds):
        return 0


# Looks before the processor is left to others: some 100 microseconds. A nap takes 70 at least, so
# with less patience threads nap by turns and wait for each other at every meeting; with more they
# take time from other work. By sleeping: sched_yield gives away what is left of the thread's share
# of time (Linux 6.18), and beside other work it starves.
_PATIENCE = 300_000
_NAP = 20  # microseconds


@njit(nogil=True)
def meet(barrier: int, size: int, times: int) -> int:
    """Wait until all `size` threads have called this `times` + 1 times; returns `times` + 1.

    barrier: address of a word that is 0 before the first call.
    """
    times += 1
    _add(barrier, 1)
    looks = 0
    while _read(barrier) < np.int64(times) * size:
        looks += 1
        if looks > _PATIENCE:
            _sleep(np.uint32(_NAP))
    return times
