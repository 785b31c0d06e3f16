"""Compiled decoding on CPUs: the network's arithmetic in numba, loaded when it is first used.

The plain network in `models/gpt2.py` is the reference that all of this is tested against. This
file loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hallmark.models.gpt2 import GPT2


UNFIT = "compiled code wants a CPU, widths that 32 divides and a vocabulary of 64 or more"


def fits(network: GPT2) -> bool:
    """Whether compiled code can run this network; `UNFIT` says what it takes."""
    c = network.config
    widths_fit = c.n_embd % 32 == 0 and (c.n_embd // c.n_head) % 32 == 0
    return widths_fit and network.device.type == "cpu" and c.vocab_size >= 64
