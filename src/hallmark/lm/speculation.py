"""Speculative decoding: cheap guesses at the next tokens, which the network checks in one pass.

The text is exactly the one without guesses, token for token, also where tokens are drawn. At every
place the network draws its own token with that place's noise, a function of (seed, step, id), and
a guess only decides whether its draw after it is needed. So there is nothing to correct, as there
is in rejection sampling (Leviathan et al. 2023); and a smaller network that draws with the same
noise guesses right more often than its overlap in probability promises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from hallmark.lm.engine.decoder import Decoder, Token
from hallmark.lm.engine.state import MAX_ROWS
from hallmark.lm.sampling import SamplingParams
from hallmark.models.gpt2 import GPT2

MOST = 8  # guesses for one text and pass
_LONGEST, _SHORTEST = 4, 2  # tokens that must have come before for a guess from the text itself
_KEEP = 0.9  # what a running mean keeps of its past at each new number


@dataclass(frozen=True)
class Ask:
    """A text that wants guesses: its slot, a number that no other text or window of it has, its
    context, the seed, how many tokens were drawn, and how many guesses it has room for.
    """

    slot: int
    window: int
    context: Sequence[int]
    seed: int
    step: int
    most: int


class Draft(Protocol):
    """Something that guesses."""

    name: str

    def guess(self, asks: Sequence[Ask]) -> list[list[int]]:
        """For each text up to `most` tokens that may come next."""
        ...

    def close(self) -> None:
        """Let go of threads and memory."""
        ...


class NGrams:
    """Guesses that what followed the last tokens before will follow them again."""

    name = "ngram"

    def guess(self, asks: Sequence[Ask]) -> list[list[int]]:
        """What came after the latest earlier place with the same last 4, 3 or 2 tokens."""
        return [self._guess(ask) for ask in asks]

    def _guess(self, ask: Ask) -> list[int]:
        ids = np.array(ask.context, dtype=np.int64)
        for length in range(min(_LONGEST, len(ids) - 1), _SHORTEST - 1, -1):
            same = ids[length - 1 : -1] == ids[-1]  # (places,) an earlier end of such tokens
            for back in range(1, length):
                same &= ids[length - 1 - back : -1 - back] == ids[-1 - back]
            if same.any():
                after = int(np.flatnonzero(same)[-1]) + length
                found: list[int] = ids[after : after + ask.most].tolist()
                return found
        return []

    def close(self) -> None:
        """Nothing to let go of."""


class SmallerModel:
    """Guesses with a smaller network of the same vocabulary, with the same noise."""

    def __init__(
        self,
        network: GPT2,
        params: SamplingParams,
        *,
        slots: int,
        name: str,
        threads: int | None = None,
    ) -> None:
        self.name = name
        n_ctx = network.config.n_ctx
        self._decoder = Decoder(network, params, slots=slots, capacity=n_ctx, threads=threads)
        self._read: dict[int, tuple[int, list[int]]] = {}  # by slot: window, tokens in the cache

    def guess(self, asks: Sequence[Ask]) -> list[list[int]]:
        """Draw a token for every text, read it, and so on."""
        n_ctx = self._decoder.network.config.n_ctx
        fitting = [a for a in asks if a.most and len(a.context) < n_ctx]
        guesses: dict[int, list[int]] = {a.slot: [] for a in asks}
        for ahead in range(max((a.most for a in fitting), default=0)):
            going = [a for a in fitting if ahead < a.most and len(a.context) + ahead < n_ctx]
            drawn = self._draw(going, guesses)
            for ask, token in zip(going, drawn, strict=True):
                guesses[ask.slot].append(token)
        return [guesses[a.slot] for a in asks]

    def _draw(self, asks: Sequence[Ask], guesses: dict[int, list[int]]) -> list[int]:
        """One token after each text and its guesses so far, in passes of what is not read yet."""
        drawn: list[int] = []
        tokens: list[Token] = []
        for ask in asks:
            wanted = [*ask.context, *guesses[ask.slot]]
            start = self._known(ask, wanted)
            for place in range(start, len(wanted)):
                last = place == len(wanted) - 1
                step = ask.step + len(guesses[ask.slot]) if last else None
                tokens.append(Token(wanted[place], ask.slot, place, ask.seed, step))
                if len(tokens) == MAX_ROWS:
                    drawn += self._decoder.read(tokens)
                    tokens = []
            self._read[ask.slot] = (ask.window, wanted)
        return drawn + (self._decoder.read(tokens) if tokens else [])

    def _known(self, ask: Ask, wanted: Sequence[int]) -> int:
        """How many of the wanted tokens are in the cache; the last is always read again."""
        window, held = self._read.get(ask.slot, (-1, []))
        if window != ask.window:
            return 0
        known = min(len(held), len(ask.context)) - MOST - 1  # only guesses can have been wrong
        known = max(0, known)
        while known < min(len(held), len(wanted) - 1) and held[known] == wanted[known]:
            known += 1
        return known

    def close(self) -> None:
        """End the draft's threads."""
        self._decoder.close()


@dataclass
class Pace:
    """How many tokens to guess: as many as pay, from times and from guesses that were right.

    Times decide how fast a text comes, never what it says. `proposed`, `accepted` and `passes`
    count; `seconds` holds a running mean of a pass by its rows, `guess_seconds` of a guess.
    """

    most: int = MOST
    proposed: int = 0
    accepted: int = 0
    passes: int = 0
    drawn: int = 0
    right: float = 0.7  # probability that a guess is right, a running mean
    guess_seconds: float = 0.0
    seconds: dict[int, float] = field(default_factory=dict)

    def choose(self, texts: int) -> int:
        """Guesses for each of so many texts."""
        most = min(self.most, MAX_ROWS // max(1, texts) - 1)
        if self.passes < 4 or self.passes % 32 == 0:  # look at each side now and then
            return min(most, 0 if self.passes % 2 else 4)
        return max(range(most + 1), key=lambda k: self._rate(k, texts))

    def _rate(self, guesses: int, texts: int) -> float:
        """Tokens a second of one text: of k guesses 1 + r + ... + r^k stay (Leviathan et al.)."""
        tokens = sum(self.right**i for i in range(guesses + 1))
        return tokens / (self._pass_seconds(texts * (guesses + 1)) + guesses * self.guess_seconds)

    def _pass_seconds(self, rows: int) -> float:
        """Of a pass over so many rows, from the nearest that was seen."""
        near = min(self.seconds, key=lambda r: abs(r - rows), default=1)
        seen = self.seconds.get(near, 1.0)
        return seen * (1 + 0.05 * max(0, rows - near))

    def guessed(self, guesses: int, seconds: float) -> None:
        """`guesses` rounds of guesses took so long."""
        if guesses:
            self.guess_seconds = _mean(self.guess_seconds, seconds / guesses)

    def passed(self, rows: int, seconds: float) -> None:
        """A pass over `rows` rows took so long."""
        self.passes += 1
        self.seconds[rows] = _mean(self.seconds.get(rows, seconds), seconds)

    def checked(self, proposed: int, accepted: int) -> None:
        """Of `proposed` guesses for a text the first `accepted` were right."""
        self.proposed += proposed
        self.accepted += accepted
        for i in range(min(proposed, accepted + 1)):
            self.right = _mean(self.right, float(i < accepted))


def _mean(before: float, now: float) -> float:
    return _KEEP * before + (1 - _KEEP) * now if before else now
