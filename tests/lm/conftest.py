"""A small vocabulary, and small random networks that do what trained ones do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config
from hallmark.models.tokenizer import Tokenizer

N_CTX = 48
MakeSwayed = Callable[..., GPT2]


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer([(b"t", b"h"), (b"th", b"e"), (b" ", b"the"), (b"\xc3", b"\xa9")])


@pytest.fixture(scope="session")
def make_swayed(tokenizer: Tokenizer) -> MakeSwayed:
    """Makes networks far from flat and swayed by all that they have read; the same each time.

    sharpness: of what they predict, the scale of the last norm.
    """

    def make(*, n_head: int, n_embd: int, sharpness: float) -> GPT2:
        config = GPT2Config(
            n_layer=2, n_head=n_head, n_embd=n_embd, n_ctx=N_CTX, vocab_size=tokenizer.n_vocab
        )
        network = GPT2(config).eval()
        network.initialise(torch.Generator().manual_seed(0))
        with torch.no_grad():
            for p in network.h.parameters():
                p.mul_(8 if p.ndim == 2 else 1)
            network.wte.weight.mul_(8)
            network.wpe.weight.mul_(8)
            network.ln_f.weight.mul_(sharpness)
        return network

    return make
