"""Texts longer than the context as overlapping windows, and windows as batches.

Arithmetic on lengths only: knows neither tokens nor networks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """One pass over part of text number `text`: positions `start` to `end` go in, and the
    tokens `first` to `end` are scored. Position i, which holds the token before token i (or
    `<|endoftext|>`), predicts token i.
    """

    text: int
    start: int
    first: int
    end: int

    @property
    def length(self) -> int:
        """Positions that go in."""
        return self.end - self.start


def windows(text: int, length: int, *, n_ctx: int, stride: int) -> Iterator[Window]:
    """Windows of at most `n_ctx` positions that together score each of `length` tokens once.

    The first scores `n_ctx` tokens from their whole past; each later one scores up to `stride`
    more, from at least n_ctx - stride tokens before them.
    """
    first = 0
    while first < length:
        end = min(length, n_ctx if first == 0 else first + stride)
        yield Window(text, max(0, end - n_ctx), first, end)
        first = end


def batches(chosen: Iterable[Window], *, batch_tokens: int) -> Iterator[list[Window]]:
    """Windows of like length together, longest first; `batch_tokens` bounds what is padded."""
    ordered = sorted(chosen, key=lambda w: w.length, reverse=True)
    while ordered:
        together = max(1, batch_tokens // ordered[0].length)
        yield ordered[:together]
        ordered = ordered[together:]
