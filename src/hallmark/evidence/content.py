"""What a detector makes of each post, for pooling: its raw score, no verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

LEAST_TOKENS = 16
_BATCH = 64


class Examined(Protocol):
    """What a detector says of one text."""

    @property
    def score(self) -> float:
        """Higher is more synthetic."""
        ...

    @property
    def tokens_used(self) -> int:
        """Tokens that it read."""
        ...


class Examiner(Protocol):
    """A detector that says what its score was read from."""

    def examine(self, texts: Sequence[str]) -> Sequence[Examined]:
        """One record a text."""
        ...


def score_texts(
    texts: Iterable[str], detector: Examiner, *, on_text: Callable[[int], None] | None = None
) -> Iterator[float]:
    """The score of each text in order; NaN where it has fewer than LEAST_TOKENS tokens."""
    coming = iter(texts)
    while some := list(islice(coming, _BATCH)):
        for examined in detector.examine(some):
            enough = examined.tokens_used >= LEAST_TOKENS
            yield float(examined.score) if enough else math.nan
        if on_text:
            on_text(len(some))
