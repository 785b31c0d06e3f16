"""How a text comes back to its own words, by how rare they are. Knows nothing of models.

What carried most of the signal on pure samples: people reuse names and content words more
than a model that samples its whole distribution does, and less than one that truncates it.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hallmark.detect.background import Background
from hallmark.detect.words import Words

RARITY = (8.0, 10.0, 12.0, 14.0, 17.0)  # bits; six classes, from function words to unseen ones
NEAR, FAR = 15, 60  # words between two uses
WINDOWS = (25, 50, 100)
CONTENT_BITS = 9.0


def repetition_features(words: Words, background: Background) -> dict[str, float]:
    """Reuse by rarity, type-token ratios in moving windows, repeated n-grams and names."""
    lower = words.lower
    bits = np.array([background.bits(w) for w in lower])
    data = words.text.encode()
    return {
        **_by_rarity(lower, bits),
        **_type_token(lower),
        **_ngrams(words, dict(zip(lower, bits.tolist(), strict=True))),
        **_names(words),
        "bits_mean": float(bits.mean()) if len(bits) else 0.0,
        "bits_sd": float(bits.std()) if len(bits) else 0.0,
        "halves_overlap": _halves_overlap(lower, bits),
        "compression": len(zlib.compress(data, 9)) / max(1, len(data)),
    }


def _by_rarity(lower: Sequence[str], bits: NDArray[np.float64]) -> dict[str, float]:
    last: dict[str, int] = {}
    gap = np.zeros(len(lower))  # words since the last use, 0 for a first one
    for i, word in enumerate(lower):
        gap[i] = i - last.get(word, i)
        last[word] = i
    rarity = np.digitize(bits, RARITY)
    counts = Counter(lower)
    uses: list[list[int]] = [[] for _ in range(len(RARITY) + 1)]
    for word, i in last.items():
        uses[rarity[i]].append(counts[word])
    total = max(1, len(lower))
    out: dict[str, float] = {}
    for k, of_class in enumerate(uses):
        own = gap[rarity == k]
        out[f"share_{k}"] = len(own) / total
        out[f"reuse_{k}"] = (float((own > 0).sum()) + 0.3) / (len(own) + 1)
        if not k:
            continue
        c = np.array(of_class or [0], dtype=np.float64)
        out[f"near_{k}"] = float(((own > 0) & (own <= NEAR)).sum()) / total
        out[f"middle_{k}"] = float(((own > NEAR) & (own <= FAR)).sum()) / total
        out[f"far_{k}"] = float((own > FAR).sum()) / total
        out[f"types_{k}"] = len(of_class) / total
        out[f"pairs_{k}"] = math.log1p(10 * float((c * (c - 1) / 2).sum()) / total)
        out[f"triples_{k}"] = math.log1p(10 * float((c * (c - 1) * (c - 2) / 6).sum()) / total)
        out[f"most_{k}"] = math.log1p(float(c.max()))
        out[f"once_{k}"] = float((c == 1).sum()) / len(c)
    return out


def _type_token(lower: Sequence[str]) -> dict[str, float]:
    total = max(1, len(lower))
    out = {"types_log": math.log(len(set(lower)) + 1) / math.log(total + 1)}
    for width in WINDOWS:
        step = max(1, width // 5)
        starts = range(0, len(lower) - width + 1, step)
        ratios = [len(set(lower[i : i + width])) / width for i in starts]
        ratios = ratios or [len(set(lower)) / total]
        out[f"mattr_{width}"] = float(np.mean(ratios))
        out[f"mattr_sd_{width}"] = float(np.std(ratios))
    return out


def _ngrams(words: Words, bits: dict[str, float]) -> dict[str, float]:
    out: dict[str, float] = {}
    folded = [piece.lower() for piece in words.pieces]
    for n in (2, 3, 4):
        grams = Counter(zip(*(folded[i:] for i in range(n)), strict=False))
        again = sum(count - 1 for count in grams.values())
        out[f"repeated_{n}grams"] = math.log1p(100 * again / max(1, grams.total()))
    pairs = Counter(pairwise(words.lower))
    content = sum(
        count - 1
        for (a, b), count in pairs.items()
        if bits[a] > CONTENT_BITS and bits[b] > CONTENT_BITS
    )
    out["repeated_content_pairs"] = math.log1p(100 * content / max(1, len(words.lower)))
    return out


def _names(words: Words) -> dict[str, float]:
    """Capitalised words inside sentences, which are mostly names."""
    pieces = words.pieces
    names = [
        word
        for before, word in pairwise(pieces)
        if word[0].isupper() and len(word) > 1 and before not in ".!?\"'"
    ]
    counts = Counter(names)
    total = max(1, len(words.lower))
    return {
        "names": len(names) / total,
        "names_types": len(counts) / total,
        "names_reuse": (len(names) - len(counts) + 0.3) / (len(names) + 1),
        "names_most": math.log1p(max(counts.values(), default=0)),
    }


def _halves_overlap(lower: Sequence[str], bits: NDArray[np.float64]) -> float:
    """Content words that the second half shares with the first, of those it could."""
    middle = len(lower) // 2
    content = [w for w, b in zip(lower, bits, strict=True) if b > CONTENT_BITS]
    cut = int((bits[:middle] > CONTENT_BITS).sum())
    first, second = Counter(content[:cut]), Counter(content[cut:])
    return (first & second).total() / max(1, min(first.total(), second.total()))
