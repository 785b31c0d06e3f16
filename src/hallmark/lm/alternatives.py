"""What a network thought of each token of a text it is given, and what else it expected there."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from hallmark.lm.engine.decoder import Told
from hallmark.lm.logits import LogitBlocks
from hallmark.lm.packed import hidden_states
from hallmark.models.gpt2 import GPT2


@torch.inference_mode()
def alternatives(network: GPT2, ids: Sequence[int], *, count: int) -> list[Told]:
    """For each of `ids` (T,) but the first, its log-probability after those before it and the
    `count` likeliest tokens there, T - 1 in all. ValueError where T exceeds the context.
    """
    n_ctx = network.config.n_ctx
    if len(ids) > n_ctx + 1:
        raise ValueError(f"{len(ids)} tokens do not fit the context of {n_ctx}")
    if len(ids) < 2:
        return []
    tokens = torch.tensor(ids, device=network.device)
    states = hidden_states(network, tokens[:-1], [len(ids) - 1], compiled=False)  # (T - 1, C)
    head, out = LogitBlocks(network), list[Told]()
    for first in range(0, len(states), head.rows):
        block = head(states[first : first + head.rows]).float().log_softmax(1)  # (N, V)
        wanted = tokens[1 + first : 1 + first + len(block), None]
        own = block.gather(1, wanted)[:, 0].tolist()
        values, places = block.topk(min(count, block.shape[1]))
        for log_prob, probs, where in zip(own, values.tolist(), places.tolist(), strict=True):
            out.append(Told(log_prob, tuple(zip(where, probs, strict=True))))
    return out
