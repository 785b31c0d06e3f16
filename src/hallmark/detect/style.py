"""How a text is written: marks, sentences, capitals, numbers, function words."""

from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np

from hallmark.detect.words import Words

MARKS = {
    "comma": ",", "period": ".", "quote": '"', "apostrophe": "'", "open": "(", "close": ")",
    "dash": "-", "colon": ":", "semicolon": ";", "question": "?", "exclamation": "!",
    "slash": "/", "bracket": "[", "dollar": "$", "percent": "%", "ampersand": "&", "star": "*",
    "hash": "#", "at": "@", "bar": "|",
}  # fmt: skip
_FUNCTION_WORDS = (
    "the and to of a in that for is with on it as you this was are i be we or by have from he at "
    "an not can but his they your will all had our their which more if one what has were about "
    "when so how people there new also other who been out time some these would use do my like "
    "into up her may its she any than no them only first over then me could most many him after "
    "such through should make even where very just because did two well before way being much "
    "used those while same year work between us both now get make made see since back still down "
    "said says"
)
FUNCTION_WORDS = tuple(dict.fromkeys(_FUNCTION_WORDS.split()))
_SENTENCE = re.compile(r"(?<=[.!?])[\"')]*\s+")


def style_features(words: Words) -> dict[str, float]:
    """Shares of marks, numbers, capitals and function words (square roots), sentence lengths."""
    pieces, lower = words.pieces, words.lower
    n_pieces, n_words = max(1, len(pieces)), max(1, len(lower))
    count = Counter(pieces)
    numbers = [piece for piece in pieces if piece[0].isdigit()]
    lengths = [len(Words(s).pieces) for s in _SENTENCE.split(words.text) if s.strip()] or [0]
    used = Counter(lower)
    return {
        **{f"mark_{name}": math.sqrt(count[mark] / n_pieces) for name, mark in MARKS.items()},
        "mark_other": sum(ord(p[0]) > 127 for p in pieces) / n_pieces,
        "unbalanced_brackets": abs(count["("] - count[")"]) / n_pieces * 100,
        "odd_quotes": float(count['"'] % 2),
        "letters_a_word": sum(map(len, lower)) / n_words,
        "capitals": sum(w.isupper() and len(w) > 1 for w in words.words) / n_words,
        "contractions": sum("'" in w for w in lower) / n_words,
        "numbers": len(numbers) / n_pieces,
        "numbers_again": (len(numbers) - len(set(numbers))) / max(1, len(numbers)),
        "sentence_mean": math.log1p(float(np.mean(lengths))),
        "sentence_sd": math.log1p(float(np.std(lengths))),
        "sentence_most": math.log1p(max(lengths)),
        **{f"word_{w}": math.sqrt(used[w] / n_words) for w in FUNCTION_WORDS},
    }
