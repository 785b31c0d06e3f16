"""Where a training step's time goes: one block and the head, ours beside the plain loop's.

Processor seconds of one thread, forward and backward, at the 124M shape and 8 x 512 tokens, which
say something on a machine that is shared too. `products` is what their matrix products take by
themselves, each as the step calls it; no side can be faster than that:

    python benchmarks/train_parts.py ours
    python benchmarks/train_parts.py plain
    python benchmarks/train_parts.py products
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch.nn import functional as F
from train import PlainGPT, first_network

from hallmark.lm.training.head import head_loss
from hallmark.lm.training.memory import keep_freed_memory
from hallmark.lm.training.objective import NextTokenLoss, gradients
from hallmark.lm.training.settings import TrainConfig
from hallmark.models.sizes import find_size

ROWS, LENGTH, WORDS, WIDTH = 8, 512, 50257, 768
TOKENS = ROWS * LENGTH
PRODUCTS = {"qkv": (768, 2304), "proj": (768, 768), "fc": (768, 3072), "mlp proj": (3072, 768)}


def timed(name: str, call: Callable[[], object], *, times: int = 3) -> float:
    """The least processor seconds of `times` calls after one that warms up; printed."""
    call()
    found = []
    for _ in range(times):
        began = time.thread_time()
        call()
        found.append(time.thread_time() - began)
    print(f"{name}: {min(found):.3f} s ({' '.join(f'{t:.3f}' for t in found)})", flush=True)
    return min(found)


def block_of(side: str) -> Callable[[], object]:
    """Forward and backward of a network of one block and a small vocabulary."""
    config = dataclasses.replace(find_size("124M").config, n_layer=1, vocab_size=256)
    ids = torch.randint(0, 256, (ROWS, LENGTH + 1))
    if side == "ours":
        loss = NextTokenLoss(first_network(config), TrainConfig())

        def ours() -> None:
            gradients(loss, loss, [ids], no_sync=None)
            loss.zero_grad()

        return ours
    model = PlainGPT(config)

    def plain() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = model(ids[:, :-1], ids[:, 1:])
        found.backward()
        model.zero_grad()

    return plain


def head_of(side: str) -> Callable[[], object]:
    """Cross-entropy of all tokens over all words, forward and backward."""
    hidden = torch.randn(TOKENS, WIDTH, requires_grad=True)
    weight = (torch.randn(WORDS, WIDTH) * 0.02).requires_grad_()
    targets = torch.randint(0, WORDS, (TOKENS,))

    def run() -> None:
        if side == "ours":
            loss = head_loss(hidden, weight, targets, scale=1 / TOKENS, dtype=torch.bfloat16)
        else:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = F.linear(hidden, weight)
            loss = F.cross_entropy(logits.float(), targets)
        torch.autograd.backward(loss)
        hidden.grad = weight.grad = None

    return run


def products() -> None:
    """Each product of a block, forward and both backward, and its speed."""
    for name, (into, out) in PRODUCTS.items():
        x, w, g = (
            torch.randn(shape).bfloat16() for shape in ((TOKENS, into), (out, into), (TOKENS, out))
        )
        total = timed(f"{name} forward", partial(torch.mm, x, w.t()))
        total += timed(f"{name} to the input", partial(torch.mm, g, w))
        total += timed(f"{name} to the weight", partial(torch.mm, g.t(), x))
        print(f"{name}: {6 * TOKENS * into * out / total / 1e9:.0f} GFLOP/s")


def main() -> None:
    torch.set_num_threads(1)
    (side,) = sys.argv[1:]
    if side == "products":
        products()
        return
    if side == "ours":
        keep_freed_memory()
    timed(f"{side}, a block", block_of(side))
    timed(f"{side}, the head", head_of(side), times=2)


if __name__ == "__main__":
    main()
