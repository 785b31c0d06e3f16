"""Texts through the slots of a GPU's decoder: each that ends makes room for the next.

Python looks every few steps, takes what was drawn, and has the device go on. `lm/generate.py` is
the reference: the same texts wherever the logits agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from hallmark.lm.gpu.decoder import Decoder, Entry
from hallmark.lm.row import Generation, OnToken, Row
from hallmark.lm.sampling import SamplingParams
from hallmark.models.gpt2 import GPT2
from hallmark.models.tokenizer import Tokenizer


def stream(
    network: GPT2,
    tokenizer: Tokenizer,
    prompts: Iterable[tuple[str, int]],
    params: SamplingParams,
    *,
    slots: int,
    on_token: OnToken | None = None,
) -> Iterator[tuple[int, Generation]]:
    """Go on from every (prompt, seed); yields (index, text) as the texts end, in no set order.

    Prompts are taken as slots become free, so any number may come. ValueError where the network's
    logits are not finite, or so many slots do not fit the device.
    """
    n_ctx = network.config.n_ctx
    rows = (
        Row(i, prompt, seed, tokenizer, params, n_ctx=n_ctx, on_token=on_token)
        for i, (prompt, seed) in enumerate(prompts)
    )
    if not params.max_tokens:
        yield from ((i, row.generation()) for i, row in enumerate(rows))
        return
    first = list(islice(rows, slots))
    if first:
        decoder = Decoder(network, params, slots=len(first), eot=tokenizer.eot)
        yield from written(decoder, chain(first, rows))


class _Text:
    """A text in a slot; `context` is what the network is to have read for its next token."""

    def __init__(self, index: int, row: Row, slot: int) -> None:
        self.index, self.row, self.slot = index, row, slot
        self.context = list(row.context)

    def entry(self) -> Entry:
        """For the decoder."""
        drawn = len(self.row.tokens)
        return Entry(self.slot, self.context, self.row.seed, drawn, fresh=not drawn)

    def take(self, tokens: Iterable[int]) -> bool:
        """Add drawn tokens up to the text's end; whether it goes on."""
        for token in tokens:
            if token < 0:
                raise ValueError("the network's logits are not finite; its weights are damaged")
            self.context.append(token)
            if not self.row.take(token):
                return False
        return True

    def slide(self, n_ctx: int) -> bool:
        """Where the context is full, keep the last half of it, to be read afresh."""
        if len(self.context) <= n_ctx:
            return False
        self.context = self.context[-max(1, n_ctx // 2) :]
        self.row.slides += 1
        return True


def written(decoder: Decoder, rows: Iterable[Row]) -> Iterator[tuple[int, Generation]]:
    """Each row's index and text, as the texts end."""
    n_ctx = decoder.network.config.n_ctx
    coming, free = enumerate(rows), list(range(decoder.slots))
    texts: list[_Text] = []
    while True:
        arrived = [_Text(i, row, free.pop()) for i, row in islice(coming, len(free))]
        texts += arrived
        if not texts:
            return
        decoder.enter([t.entry() for t in texts if t in arrived or t.slide(n_ctx)])
        longest = max(len(t.context) for t in texts)
        most = max(t.row.left for t in texts)
        count = min(decoder.window, most, n_ctx + 1 - longest)
        drawn = decoder.draw(count, longest=longest)
        ended = [t for t in texts if not t.take(ids[t.slot] for ids in drawn)]
        decoder.leave([t.slot for t in ended])
        free += [t.slot for t in ended]
        texts = [t for t in texts if t not in ended]
        yield from ((t.index, t.row.generation()) for t in ended)
