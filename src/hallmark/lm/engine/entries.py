"""The compiled functions that Python calls, and the disk that keeps them.

numba keeps what it compiled (beside this file, or in the user's folder for caches where that
cannot be written, or in NUMBA_CACHE_DIR), so only the first run waits. It looks for changes in the
file of a function alone, not in those it calls: hence a stamp of all files here is part of each.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from numba import njit

from hallmark.lm.engine import between
from hallmark.lm.engine.draws import draw_all
from hallmark.lm.engine.forward import forward
from hallmark.lm.engine.kernels import STRICT

Compiled = Callable[..., Any]


class Entries(NamedTuple):
    """`step` is a whole pass with its draws; the others are the parts of one over many rows."""

    step: Compiled
    begin: Compiled
    between: Compiled
    end: Compiled
    draw: Compiled


@cache
def entries() -> Entries:
    """All of them; each is compiled, or read from the disk, when it is first called."""
    stamp = 0
    for file in sorted(Path(__file__).parent.glob("*.py")):
        stamp = zlib.crc32(file.read_bytes(), stamp)

    @njit(cache=True, **STRICT)
    def step(rank, size, weights, cache, rows, room, draw):
        _ = stamp
        forward(rank, size, weights, cache, rows, room)
        draw_all(rank, size, room.logits, draw)

    @njit(cache=True, **STRICT)
    def begin(rank, size, weights, rows, room):
        _ = stamp
        return between.begin(rank, size, weights, rows, room)

    @njit(cache=True, **STRICT)
    def middle(rank, size, weights, cache, rows, room, number, sums, first, times):
        _ = stamp
        return between.between(rank, size, weights, cache, rows, room, number, sums, first, times)

    @njit(cache=True, **STRICT)
    def end(rank, size, weights, room, sums, first, times):
        _ = stamp
        return between.end(rank, size, weights, room, sums, first, times)

    @njit(cache=True, **STRICT)
    def draw(rank, size, logits, draw):
        _ = stamp
        draw_all(rank, size, logits, draw)

    return Entries(step, begin, middle, end, draw)
