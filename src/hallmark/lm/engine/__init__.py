"""Compiled decoding on CPUs: the network's arithmetic in numba, loaded when it is first used.

The plain network in `models/gpt2.py` is the reference that all of this is tested against. This
file loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hallmark.models.gpt2 import GPT2


def fits(network: GPT2) -> bool:
    """Whether compiled code can run this network: it is on a CPU, 32 divides its widths."""
    c = network.config
    widths_fit = c.n_embd % 32 == 0 and (c.n_embd // c.n_head) % 32 == 0
    return widths_fit and network.device.type == "cpu" and c.vocab_size >= 64
