"""Cached decoding of one batch: prompts of unequal lengths in, each one's own text out.

Prompts are padded on the right, where a causal network never looks, and a row's place in the
cache is its position in the text: each hides what lies behind its own last token. A text
depends on its prompt and seed alone; `draw.draw` says how far that holds in float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hallmark.lm.draw import next_tokens
from hallmark.lm.row import Generation, OnToken, Row
from hallmark.lm.sampling import SamplingParams
from hallmark.models.gpt2 import GPT2, KVCache
from hallmark.models.tokenizer import Tokenizer


@torch.inference_mode()
def generate(
    network: GPT2,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    params: SamplingParams,
    *,
    seeds: Sequence[int],
    on_token: OnToken | None = None,
) -> list[Generation]:
    """Go on from every prompt, all in one batch; the texts in the order of the prompts.

    An empty prompt starts from `<|endoftext|>`, as the release's unconditional samples do; the
    repetition penalty counts it as part of the prompt. seeds: one for each prompt. on_token is
    called with (index of the prompt, text) whenever more of a text is certain; the pieces of a
    text join to its final `text`. ValueError where the network's logits are not finite.
    """
    rows = [
        Row(i, prompt, seed, tokenizer, params, n_ctx=network.config.n_ctx, on_token=on_token)
        for i, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True))
    ]
    if rows and params.max_tokens:
        _decode(_Batch(network, rows, params), params)
    return [row.generation() for row in rows]


def _decode(batch: _Batch, params: SamplingParams) -> None:
    """Draw a token for every row of the batch, let finished rows leave, and go on."""
    for step in range(params.max_tokens):
        logits = batch.network.logits(batch.hidden)  # (B, V)
        tokens = next_tokens(logits, params, seeds=batch.seeds, step=step, seen=batch.seen)
        unfinished = [
            i
            for i, (row, token) in enumerate(zip(batch.rows, tokens.tolist(), strict=True))
            if row.take(token)
        ]
        if not unfinished:
            return
        if len(unfinished) < len(batch.rows):
            index = torch.tensor(unfinished, device=tokens.device)
            batch.keep(index)
            tokens = tokens[index]
        batch.read(tokens)


class _Batch:
    """The rows still being written, and the network's memory of what each has read.

    `hidden`: (B, C), the state that predicts each row's next token. `lengths`: how many
    positions each row fills in the cache.
    """

    def __init__(self, network: GPT2, rows: list[Row], params: SamplingParams) -> None:
        device = network.device
        self.network, self.rows = network, rows
        self.seeds = torch.tensor([row.seed for row in rows], device=device)
        self.seen: Tensor | None = None
        if params.repetition_penalty != 1:
            shape = (len(rows), network.config.vocab_size)
            self.seen = torch.zeros(shape, dtype=torch.bool, device=device)
            for i, row in enumerate(rows):
                self.seen[i, row.context] = True
        self.lengths = [len(row.context) for row in rows]
        # The last token drawn is never read, hence the - 1.
        capacity = min(network.config.n_ctx, max(self.lengths) + params.max_tokens - 1)
        self.cache, hidden = self._prefill([row.context for row in rows], capacity=capacity)
        ends = torch.tensor(self.lengths, device=device) - 1
        self.hidden = hidden[torch.arange(len(rows), device=device), ends]

    def keep(self, index: Tensor) -> None:
        """Let all rows but those of `index` leave."""
        chosen = index.tolist()
        self.rows = [self.rows[i] for i in chosen]
        self.lengths = [self.lengths[i] for i in chosen]
        self.seeds = self.seeds[index]
        self.seen = None if self.seen is None else self.seen[index]
        self.cache.keep(index)

    def read(self, tokens: Tensor) -> None:
        """Let every row read its own new token (B,)."""
        if self.seen is not None:
            self.seen.scatter_(1, tokens[:, None], True)
        self._slide()
        places = torch.tensor(self.lengths, device=tokens.device)
        longest, mask = max(self.lengths), None
        if min(self.lengths) < longest:  # hide what lies behind each row's own new token
            upto = torch.arange(longest + 1, device=tokens.device)
            mask = (upto <= places[:, None])[:, None, None]  # (B, 1, 1, longest + 1)
        self.cache.length = longest
        self.cache.places = None if mask is None else places
        hidden = self.network(
            tokens[:, None], positions=places[:, None], cache=self.cache, mask=mask
        )
        self.hidden = hidden[:, 0]
        self.lengths = [length + 1 for length in self.lengths]

    def _slide(self) -> None:
        """Where the context is full, read its last half, new token included, as if afresh."""
        n_ctx = self.network.config.n_ctx
        full = [i for i, length in enumerate(self.lengths) if length == n_ctx]
        if not full:
            return
        half = max(1, n_ctx // 2)
        again = [(self.rows[i].context + self.rows[i].tokens)[-half:-1] for i in full]
        if half > 1:
            fresh, _ = self._prefill(again, capacity=half - 1)
            self.cache.keys[:, full, :, : half - 1] = fresh.keys
            self.cache.values[:, full, :, : half - 1] = fresh.values
        for i in full:
            self.lengths[i] = half - 1
            self.rows[i].slides += 1

    def _prefill(self, contexts: list[list[int]], *, capacity: int) -> tuple[KVCache, Tensor]:
        """Read whole contexts into a new cache; also returns the states (B, T, C)."""
        longest = max(map(len, contexts))
        padded = [ids + [0] * (longest - len(ids)) for ids in contexts]
        cache = self.network.cache(batch=len(contexts), capacity=capacity)
        hidden: Tensor = self.network(torch.tensor(padded, device=self.network.device), cache=cache)
        return cache, hidden
