"""4-bit products on processors with and without products of bytes: the same exact sums."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

# Sums of 5 outputs (two tiles that overlap) of widths with one step and with several.
PROGRAM = """
import numpy as np, torch
from numba import njit
from hallmark.lm.engine import kernels
from hallmark.lm.engine.simd import BYTE_PAIRS, int4_row, int4_tile
from hallmark.models.rounding import pack

@njit
def sums_of(four, w, width, m, groups, x, stride, columns, out):
    for o in range(2 if four else 5):
        v, n, to = w + o * width, m + o * groups, out + o * 4
        if four:
            int4_tile(v, width, n, groups, x, stride, columns, to, 32)
        else:
            int4_row(v, width, n, groups, x, stride, columns, to, 32)

rng = np.random.default_rng(0)
for columns in (64, 448):
    q = rng.integers(-8, 8, (5, columns)).astype(np.int8)
    m = rng.integers(-127, 128, (5, columns // 32)).astype(np.int8)
    q[0], m[0] = -8, 127  # the largest sums that there are
    weight = pack(torch.from_numpy(q), torch.empty(0), torch.empty(0))[0].numpy()
    x = rng.normal(size=(4, columns)).astype(np.float32)
    x[0] = 3.0
    whole, plain = np.zeros((4, columns), np.int16), np.zeros((4, columns), np.int16)
    for row in range(4):
        kernels.prepare(kernels.INT4, x[row], np.empty_like(x[row]), whole[row])
        kernels.round_row(x[row], plain[row])
    expected = plain.astype(int) @ (q * np.repeat(m.astype(int), 32, axis=1)).T
    for rows in (1, 4):
        out = np.zeros((4, 8), np.int32)
        sums_of(
            rows == 4, weight.ctypes.data, columns // 2, m.ctypes.data, columns // 32,
            whole.ctypes.data, 2 * columns, columns, out.ctypes.data,
        )
        assert (out[:rows, :5] == expected[:rows]).all(), (columns, rows)
print("bytes" if BYTE_PAIRS else "words")
"""
X86 = platform.machine().lower() in ("x86_64", "amd64")


@pytest.mark.parametrize(
    ("processor", "features", "way"),
    [
        ("generic", "", "words"),
        *([("haswell", "+avx2,+fma", "bytes"), ("x86-64", "+sse4.2", "words")] if X86 else []),
    ],
)
def test_4_bit_sums_are_exact_on_other_processors(processor: str, features: str, way: str) -> None:
    named = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": features}
    assert sums_with(named) == way


def test_4_bit_sums_are_exact_on_this_processor() -> None:
    assert sums_with({}) in ("bytes", "words")


def sums_with(settings: dict[str, str]) -> str:
    """The program's last word, in a process of its own, for numba looks at these at its start."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | settings,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
