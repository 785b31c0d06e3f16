"""A small network that is far from flat and swayed by all that it has read, on one thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config
from hallmark.models.tokenizer import Tokenizer

N_CTX = 48


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer([(b"t", b"h"), (b"th", b"e"), (b" ", b"the"), (b"\xc3", b"\xa9")])


@pytest.fixture(scope="session")
def network(tokenizer) -> GPT2:
    return make(tokenizer)


def make(tokenizer: Tokenizer) -> GPT2:
    """The same each time."""
    config = GPT2Config(n_layer=2, n_head=4, n_embd=48, n_ctx=N_CTX, vocab_size=tokenizer.n_vocab)
    network = GPT2(config).eval()
    network.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for p in network.h.parameters():
            p.mul_(8 if p.ndim == 2 else 1)
        network.wte.weight.mul_(8)
        network.wpe.weight.mul_(8)
        network.ln_f.weight.mul_(2.5)
    return network
