"""A whole step of decoding as one compiled call: forward pass, then the draws.

What is compiled is kept on disk (numba's cache: beside this file, or in the user's folder for
caches where that cannot be written, or in NUMBA_CACHE_DIR), so only the first run waits for it.
"""

from __future__ import annotations

from numba import njit

from hallmark.lm.engine.draws import draw_all
from hallmark.lm.engine.forward import forward
from hallmark.lm.engine.kernels import STRICT


@njit(cache=True, **STRICT)
def step(rank, size, weights, cache, rows, room, draw):
    """Read `rows` and draw a token after each wanted one; every thread of a team calls it."""
    forward(rank, size, weights, cache, rows, room)
    draw_all(rank, size, room.logits, draw)
