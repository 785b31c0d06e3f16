"""A text in words, numbers and marks, for the features that count them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

_PIECE = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?|\d+(?:[.,]\d+)*|[^\sA-Za-z\d]")


@dataclass(frozen=True)
class Words:
    """A normalised text; `pieces` are its words, numbers and single marks in order."""

    text: str

    @cached_property
    def pieces(self) -> list[str]:
        return _PIECE.findall(self.text)

    @cached_property
    def words(self) -> list[str]:
        """The pieces made of letters."""
        return [piece for piece in self.pieces if piece[0].isascii() and piece[0].isalpha()]

    @cached_property
    def lower(self) -> list[str]:
        """The words in lower case."""
        return [word.lower() for word in self.words]
