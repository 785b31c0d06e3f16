"""Words and word pairs of many texts: which are features, and how often each text has them.

The features are scikit-learn's (`TfidfVectorizer(ngram_range=(1, 2), min_df, max_features)`),
counted exactly and in bounded memory: a pair cannot be in more texts than its words, and pairs
are counted in parts by hash. A feature of a text takes four bytes. Importing this imports numba.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import config as numba_config
from numba import njit
from numpy.typing import NDArray

from hallmark.detect.tokens import Stream, WordIndex, prepare
from hallmark.lm.compiled import ANY_ORDER, kept

COUNT_BITS = 8  # of an entry; the others number its feature
MOST_FEATURES = 2 ** (32 - COUNT_BITS)
_TOKENS_A_PART = 2**23
_MIX, _SHIFT, _PART = np.uint64(0x9E3779B97F4A7C15), np.uint64(32), np.uint64(40)
_EMPTY, _MOST = np.uint64(0), np.uint32(2**COUNT_BITS - 1)

Keys = NDArray[np.uint64]  # (word + 1) * 2^32 + (second word + 1, or 0 for a word alone)


@dataclass(frozen=True)
class Rows:
    """Features of some texts: `entries` are number * 2^8 + count, a text's from `ends[i - 1]` on.

    A count above 255 takes several entries.
    """

    entries: NDArray[np.uint32]
    ends: NDArray[np.int64]


class Vocabulary:
    """Features by number. `keys` holds the one or two words of each."""

    def __init__(self, words: WordIndex, keys: Keys) -> None:
        if len(keys) > MOST_FEATURES:
            raise ValueError(f"{len(keys)} features are too many; {MOST_FEATURES} can be kept")
        self._words = words
        self._keys = keys
        self._singles = np.full(len(words) + 1, -1, dtype=np.int32)  # the last: unknown words
        first, second = _split(keys)
        alone = np.flatnonzero(second < 0)
        self._singles[first[alone]] = alone
        pairs = np.flatnonzero(second >= 0).astype(np.int32)
        size = 1 << (2 * len(pairs) + 1).bit_length()
        self._table, self._numbers = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.int32)
        _enter(keys, pairs, self._table, self._numbers)

    def __len__(self) -> int:
        return len(self._keys)

    def names(self) -> list[str]:
        """Every feature as scikit-learn names it: its words with a blank between."""
        first, second = (part.tolist() for part in _split(self._keys))
        words = {number: self._words.word(number) for number in {*first, *second} if number >= 0}
        return [
            words[a] if b < 0 else f"{words[a]} {words[b]}"
            for a, b in zip(first, second, strict=True)
        ]

    @classmethod
    def of(cls, names: Sequence[str]) -> Vocabulary:
        """The vocabulary with these names; ValueError where one is neither a word nor two."""
        words = WordIndex()
        streams = list(words.read(names, learn=True))
        lengths = np.concatenate([s.lengths for s in streams])
        wrong = np.flatnonzero((lengths != 1) & (lengths != 2))
        if len(wrong):
            raise ValueError(f"{names[wrong[0]][:60]!r} is neither a word nor two")
        tokens = np.concatenate([s.tokens for s in streams]).astype(np.uint64) + np.uint64(1)
        starts = np.cumsum(lengths) - lengths
        second = np.where(lengths == 2, tokens[starts + lengths - 1], np.uint64(0))
        vocabulary = cls(words, (tokens[starts] << _SHIFT) | second)
        if len(np.unique(vocabulary._keys)) < len(names):
            raise ValueError("two features are the same words")
        return vocabulary

    def rows(self, streams: Iterable[Stream]) -> Iterator[Rows]:
        """The features of every text, in order, by as many threads as there are processors."""
        with ThreadPoolExecutor(threads()) as pool:
            yield from pool.map(self._rows, streams)

    def read(self, texts: Iterable[str]) -> Iterator[Rows]:
        """The features of texts as they are read; nothing new is learnt."""
        for stream in self._words.read(map(prepare, texts), learn=False):
            yield self._rows(stream)

    def _rows(self, stream: Stream) -> Rows:
        entries = np.empty(2 * len(stream.tokens), dtype=np.uint32)
        ends = np.empty(len(stream.lengths), dtype=np.int64)
        _count_features(
            stream.tokens, stream.lengths, self._singles, self._table, self._numbers,
            np.zeros(len(self), dtype=np.int32), entries, ends,
        )  # fmt: skip
        return Rows(entries[: ends[-1]].copy(), ends)


@dataclass(frozen=True)
class Counted:
    """Features that enough texts have: in how many texts and how often in all."""

    keys: Keys
    texts: NDArray[np.int64]
    uses: NDArray[np.int64]


def learn_vocabulary(
    streams: Sequence[Stream], words: WordIndex, *, min_df: int, max_features: int
) -> tuple[Vocabulary, NDArray[np.int64]]:
    """The features that `TfidfVectorizer` would choose, frequent ones first, and their text counts.

    In at least `min_df` texts; where these are more than `max_features`, the most used ones.
    ValueError where there is none.
    """
    singles = _count_words(streams, len(words))
    alive = singles.texts >= min_df
    found = [Counted(singles.keys[alive], singles.texts[alive], singles.uses[alive])]
    parts = max(threads(), -(-sum(len(s.tokens) for s in streams) // _TOKENS_A_PART))
    with ThreadPoolExecutor(threads()) as pool:
        found += pool.map(lambda k: _count_part(streams, alive, k, parts, min_df), range(parts))
    keys, texts, uses = (
        np.concatenate([getattr(f, name) for f in found]) for name in ("keys", "texts", "uses")
    )
    if not len(keys):
        raise ValueError(f"no word is in at least {min_df} of the texts")
    order = np.argsort(_by_spelling(keys, words, alive))
    if len(keys) > max_features:  # ties as NumPy's sort leaves them, which scikit-learn uses too
        order = order[np.sort((-uses[order]).argsort()[:max_features])]
    order = order[np.argsort(-texts[order], kind="stable")]
    return Vocabulary(words, keys[order]), texts[order]


def threads() -> int:
    """As many as numba would use: the processors that this process may run on."""
    return int(numba_config.NUMBA_NUM_THREADS)


def _split(keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers of both words; -1 for a second word that is not there."""
    low = keys & np.uint64(2**32 - 1)
    return (keys >> _SHIFT).astype(np.int64) - 1, low.astype(np.int64) - 1


def _by_spelling(keys: Keys, words: WordIndex, alive: NDArray[np.bool_]) -> Keys:
    """Keys whose order is that of the features' names: a blank comes before every letter."""
    spelt = sorted(np.flatnonzero(alive).tolist(), key=words.word)
    rank = np.zeros(len(alive) + 1, dtype=np.uint64)
    rank[spelt] = np.arange(1, len(spelt) + 1)
    first, second = _split(keys)
    return (rank[first] << _SHIFT) | np.where(second < 0, np.uint64(0), rank[second])


def _count_words(streams: Sequence[Stream], count: int) -> Counted:
    texts, uses = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    last = np.full(count, -1, dtype=np.int32)
    at = 0
    for stream in streams:
        _add_words(stream.tokens, stream.lengths, at, texts, uses, last)
        at += len(stream.lengths)
    keys = np.arange(1, count + 1, dtype=np.uint64) << _SHIFT
    return Counted(keys, texts, uses)


def _count_part(
    streams: Sequence[Stream], alive: NDArray[np.bool_], part: int, parts: int, min_df: int
) -> Counted:
    """Count the pairs of one part; only those in at least `min_df` texts are kept."""
    keys, counts = np.zeros(2**10, dtype=np.uint64), np.zeros((2**10, 3), dtype=np.int32)
    used = np.zeros(1, dtype=np.int64)
    at = 0
    for stream in streams:
        room = 1 << (3 * (int(used[0]) + len(stream.tokens)) // 2).bit_length()
        if room > len(keys):
            old, keys = keys, np.zeros(room, dtype=np.uint64)
            before, counts = counts, np.zeros((room, 3), dtype=np.int32)
            _move(old, before, keys, counts)
        _add_pairs(stream.tokens, stream.lengths, at, alive, part, parts, keys, counts, used)
        at += len(stream.lengths)
    enough = (counts[:, 0] >= min_df) & (keys > 0)
    return Counted(keys[enough], *counts[enough, :2].T.astype(np.int64))


@njit(inline="always", **ANY_ORDER)
def _mixed(key):
    key = key * _MIX
    key = (key ^ (key >> _SHIFT)) * _MIX
    return key ^ (key >> _SHIFT)


@njit(inline="always", **ANY_ORDER)
def _find(key, code, table):
    """The slot of a key, or the empty one where it belongs."""
    mask = len(table) - 1
    slot = np.int64(code) & mask
    while table[slot] != key and table[slot] != _EMPTY:
        slot = (slot + 1) & mask
    return slot


@njit(inline="always", **ANY_ORDER)
def _pair(first, second):
    return (np.uint64(first + 1) << _SHIFT) | np.uint64(second + 1)


@kept(**ANY_ORDER)
def _enter(keys, pairs, table, numbers):
    for number in pairs:
        slot = _find(keys[number], _mixed(keys[number]), table)
        table[slot], numbers[slot] = keys[number], number


@kept(**ANY_ORDER)
def _move(old, before, keys, counts):
    for i in range(len(old)):
        if old[i] != _EMPTY:
            slot = _find(old[i], _mixed(old[i]), keys)
            keys[slot] = old[i]
            for j in range(3):
                counts[slot, j] = before[i, j]


@kept(**ANY_ORDER)
def _add_words(tokens, lengths, first_text, texts, uses, last):
    at = 0
    for i in range(len(lengths)):
        for _ in range(lengths[i]):
            word = tokens[at]
            uses[word] += 1
            if last[word] != first_text + i:
                last[word] = first_text + i
                texts[word] += 1
            at += 1


@kept(**ANY_ORDER)
def _add_pairs(tokens, lengths, first_text, alive, part, parts, keys, counts, used):
    at = 0
    for i in range(len(lengths)):
        text = first_text + i
        for j in range(at, at + lengths[i] - 1):
            if not (alive[tokens[j]] and alive[tokens[j + 1]]):
                continue
            key = _pair(tokens[j], tokens[j + 1])
            code = _mixed(key)
            if np.int64(code >> _PART) % parts != part:
                continue
            slot = _find(key, code, keys)
            if keys[slot] == _EMPTY:
                keys[slot] = key
                counts[slot, 2] = -1
                used[0] += 1
            counts[slot, 1] += 1
            if counts[slot, 2] != text:
                counts[slot, 2] = text
                counts[slot, 0] += 1
        at += lengths[i]


@kept(**ANY_ORDER)
def _count_features(tokens, lengths, singles, table, numbers, tally, entries, ends):
    """Entries of every text; `tally` is zero for every feature before and after."""
    at, written = 0, 0
    for i in range(len(lengths)):
        found = np.empty(2 * lengths[i], dtype=np.int32)
        count = 0
        for j in range(at, at + lengths[i]):
            number = singles[tokens[j]]
            if number >= 0:
                if tally[number] == 0:
                    found[count] = number
                    count += 1
                tally[number] += 1
            if j + 1 < at + lengths[i] and tokens[j] >= 0 and tokens[j + 1] >= 0:
                key = _pair(tokens[j], tokens[j + 1])
                slot = _find(key, _mixed(key), table)
                if table[slot] != _EMPTY:
                    number = numbers[slot]
                    if tally[number] == 0:
                        found[count] = number
                        count += 1
                    tally[number] += 1
        at += lengths[i]
        for k in range(count):
            number = found[k]
            while tally[number] > 0:
                own = min(tally[number], np.int32(_MOST))
                entries[written] = (np.uint32(number) << np.uint32(COUNT_BITS)) | np.uint32(own)
                tally[number] -= own
                written += 1
        ends[i] = written
