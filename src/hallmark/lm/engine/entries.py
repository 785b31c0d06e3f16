"""The compiled functions that Python calls, and the disk that keeps them.

numba keeps what it compiled (beside this file, or in the user's folder for caches where that
cannot be written, or in NUMBA_CACHE_DIR), so only the first run waits.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from hallmark.lm.compiled import Kernel, kept, stamp
from hallmark.lm.engine import between
from hallmark.lm.engine.draws import draw_all
from hallmark.lm.engine.forward import forward
from hallmark.lm.engine.inputs import STRICT


class Entries(NamedTuple):
    """`step` is a whole pass with its draws; the others are the parts of one over many rows."""

    step: Kernel
    begin: Kernel
    between: Kernel
    end: Kernel
    draw: Kernel


@cache
def entries() -> Entries:
    """All of them; each is compiled, or read from the disk, when it is first called."""
    mark = stamp()

    @kept(**STRICT)
    def step(rank, size, weights, cache, rows, room, draw):
        _ = mark
        forward(rank, size, weights, cache, rows, room)
        draw_all(rank, size, room.logits, draw)

    @kept(**STRICT)
    def begin(rank, size, weights, rows, room):
        _ = mark
        return between.begin(rank, size, weights, rows, room)

    @kept(**STRICT)
    def middle(rank, size, weights, cache, rows, room, number, sums, first, times):
        _ = mark
        return between.between(rank, size, weights, cache, rows, room, number, sums, first, times)

    @kept(**STRICT)
    def end(rank, size, weights, room, sums, first, times):
        _ = mark
        return between.end(rank, size, weights, room, sums, first, times)

    @kept(**STRICT)
    def draw(rank, size, logits, draw):
        _ = mark
        draw_all(rank, size, logits, draw)

    return Entries(step, begin, middle, end, draw)
