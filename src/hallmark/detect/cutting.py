"""Texts cut to a number of tokens, never inside a character."""

from __future__ import annotations

from collections.abc import Sequence

from hallmark.detect.normalise import normalise
from hallmark.models.tokenizer import Tokenizer

TOKEN_CHARACTERS = 40  # a token is shorter than that in any prose


def decoded(ids: Sequence[int], tokenizer: Tokenizer) -> str:
    """The text of token ids, without half a character at its end."""
    return tokenizer.decode(list(ids)).rstrip("\ufffd")


def cut_to(text: str, tokens: int, tokenizer: Tokenizer) -> str | None:
    """The first `tokens` tokens of a normalised text; None where it has fewer."""
    ids = tokenizer.encode(normalise(text[: TOKEN_CHARACTERS * tokens]))
    return decoded(ids[:tokens], tokenizer) if len(ids) >= tokens else None
