"""How well a model predicts a long text: bits per byte, and perplexity per word of WikiText.

Strict: the file as it is. Paper: de-tokenised first, as in section 3.1 of the GPT-2 paper. In both
the loss of the whole text is divided by the words of the file as it was published (a line's end
is one), so that the two can be compared with each other and across vocabularies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hallmark import stats
from hallmark.lm.model import LanguageModel
from hallmark.lm.protocols.detokenise import wikitext


@dataclass(frozen=True)
class TextResult:
    """tokens and bytes read, bits per byte, and perplexity per word where words were counted."""

    tokens: int
    bytes: int
    bits_per_byte: float
    perplexity: float | None = None


def bits_per_byte(model: LanguageModel, text: str, *, words: int | None = None) -> TextResult:
    """Score a text in windows half a context apart; ValueError where it is empty.

    words: what the loss is divided by for the perplexity.
    """
    (scores,) = model.score([text])
    size = len(text.encode("utf-8"))
    if not size:
        raise ValueError("the text is empty; give some text")
    nats = -float(scores.log_prob.sum(dtype="float64"))
    perplexity = stats.perplexity(nats / words) if words else None
    return TextResult(len(scores), size, nats / math.log(2) / size, perplexity)


def wikitext2(model: LanguageModel, text: str) -> dict[str, TextResult]:
    """WikiText-2 by protocol: `strict` and `paper`."""
    words = count_words(text)
    return {
        "strict": bits_per_byte(model, text, words=words),
        "paper": bits_per_byte(model, wikitext(text), words=words),
    }


def count_words(text: str) -> int:
    """Words of a file of WikiText: what stands between spaces, and one for each line's end."""
    return len(text.split()) + text.count("\n")
