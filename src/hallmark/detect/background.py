"""A background of English: how rare each word is, and a bigram model that adapts to a text.

The adaptive bigram model mixes counted bigrams with caches of the text itself (Kuhn & De Mori
1990), whose weights grow as the text goes on. People come back to their names and words more
than pure samples do, and less than truncated samples; the mixture prices both. Counts come
from the corpora that the ladder was trained on, never from detection data.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hallmark.detect.stored import (
    Arrays,
    blaming,
    floats,
    read_arrays,
    read_strings,
    require,
    wholes,
    write_arrays,
    write_strings,
)
from hallmark.stats import Floats

DISCOUNT = 0.75
UNSEEN = 5.0  # added to every word's count, so that an unknown word is rare but not infinite
CACHES = ("unigram", "bigram", "trigram", "recent 50", "recent 16")
DECAYS = (0.98, 0.94)
POSITIONS = (0, 20, 60, 150, 400)  # a set of mixture weights from each of these on
STEPS = 16  # an octave, in which saved counts are rounded
_FLOOR = 1e-12
_LEAST_LIKELY = -50.0  # nats: no count of words is large enough for less
_SLACK = 1e-3  # that rounded shares may be away from 1 in all


@dataclass(frozen=True)
class AdaptiveScores:
    """Natural log-probabilities (T,) of a text's tokens, and its caches' probabilities.

    `unigram` and `bigram` are the background's, `caches` (T, 5) the text's own so far, in the
    order of `CACHES`; `mixture` is the adaptive model's log-probability.
    """

    ids: NDArray[np.int64]
    unigram: Floats
    bigram: Floats
    caches: Floats
    mixture: Floats

    def prefix(self, length: int) -> AdaptiveScores:
        """The first `length` tokens: every number depends on earlier tokens alone."""
        return AdaptiveScores(
            self.ids[:length], self.unigram[:length], self.bigram[:length],
            self.caches[:length], self.mixture[:length],
        )  # fmt: skip


class Background:
    """Word rarities and the adaptive bigram model.

    `starts` (V + 1,), `followers` and `counts`: for each token, the tokens that followed it
    and how often, sorted. `weights` (positions, 2 + caches): mixture weights, rows sum to 1.
    """

    def __init__(
        self,
        *,
        words: dict[str, float],
        unigram: Floats,
        starts: NDArray[np.int64],
        followers: NDArray[np.uint16],
        counts: NDArray[np.float32],
        weights: Floats,
    ) -> None:
        self.words = words
        self.unigram = unigram
        self.starts = starts
        self.followers = followers
        self.counts = counts
        self.weights = weights
        self._total = sum(words.values())
        self._keys = np.repeat(np.arange(len(unigram)), np.diff(starts)) * len(unigram) + followers
        self._row_totals = np.add.reduceat(np.append(counts, 0.0), starts[:-1])
        self._row_totals[np.diff(starts) == 0] = 0.0

    def bits(self, word: str) -> float:
        """Rarity of a lower-cased word: minus log2 of its share of the background."""
        return -math.log2((self.words.get(word, 0.0) + UNSEEN) / self._total)

    def score(self, ids: Sequence[int], *, eot: int) -> AdaptiveScores:
        """Every token's log-probability given those before it; the first follows `eot`."""
        now = np.asarray(ids, dtype=np.int64)
        before = np.concatenate([[eot], now[:-1]])
        unigram = self.unigram[now]
        key = before * len(self.unigram) + now
        at = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
        count = np.where(self._keys[at] == key, self.counts[at], 0.0)
        total = self._row_totals[before]
        kinds = np.diff(self.starts)[before]
        seen = np.maximum(count - DISCOUNT, 0.0) + DISCOUNT * kinds * np.exp(unigram)
        bigram = np.log(np.where(total > 0, seen / np.maximum(total, 1.0), np.exp(unigram)))
        caches = cache_probabilities(now)
        parts = np.column_stack([np.exp(unigram), np.exp(bigram), caches])
        row = np.searchsorted(POSITIONS, np.arange(len(now)), side="right") - 1
        mixture = np.log((parts * self.weights[row]).sum(1) + _FLOOR)
        return AdaptiveScores(now, unigram, bigram, caches, mixture)

    def save(self, folder: Path) -> None:
        """Write `background.safetensors` and `words.json` (words by falling frequency)."""
        words = sorted(self.words, key=lambda w: -self.words[w])
        # Counts are kept as logarithms in a byte each, in as small steps as the largest allows.
        octaves = math.log2(max(2.0, float(self.counts.max())))
        steps = min(STEPS, int(255 / octaves))  # an octave
        tensors = {
            "word_counts": np.array([self.words[w] for w in words], dtype=np.float32),
            "unigram": self.unigram.astype(np.float32),
            "starts": self.starts.astype(np.int32),
            "followers": self.followers,
            "counts": np.rint(steps * np.log2(self.counts)).astype(np.uint8),
            "counts_steps": np.array([steps], dtype=np.uint8),
            "weights": self.weights.astype(np.float64),
        }
        write_strings(folder / "words.json", words, indent=0)
        write_arrays(folder / "background.safetensors", tensors)

    @classmethod
    def load(cls, folder: Path) -> Background:
        """Read what `save` wrote; the caller has checked the folder's hashes."""
        arrays = read_arrays(folder / "background.safetensors")
        words = read_strings(folder / "words.json")
        with blaming(folder / "background.safetensors"):
            return cls._checked(words, arrays)

    @classmethod
    def _checked(cls, words: Sequence[str], arrays: Arrays) -> Background:
        unigram = floats(arrays, "unigram", (None,))
        starts = wholes(arrays, "starts", (len(unigram) + 1,))
        followers = wholes(arrays, "followers", (None,))
        counts = wholes(arrays, "counts", (len(followers),))
        word_counts = floats(arrays, "word_counts", (len(words),))
        weights = floats(arrays, "weights", (len(POSITIONS), 2 + len(CACHES)))
        likely = (unigram <= 0) & (unigram > _LEAST_LIKELY)
        share = float(np.exp(unigram[likely]).sum())
        require(likely.all() and abs(share - 1) < _SLACK, "unigram is no distribution")
        shares = weights.sum(1)
        require(
            (weights >= 0).all() and (abs(shares - 1) < _SLACK).all(), "weights do not sum to 1"
        )
        require((word_counts >= 0).all() and word_counts.sum() > 0, "word_counts are no counts")
        # Files from before there was a choice have 16 steps an octave and do not say so.
        steps = wholes(arrays, "counts_steps", (1,))[0] if "counts_steps" in arrays else STEPS
        known = (counts >= 0).all() and (counts <= 255).all() and 1 <= steps <= STEPS
        require(known and counts.max() <= 64 * steps, "counts are out of range")
        ends = starts[0] == 0 and starts[-1] == len(followers)
        require(ends and (np.diff(starts) >= 0).all(), "starts do not divide the followers")
        inside = (followers >= 0) & (followers < min(len(unigram), 2**16))
        require(inside.all(), "followers hold a token outside the vocabulary")
        background = cls(
            words=dict(zip(words, word_counts.tolist(), strict=True)), unigram=unigram,
            starts=starts, followers=followers.astype(np.uint16),
            counts=np.exp2(counts.astype(np.float32) / np.float32(steps)), weights=weights,
        )  # fmt: skip
        require((np.diff(background._keys) > 0).all(), "followers are not sorted")
        return background


def cache_probabilities(ids: NDArray[np.int64]) -> Floats:
    """(T, 5): what the text so far predicts of each token, in the order of `CACHES`.

    Relative frequencies after the last 0, 1 and 2 tokens, and two unigram caches that forget
    by `DECAYS` a token; 0 where the text has no such context yet.
    """
    out = np.zeros((len(ids), len(CACHES)))
    tokens = ids.tolist()
    seen: Counter[tuple[int, ...]] = Counter()
    contexts: Counter[tuple[int, ...]] = Counter()
    recent: list[dict[int, float]] = [{} for _ in DECAYS]
    mass = [0.0] * len(DECAYS)
    gain = [1.0] * len(DECAYS)
    for i, token in enumerate(tokens):
        for order in range(min(i, 2) + 1):
            context = (order, *tokens[i - order : i])
            if contexts[context]:
                out[i, order] = seen[(*context, token)] / contexts[context]
            seen[(*context, token)] += 1
            contexts[context] += 1
        for j, decay in enumerate(DECAYS):
            if mass[j]:
                out[i, 3 + j] = recent[j].get(token, 0.0) / mass[j]
            gain[j] /= decay
            recent[j][token] = recent[j].get(token, 0.0) + gain[j]
            mass[j] += gain[j]
    return out


def count_bigrams(
    stream: NDArray[np.uint16], *, vocab_size: int
) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.float32]]:
    """`starts`, `followers` and `counts` of a token stream (T,), as `Background` has them."""
    key = stream[:-1].astype(np.int64) * vocab_size + stream[1:]
    pairs, counts = np.unique(key, return_counts=True)
    starts = np.searchsorted(pairs // vocab_size, np.arange(vocab_size + 1))
    return starts, (pairs % vocab_size).astype(np.uint16), counts.astype(np.float32)


def fit_weights(scores: Iterable[AdaptiveScores], *, iterations: int = 40) -> Floats:
    """Mixture weights (positions, 2 + caches) by expectation-maximisation on held-out human texts.

    ValueError where there are none.
    """
    texts = list(scores)
    if not texts:
        raise ValueError("no texts to fit the background's weights on; give some")
    weights = np.full((len(POSITIONS), 2 + len(CACHES)), 1 / (2 + len(CACHES)))
    edges = [*POSITIONS, 10**9]
    for row, (low, high) in enumerate(pairwise(edges)):
        parts = np.concatenate([
            np.column_stack([np.exp(t.unigram), np.exp(t.bigram), t.caches])[low:high]
            for t in texts
        ])  # fmt: skip
        if not len(parts):  # no text is that long: go on as at the position before
            weights[row:] = weights[row - 1] if row else weights[row]
            break
        for _ in range(iterations):
            share = parts * weights[row] + _FLOOR
            weights[row] = (share / share.sum(1, keepdims=True)).mean(0)
    return weights
