"""Texts longer than the context as overlapping windows.

Arithmetic on lengths only: knows neither tokens nor networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """One pass over part of a text: positions `start` to `end` go in, and the tokens `first` to
    `end` are scored. Position i, which holds the token before token i (or `<|endoftext|>`),
    predicts token i.
    """

    start: int
    first: int
    end: int

    @property
    def length(self) -> int:
        """Positions that go in."""
        return self.end - self.start


def windows(length: int, *, n_ctx: int, stride: int) -> Iterator[Window]:
    """Windows of at most `n_ctx` positions that together score each of `length` tokens once.

    The first scores `n_ctx` tokens from their whole past; each later one scores up to `stride`
    more, from at least n_ctx - stride tokens before them.
    """
    first = 0
    while first < length:
        end = min(length, n_ctx if first == 0 else first + stride)
        yield Window(max(0, end - n_ctx), first, end)
        first = end
