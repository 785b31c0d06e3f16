"""One step of decoding: every text reads a token and draws the next, on the device alone.

Nothing here waits for the device, has a shape that a number decides, or allocates what is needed
after it: those are the rules of CUDA graphs. A text that has ended stands still in its slot.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hallmark.lm.draw import next_tokens_unwatched
from hallmark.lm.gpu.cache import OneToken, StaticCache
from hallmark.lm.sampling import SamplingParams
from hallmark.models.gpt2 import GPT2


@dataclass(frozen=True)
class Slots:
    """What a step knows of the texts in S slots, in tensors that it changes in place.

    `tokens`: what each reads next; `places`: where that goes; `steps`: how many tokens it has
    drawn; `seeds`, all (S,) int64. `alive` (S,): whether it goes on. `seen` (S, V): the tokens
    that a repetition penalty applies to, or None. `drawn` (N, S): the tokens of up to N steps,
    which Python looks at together, and `at` (1,) the step among them.
    """

    tokens: Tensor
    places: Tensor
    steps: Tensor
    seeds: Tensor
    alive: Tensor
    seen: Tensor | None
    drawn: Tensor
    at: Tensor

    @classmethod
    def free(cls, network: GPT2, params: SamplingParams, *, slots: int, window: int) -> Slots:
        """Slots without texts, for up to `window` steps before Python looks."""

        def zeros(*shape: int, dtype: torch.dtype = torch.int64) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=network.device)

        penalised = params.repetition_penalty != 1
        return cls(
            tokens=zeros(slots),
            places=zeros(slots),
            steps=zeros(slots),
            seeds=zeros(slots),
            alive=zeros(slots, dtype=torch.bool),
            seen=zeros(slots, network.config.vocab_size, dtype=torch.bool) if penalised else None,
            drawn=zeros(window, slots),
            at=zeros(1),
        )

    @property
    def changes(self) -> list[Tensor]:
        """All that a step changes, but for `drawn`, whose numbers are written before they are
        read, and the cache, where a step that runs again writes the same.
        """
        changed = [self.tokens, self.places, self.steps, self.alive, self.at]
        return changed if self.seen is None else [*changed, self.seen]


def step(
    network: GPT2,
    cache: StaticCache,
    slots: Slots,
    params: SamplingParams,
    *,
    eot: int,
    bucket: int,
) -> None:
    """Read `tokens` at `places`, of which none is `bucket` or more, and draw what comes next.

    A text ends with `eot`, with its max_tokens, or with a draw of -1 (logits not finite).
    """
    logits = network.logits(_states(network, cache, slots, bucket=bucket))  # (S, V)
    drawn = next_tokens_unwatched(
        logits, params, seeds=slots.seeds, step=slots.steps, seen=slots.seen
    )
    slots.drawn.index_copy_(0, slots.at, drawn[None])
    slots.at.add_(1)
    if slots.seen is not None:
        slots.seen.scatter_(1, drawn.clamp(min=0)[:, None], True)
    slots.steps.add_(slots.alive)
    slots.alive.logical_and_((drawn != eot) & (drawn >= 0) & (slots.steps < params.max_tokens))
    slots.places.add_(slots.alive)
    slots.tokens.copy_(torch.where(slots.alive, drawn, slots.tokens))


def _states(network: GPT2, cache: StaticCache, slots: Slots, *, bucket: int) -> Tensor:
    """The states (S, C) after each slot's token."""
    hidden = torch.arange(bucket, device=slots.places.device) > slots.places[:, None]
    # Added to scores rather than boolean: each layer would turn the latter into the former.
    mask = torch.zeros(hidden.shape, dtype=cache.keys.dtype, device=hidden.device)
    mask = mask.masked_fill_(hidden, float("-inf"))[:, None, None]  # (S, 1, 1, bucket)
    states: Tensor = network(
        slots.tokens[:, None],
        positions=slots.places[:, None],
        cache=OneToken(cache, slots.places, bucket=bucket),
        mask=mask,
    )
    return states[:, 0]
