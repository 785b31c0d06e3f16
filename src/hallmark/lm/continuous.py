"""Continuous batching: texts enter a free slot and leave it at any step, each at its own pace.

A pass reads what every text has not read yet, be it one drawn token or a part of a prompt, so
nothing is padded and nobody waits for the longest. What a newcomer's context has in common with
one that is in the cache is copied, not read again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from hallmark.lm.engine.decoder import Decoder, Token, Told
from hallmark.lm.engine.state import MAX_ROWS
from hallmark.lm.row import Generation, OnToken, Row
from hallmark.lm.sampling import SamplingParams
from hallmark.lm.speculation import Ask, Draft, Pace
from hallmark.models.gpt2 import GPT2
from hallmark.models.tokenizer import Tokenizer

OnDraw = Callable[[int, int, Told], None]


def stream(
    network: GPT2,
    tokenizer: Tokenizer,
    prompts: Iterable[tuple[str, int]],
    params: SamplingParams,
    *,
    slots: int,
    on_token: OnToken | None = None,
    draft: Draft | None = None,
    pace: Pace | None = None,
) -> Iterator[tuple[int, Generation]]:
    """Go on from every (prompt, seed); yields (index, text) as the texts end, in no set order.

    Prompts are taken as slots become free, so any number may come. A text depends on its prompt
    and seed alone. on_token: see `generate.generate`. draft: guesses, which change no text;
    `pace` counts them. A repetition penalty, which depends on what was drawn, does without.
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
        yield from Schedule(decoder, rows, draft=draft, pace=pace or Pace()).run()


class _Text:
    """A text in a slot: its context, and how much of that is in the cache."""

    def __init__(self, index: int, row: Row, slot: int) -> None:
        self.index, self.row, self.slot = index, row, slot
        self.context = list(row.context)
        self.read = 0
        self.penalised = row.params.repetition_penalty != 1

    def take(self, token: int, *, n_ctx: int) -> bool:
        """Add a drawn token; whether the text goes on. A full context keeps its last half."""
        goes_on = self.row.take(token)
        self.context.append(token)
        if goes_on and len(self.context) > n_ctx:
            self.context = self.context[-max(1, n_ctx // 2) :]
            self.read = 0
            self.row.slides += 1
        return goes_on


class Schedule:
    """Which text is in which slot, and what each pass reads.

    Rows may have sampling settings of their own. Besides those of `rows`, which are taken as slots
    become free, texts may be added and dropped between passes. on_draw is told what became of
    each draw of a row that wants its alternatives, before the row takes the token.
    """

    def __init__(
        self,
        decoder: Decoder,
        rows: Iterable[Row] = (),
        *,
        draft: Draft | None = None,
        pace: Pace | None = None,
        on_draw: OnDraw | None = None,
    ) -> None:
        self.decoder, self.draft, self.pace = decoder, draft, pace or Pace()
        self.on_draw = on_draw
        self.n_ctx = decoder.network.config.n_ctx
        self.coming = enumerate(rows)
        self.waiting: deque[tuple[int, Row]] = deque()
        self.texts: dict[int, _Text] = {}  # by slot
        self.left: dict[int, list[int]] = {}  # what the cache still holds in free slots

    def add(self, index: int, row: Row) -> None:
        """Let a text wait for a slot; `index`, its name, must differ from those of others."""
        self.waiting.append((index, row))

    def drop(self, index: int) -> None:
        """Let a text leave, wherever it is; nothing happens where it has ended."""
        self.waiting = deque(pair for pair in self.waiting if pair[0] != index)
        for slot, text in list(self.texts.items()):
            if text.index == index:
                self.left[slot] = text.context[: text.read]
                del self.texts[slot]

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
        if text.penalised:
            self.decoder.seen[slot] = False
            self.decoder.seen[slot, row.context] = True
        return True

    def one_pass(self) -> Iterator[tuple[int, Generation]]:
        """Read what is pending, with guesses at what follows, and take what is drawn."""
        plans = self.plan()
        tokens = [token for plan in plans for token in plan.tokens()]
        began = time.perf_counter()
        drawn = iter(self.decoder.read(tokens))
        told = iter(self.decoder.told() if self.on_draw else ())
        self.pace.passed(len(tokens), time.perf_counter() - began)
        for plan in plans:
            text, whole = plan.text, plan.whole
            text.read += len(plan.pending)
            if not whole:
                continue
            ids = list(islice(drawn, 1 + len(plan.guesses)))
            if not self.take(text, ids, list(islice(told, len(ids))), plan):
                self.left[text.slot] = text.context[: text.read]
                del self.texts[text.slot]
                yield text.index, text.row.generation()

    def plan(self) -> list[_Plan]:
        """What each text reads in this pass; those that need one token come first."""
        room, plans = MAX_ROWS, []
        for text in sorted(self.texts.values(), key=lambda t: len(t.context) - t.read):
            plans.append(_Plan(text, text.context[text.read : text.read + room]))
            room -= len(plans[-1].pending)
        drawing = [plan for plan in plans if plan.whole]
        penalised = any(plan.text.penalised for plan in drawing)
        if self.draft is None or penalised or not drawing:
            return plans
        guesses = min(self.pace.choose(len(drawing)), room // len(drawing))
        if guesses:
            asks = [plan.ask(min(guesses, plan.room(self.n_ctx))) for plan in drawing]
            began = time.perf_counter()
            for plan, found in zip(drawing, self.draft.guess(asks), strict=True):
                plan.guesses = found
            self.pace.guessed(guesses, time.perf_counter() - began)
        return plans

    def take(self, text: _Text, drawn: list[int], told: Sequence[Told | None], plan: _Plan) -> bool:
        """Add drawn tokens up to the first that was not guessed; whether the text goes on."""
        right = 0
        for place, token in enumerate(drawn):
            if text.penalised:
                self.decoder.seen[text.slot, token] = True
            slides = text.row.slides
            thought = told[place] if told else None
            if thought is not None and self.on_draw is not None:
                self.on_draw(text.index, token, thought)
            goes_on = text.take(token, n_ctx=self.n_ctx)
            guessed = place < len(plan.guesses) and token == plan.guesses[place]
            right += guessed
            if not goes_on or not guessed or text.row.slides > slides:
                break
            text.read += 1
        if plan.guesses:
            self.pace.checked(len(plan.guesses), right)
        self.pace.drawn += place + 1
        return goes_on


@dataclass
class _Plan:
    """A text's part of a pass: what it has not read yet, and guesses at what comes then."""

    text: _Text
    pending: list[int]
    guesses: list[int] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing of the context is left to read after it."""
        return bool(self.pending) and self.text.read + len(self.pending) == len(self.text.context)

    def room(self, n_ctx: int) -> int:
        """Guesses that fit the context and the tokens that are still to be drawn."""
        return min(n_ctx - len(self.text.context), self.text.row.left - 1)

    def ask(self, most: int) -> Ask:
        """For so many guesses."""
        text = self.text
        window = text.index << 20 | text.row.slides
        step = len(text.row.tokens)
        return Ask(text.slot, window, text.context, text.row.seed, step, max(0, most))

    def tokens(self) -> Iterator[Token]:
        """Its rows. A token is drawn after the last that is pending, and after each guess."""
        text, step = self.text, len(self.text.row.tokens)
        for ahead, token in enumerate([*self.pending, *self.guesses]):
            drawn = ahead - len(self.pending) + 1
            wanted = step + drawn if self.whole and drawn >= 0 else None
            yield Token(
                token, text.slot, text.read + ahead, text.row.seed, wanted, text.row.params,
                text.row.alternatives,
            )  # fmt: skip


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the longest common beginning."""
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length
