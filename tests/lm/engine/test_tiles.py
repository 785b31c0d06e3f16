"""Products on processors with and without instructions for bytes: the same exact sums."""

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
from hallmark.lm.engine import inputs
from hallmark.lm.engine.tiles import (
    BYTE_DOTS, BYTE_PAIRS, int4_row, int4_tile, int8_row, int8_tile, unpack_int4,
)
from hallmark.models.rounding import pack, unpack

def sums_of(row_of, tile_of):
    @njit
    def sums(four, w, width, m, groups, x, stride, columns, out):
        for o in range(2 if four else 5):
            v, n, to = w + o * width, m + o * groups, out + o * 4
            if four:
                tile_of(v, width, n, groups, x, stride, columns, to, 32)
            else:
                row_of(v, width, n, groups, x, stride, columns, to, 32)
    return sums

@njit
def unpacked(w, m, columns, out):
    unpack_int4(w, m, columns, out)

rng = np.random.default_rng(0)
int4, int8 = sums_of(int4_row, int4_tile), sums_of(int8_row, int8_tile)

def check(kind, sums, columns, weight, m, values):
    x = rng.normal(size=(4, columns)).astype(np.float32)
    x[0], x[1] = 3.0, 0.0
    whole, plain = np.zeros((4, columns), np.int16), np.zeros((4, columns), np.int16)
    for row in range(4):
        worth = inputs.prepare(kind, x[row], np.empty_like(x[row]), whole[row])
        assert worth == inputs.round_row(x[row], plain[row])
    expected = plain.astype(int) @ values.T
    for rows in (1, 4):
        out = np.zeros((4, 8), np.int32)
        sums(
            rows == 4, weight.ctypes.data, weight.strides[0], m.ctypes.data, columns // 32,
            whole.ctypes.data, 2 * columns, columns, out.ctypes.data,
        )
        assert (out[:rows, :5] == expected[:rows]).all(), (kind, columns, rows)

for columns in (64, 448, 6400):
    q = rng.integers(-8, 8, (5, columns)).astype(np.int8)
    m = rng.integers(-15, 16, (5, columns // 32)).astype(np.int8)
    q[0], m[0] = -8, 15  # the largest sums that there are, and of q + 8
    q[1], m[1] = 7, -15
    packed, *_ = pack(torch.from_numpy(q), torch.empty(0), torch.empty(0))
    values = np.repeat(m, 32, axis=1)
    check(inputs.INT4, int4, columns, packed.numpy(), m, q * values.astype(int))
    out = np.zeros(columns, np.int8)
    unpacked(packed.numpy()[1].ctypes.data, m[1].ctypes.data, columns, out.ctypes.data)
    assert (out == unpack(packed, torch.from_numpy(m))[1].numpy()).all()
for columns in (32, 64, 480, 6400):
    w = rng.integers(-127, 128, (5, columns)).astype(np.int8)
    w[0] = -127
    check(inputs.INT8, int8, columns, w, np.zeros((5, columns // 32), np.int8), w.astype(int))
print("bytes" if BYTE_PAIRS else "words", "dots" if BYTE_DOTS else "words")
"""
X86 = platform.machine().lower() in ("x86_64", "amd64")


@pytest.mark.parametrize(
    ("processor", "features", "way"),
    [
        ("generic", "", "words words"),
        *([("haswell", "+avx2,+fma", "bytes words")] if X86 else []),
    ],
)
def test_sums_are_exact_on_other_processors(processor: str, features: str, way: str) -> None:
    named = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": features}
    assert sums_with(named) == way


def test_sums_are_exact_on_this_processor() -> None:
    assert sums_with({}) in ("bytes dots", "bytes words", "words words")


def sums_with(settings: dict[str, str]) -> str:
    """The program's last word, in a process of its own, for numba looks at these at its start."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | settings,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
