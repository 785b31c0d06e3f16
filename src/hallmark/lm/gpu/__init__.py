"""Decoding and scoring on a GPU, which is only fast while Python does not make it wait.

Fixed shapes at fixed addresses, so that a pass is recorded once and played back. All of it runs on
a CPU too, where nothing is recorded, and is tested there. This file loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hallmark.models.gpt2 import GPT2


def fits(network: GPT2) -> bool:
    """Whether this is the way for this network: it is on a GPU of CUDA's (or ROCm's) kind."""
    return network.device.type == "cuda"
