"""Continuous batching: texts enter a free slot and leave it at any step, each at its own pace.

A pass reads what every text has not read yet, be it one drawn token or a part of a prompt, so
nothing is padded and nobody waits for the longest. What a newcomer's context has in common with
one that is in the cache is copied, not read again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from hallmark.lm.engine.decoder import MAX_ROWS, Decoder, Token
from hallmark.lm.row import Generation, OnToken, Row
from hallmark.lm.sampling import SamplingParams
from hallmark.models.gpt2 import GPT2
from hallmark.models.tokenizer import Tokenizer

SLOTS = 32


def stream(
    network: GPT2,
    tokenizer: Tokenizer,
    prompts: Iterable[tuple[str, int]],
    params: SamplingParams,
    *,
    slots: int = SLOTS,
    on_token: OnToken | None = None,
) -> Iterator[tuple[int, Generation]]:
    """Go on from every (prompt, seed); yields (index, text) as the texts end, in no set order.

    Prompts are taken as slots become free, so any number may come. A text depends on its prompt
    and seed alone. on_token: see `generate.generate`.
    """
    n_ctx = network.config.n_ctx
    rows = (
        Row(i, prompt, seed, tokenizer, params, n_ctx=n_ctx, on_token=on_token)
        for i, (prompt, seed) in enumerate(prompts)
    )
    if not params.max_tokens:
        yield from ((i, row.generation()) for i, row in enumerate(rows))
        return
    with Decoder(network, params, slots=slots, capacity=n_ctx) as decoder:
        yield from _Schedule(decoder, rows).run()


class _Text:
    """A text in a slot: its context, and how much of that is in the cache."""

    def __init__(self, index: int, row: Row, slot: int) -> None:
        self.index, self.row, self.slot = index, row, slot
        self.context = list(row.context)
        self.read = 0

    def take(self, token: int, *, n_ctx: int) -> bool:
        """Add a drawn token; whether the text goes on. A full context keeps its last half."""
        goes_on = self.row.take(token)
        self.context.append(token)
        if goes_on and len(self.context) > n_ctx:
            self.context = self.context[-max(1, n_ctx // 2) :]
            self.read = 0
            self.row.slides += 1
        return goes_on


class _Schedule:
    """Which text is in which slot, and what each pass reads."""

    def __init__(self, decoder: Decoder, rows: Iterator[Row]) -> None:
        self.decoder = decoder
        self.n_ctx = decoder.network.config.n_ctx
        self.penalised = decoder.params.repetition_penalty != 1
        self.coming = enumerate(rows)
        self.waiting: deque[tuple[int, Row]] = deque()
        self.texts: dict[int, _Text] = {}  # by slot
        self.left: dict[int, list[int]] = {}  # what the cache still holds in free slots

    def run(self) -> Iterator[tuple[int, Generation]]:
        """Pass after pass until all texts have ended."""
        while True:
            self.admit()
            if not self.texts:
                return
            yield from self.one_pass()

    def admit(self) -> None:
        """Fill free slots."""
        while len(self.texts) < self.decoder.slots:
            if not self.waiting:
                self.waiting.extend(islice(self.coming, 1))
            if not self.waiting or not self.enter(*self.waiting[0]):
                return
            self.waiting.popleft()

    def enter(self, index: int, row: Row) -> bool:
        """Put a text into a free slot; False where another is about to read what it needs."""
        held = self.left | {slot: text.context[: text.read] for slot, text in self.texts.items()}
        common = {slot: _common(row.context, ids) for slot, ids in held.items()}
        source = max(common, key=lambda slot: common[slot], default=0)
        most = min(common.get(source, 0), len(row.context) - 1)
        pending = max((_common(row.context, t.context) for t in self.texts.values()), default=0)
        if min(pending, len(row.context) - 1) > most:
            return False
        free = [slot for slot in range(self.decoder.slots) if slot not in self.texts]
        slot = source if source in free and most else min(free, key=lambda s: s in self.left)
        text = _Text(index, row, slot)
        if most and source != slot:
            self.decoder.copy(source, slot, length=most)
        text.read = most
        self.left.pop(slot, None)
        self.texts[slot] = text
        if self.penalised:
            self.decoder.seen[slot] = False
            self.decoder.seen[slot, row.context] = True
        return True

    def one_pass(self) -> Iterator[tuple[int, Generation]]:
        """Read what is pending, texts that need one token first, and take what is drawn."""
        room = MAX_ROWS
        tokens: list[Token] = []
        drawing: list[_Text] = []
        for text in sorted(self.texts.values(), key=lambda t: len(t.context) - t.read):
            pending = text.context[text.read : text.read + room]
            whole = text.read + len(pending) == len(text.context)
            room -= len(pending)
            for ahead, token in enumerate(pending, start=1):
                last = whole and ahead == len(pending)
                step = len(text.row.tokens) if last else None
                place = text.read + ahead - 1
                tokens.append(Token(token, text.slot, place, text.row.seed, step))
            text.read += len(pending)
            if whole and pending:
                drawing.append(text)
        drawn = self.decoder.read(tokens)
        for text, token in zip(drawing, drawn, strict=True):
            if self.penalised:
                self.decoder.seen[text.slot, token] = True
            if not text.take(token, n_ctx=self.n_ctx):
                self.left[text.slot] = text.context[: text.read]
                del self.texts[text.slot]
                yield text.index, text.row.generation()


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the longest common beginning."""
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length
