"""One text as it grows: tokens in, text out, and the record of it at the end.

Knows nothing of networks; whoever draws the tokens hands them over one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hallmark.lm.sampling import SamplingParams
from hallmark.lm.stream import TextStream
from hallmark.models.tokenizer import Tokenizer

OnToken = Callable[[int, str], None]


@dataclass(frozen=True)
class Generation:
    """One text that a network wrote.

    text: what was written, without the prompt, cut before a stop string. tokens: the ids drawn,
    without `<|endoftext|>`, but with those of a stop string. ended: whether it came to
    `<|endoftext|>` or a stop string before `max_tokens`. dropped: how many of the prompt's
    tokens did not fit the context; its tail was kept. slides: how often the text outgrew the
    context, so that the last half of it was read again and the rest forgotten.
    """

    prompt: str
    text: str
    tokens: tuple[int, ...]
    ended: bool
    seed: int
    prompt_tokens: int
    dropped: int = 0
    slides: int = 0

    @property
    def note(self) -> str:
        """What became of a text longer than the context, in a sentence; empty where it fitted."""
        parts = []
        if self.dropped:
            parts.append(
                f"the first {self.dropped} of the prompt's {self.prompt_tokens} tokens did not "
                "fit the context and were not read"
            )
        if self.slides:
            parts.append(
                "the text outgrew the context and went on from the last half of it "
                f"({self.slides} x)"
            )
        return "; ".join(parts)


class Row:
    """One text as it grows.

    ids: the prompt's tokens, where it came as such. alternatives: how many of the likeliest
    tokens to note at each draw; None notes nothing.
    """

    def __init__(
        self,
        index: int,
        prompt: str,
        seed: int,
        tokenizer: Tokenizer,
        params: SamplingParams,
        *,
        n_ctx: int,
        on_token: OnToken | None,
        ids: Sequence[int] | None = None,
        alternatives: int | None = None,
    ) -> None:
        ids = tokenizer.encode(prompt) if ids is None else list(ids)
        self.params, self.alternatives = params, alternatives
        self.prompt, self.seed, self.prompt_tokens = prompt, seed, len(ids)
        self.context = ids[-n_ctx:] or [tokenizer.eot]
        self.dropped = max(0, len(ids) - n_ctx)
        self.tokens: list[int] = []
        self.ended = False
        self.slides = 0
        self._index, self._tokenizer, self._on_token = index, tokenizer, on_token
        self._stream = TextStream(params.stop)

    @property
    def left(self) -> int:
        """Tokens that may still be drawn."""
        return self.params.max_tokens - len(self.tokens)

    def take(self, token: int) -> bool:
        """Add a drawn token; whether the text goes on."""
        piece = ""
        if token == self._tokenizer.eot:
            self.ended = True
        else:
            self.tokens.append(token)
            piece = self._stream.feed(self._tokenizer.decode_bytes([token]))
        goes_on = (
            not self.ended
            and not self._stream.stopped
            and len(self.tokens) < self.params.max_tokens
        )
        if not goes_on:
            piece += self._stream.feed(b"", final=True)
        if piece and self._on_token is not None:
            self._on_token(self._index, piece)
        return goes_on

    def generation(self) -> Generation:
        """The row as its record."""
        return Generation(
            self.prompt, self._stream.text, tuple(self.tokens),
            ended=self.ended or self._stream.stopped, seed=self.seed,
            prompt_tokens=self.prompt_tokens, dropped=self.dropped, slides=self.slides,
        )  # fmt: skip
