"""What compiled loops share: bf16, e^x, GELU, threads, and the disk that keeps them.

A bf16 number is handled as the 16 bits that it is, which are the upper half of a float32.
Importing this imports numba.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray
from torch import Tensor

# Sums may be taken in any order and so in vectors; NaN and infinity stay what they are.
ANY_ORDER: dict[str, Any] = {
    "fastmath": {"reassoc", "contract", "nsz"}, "error_model": "numpy", "nogil": True,
}  # fmt: skip
_FLOAT, _INT, _HALF = ir.FloatType(), ir.IntType(32), ir.IntType(16)
_f = np.float32
_LOG2E = _f(1 / math.log(2))
_LN2_HIGH, _LN2_LOW = _f(0.693359375), _f(-2.12194440e-4)  # ln 2 as a short number and the rest
_SLOPE, _CUBIC = _f(-2 * math.sqrt(2 / math.pi)), _f(0.044715)  # of GELU
_LEAST, _MOST = _f(-87), _f(87)
Kernel = Callable[..., Any]


def kept(**flags: Any) -> Callable[[Kernel], Kernel]:
    """A decorator: compiled with numba's `flags`, and kept on disk where there is a place."""

    def compile(function: Kernel) -> Kernel:
        try:
            compiled: Kernel = njit(cache=True, **flags)(function)
        except RuntimeError:  # a read-only install and no home
            compiled = njit(**flags)(function)
        return compiled

    return compile


@cache
def stamp() -> int:
    """A number of all the files of compiled code, to be made part of each function that is kept.

    numba looks for changes in the file of a function alone, not in those of what it calls; but
    it takes notice of the variables that a function closes over.
    """
    here = Path(__file__).parent
    files = [here / name for name in ("causal.py", "compiled.py", "fused.py", "gelu.py", "int8.py")]
    number = 0
    for file in [*files, *sorted((here / "engine").glob("*.py"))]:
        number = zlib.crc32(file.read_bytes(), number)
    return number


def share(count: int, work: Callable[[slice], None]) -> None:
    """Call `work` for parts of `count` rows in as many threads as PyTorch uses.

    `work` must not call `share`, whose threads may all wait for it.
    """
    most = torch.get_num_threads()
    threads = max(1, min(most, count))
    parts = [slice(*ends) for ends in pairwise(count * i // threads for i in range(threads + 1))]
    if threads == 1:
        work(parts[0])
        return
    helpers = _helpers(most - 1, os.getpid())
    others = [helpers.submit(work, part) for part in parts[1:]]
    try:
        work(parts[0])
    finally:
        wait(others)
    for other in others:
        other.result()


@cache
def _helpers(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads that stay: starting one takes as long as a small part. A fork has none of them."""
    return ThreadPoolExecutor(threads, thread_name_prefix="hallmark-share")


def in_memory(rows: Tensor) -> NDArray[Any]:
    """Rows (N, V) as they lie in memory, (N, V or more); bf16 as uint16. A copy if need be.

    One whole block, because numba makes vectors of contiguous arrays only.
    """
    count, width = len(rows), rows.stride(0)
    end = (rows.storage_offset() + count * width) * rows.itemsize
    if rows.stride(1) != 1 or width < rows.shape[1] or end > rows.untyped_storage().nbytes():
        rows, width = rows.contiguous(), rows.shape[1]
    raw = rows.view(torch.uint16) if rows.dtype == torch.bfloat16 else rows
    return raw.as_strided((count, width), (width, 1)).numpy()


@intrinsic
def as_float(typing, number):
    """A float32 itself, or the float32 that a bf16 number is the upper half of."""

    def same(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        return arguments[0]

    def widen(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        word = build.zext(arguments[0], _INT)
        return build.bitcast(build.shl(word, _INT(16)), _FLOAT)

    return types.float32(number), same if number == types.float32 else widen


@intrinsic
def as_kind_of(typing, number, like):
    """A float32 as `like` is: itself, or rounded to the nearest bf16, half to even."""

    def same(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        return arguments[0]

    def narrow(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        bits = build.bitcast(arguments[0], _INT)
        odd = build.and_(build.lshr(bits, _INT(16)), _INT(1))
        rounded = build.add(build.add(bits, _INT(0x7FFF)), odd)
        return build.trunc(build.lshr(rounded, _INT(16)), _HALF)

    return like(types.float32, like), same if like == types.float32 else narrow


@intrinsic
def larger(typing, a, b):
    """The larger of two float32; NaN where either is."""

    def call(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_FLOAT, [_FLOAT, _FLOAT])
        maximum = build.module.declare_intrinsic("llvm.maximum", [_FLOAT], kind)
        return build.call(maximum, arguments)

    return types.float32(types.float32, types.float32), call


@intrinsic
def nearest(typing, number):
    """The whole number (int32) next to a float32 of small magnitude.

    Added to 1.5 x 2^23, a float32 has no bits left for a fraction.
    """

    def add(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        moved = build.fadd(arguments[0], ir.Constant(_FLOAT, 1.5 * 2**23))
        return build.sub(build.bitcast(moved, _INT), _INT(0x4B400000))

    return types.int32(types.float32), add


@intrinsic
def _power_of_two(typing, exponent):
    """2^exponent in float32, -126 to 127: the exponent's own bits."""

    def shift(context: Any, build: Any, signature: Any, arguments: Any) -> Any:
        biased = build.add(arguments[0], _INT(127))
        return build.bitcast(build.shl(biased, _INT(23)), _FLOAT)

    return types.float32(types.int32), shift


@njit(fastmath={"contract"}, inline="always")
def exponential(x):
    """e^x for -87 <= x <= 88 to the last bit or the one before (Cephes' expf)."""
    k = nearest(x * _LOG2E)
    whole = _f(k)
    r = (x - whole * _LN2_HIGH) - whole * _LN2_LOW  # |r| <= ln 2 / 2
    p = _f(1.9875691500e-4)
    p = p * r + _f(1.3981999507e-3)
    p = p * r + _f(8.3334519073e-3)
    p = p * r + _f(4.1665795894e-2)
    p = p * r + _f(1.6666665459e-1)
    p = p * r + _f(5.0000001201e-1)
    return (p * r * r + r + _f(1)) * _power_of_two(k)


@njit(fastmath={"contract"}, inline="always")
def weight(below):
    """e^x for x <= 0, of which what lies below -87 counts as -87."""
    return exponential(below if below > _LEAST else _LEAST)


@njit(fastmath={"contract"}, inline="always")
def _gelu_power(x):
    """e^(-2 u) of `gelu`."""
    power = _SLOPE * (x + _CUBIC * x * x * x)
    power = power if power < _MOST else _MOST
    power = power if power > _LEAST else _LEAST
    return exponential(power)


@njit(fastmath={"contract"}, inline="always")
def gelu(x):
    """GELU with tanh: 0.5 x (1 + tanh u) = x / (1 + e^(-2 u))."""
    return x / (_f(1) + _gelu_power(x))


@njit(fastmath={"contract"}, inline="always")
def gelu_slope(x):
    """GELU's derivative: s + x s (1 - s) 2 u' with s = 1 / (1 + e^(-2 u))."""
    share_of_x = _f(1) / (_f(1) + _gelu_power(x))
    bend = x * (_f(1) - share_of_x) * (_SLOPE + _f(3) * _SLOPE * _CUBIC * x * x)
    return share_of_x * (_f(1) - bend)
