"""What a model gives for the tokens of a continuation, each from all that precedes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import torch
from torch import Tensor

from hallmark.lm.model import LanguageModel

BATCH = 16
Pair = tuple[list[int], list[int]]


def continuation_logits(
    model: LanguageModel, pairs: Iterable[Pair]
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each (context ids, continuation ids): logits (T, V) in float32, and the T ids.

    An empty context stands for `<|endoftext|>`; of one that does not fit, the end is read.
    ValueError where a continuation is empty or longer than the model's context.
    """
    remaining = iter(pairs)
    while batch := [_fit(model, *pair) for pair in islice(remaining, BATCH)]:
        yield from _batch(model, batch)


@torch.inference_mode()
def _batch(model: LanguageModel, batch: list[Pair]) -> list[tuple[Tensor, Tensor]]:
    rows = [context + target[:-1] for context, target in batch]
    padded = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = torch.tensor(row)
    hidden = model.network(padded.to(model.device))
    found = []
    for i, (context, target) in enumerate(batch):
        own = hidden[i, len(context) - 1 : len(context) - 1 + len(target)]
        found.append((model.network.logits(own).float().cpu(), torch.tensor(target)))
    return found


def _fit(model: LanguageModel, context: list[int], target: list[int]) -> Pair:
    room = model.network.config.n_ctx - len(target) + 1
    if not target or room < 1:
        raise ValueError(
            f"a continuation of {len(target)} tokens cannot be scored; give 1 to "
            f"{model.network.config.n_ctx}"
        )
    return (context or [model.tokenizer.eot])[-room:], target
