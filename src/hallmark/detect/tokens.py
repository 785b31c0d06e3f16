"""Texts as streams of word numbers: scikit-learn's words, found and numbered in compiled code.

A word is two letters, digits or underscores or more, as in scikit-learn's default pattern
`\\b\\w\\w+\\b`, of the lower-cased text. Importing this imports numba.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hallmark.lm.compiled import ANY_ORDER, kept

_BATCH = 2**20  # characters that are read at once, a longer text alone
_CODES = 0x110000
_AHEAD = 2  # batches that are ready before their turn
_SEED, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)


@dataclass(frozen=True)
class Stream:
    """Word numbers of some texts end to end, -1 for an unknown word, and how many each has."""

    tokens: NDArray[np.int32]
    lengths: NDArray[np.int32]


class WordIndex:
    """Words by number, in order of their first use; exact, as letters are compared."""

    def __init__(self) -> None:
        self._slots = np.full(2**10, -1, dtype=np.int32)
        self._hashes = np.zeros(2**9, dtype=np.uint64)
        self._starts = np.zeros(2**9 + 1, dtype=np.int64)
        self._letters = np.zeros(2**12, dtype=np.uint32)
        self._used = np.zeros(1, dtype=np.int64)

    def __len__(self) -> int:
        return int(self._used[0])

    def word(self, number: int) -> str:
        """The word of that number."""
        letters = self._letters[self._starts[number] : self._starts[number + 1]]
        return letters.tobytes().decode("utf-32-le", "surrogatepass")

    def read(self, texts: Iterable[str], *, learn: bool) -> Iterator[Stream]:
        """Streams of prepared texts in order; new words get numbers where `learn` says so.

        One thread numbers words while this one encodes the next texts.
        """
        with ThreadPoolExecutor(1) as pool:
            waiting: deque[Future[Stream]] = deque()
            for batch in batches(texts):
                codes = np.frombuffer(
                    "".join(batch).encode("utf-32-le", "surrogatepass"), dtype=np.uint32
                )
                ends = np.cumsum([len(text) for text in batch])
                waiting.append(pool.submit(self._number, codes, ends, learn))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _number(self, codes: NDArray[np.uint32], ends: NDArray[np.int64], learn: bool) -> Stream:
        most = len(codes) // 2 + 1
        if learn:
            self._make_room(most, len(codes))
        tokens, lengths = np.empty(most, dtype=np.int32), np.empty(len(ends), dtype=np.int32)
        _number(
            codes, ends, _word_characters(), self._slots, self._hashes, self._starts,
            self._letters, self._used, learn, tokens, lengths,
        )  # fmt: skip
        return Stream(tokens[: lengths.sum()].copy(), lengths)

    def _make_room(self, words: int, letters: int) -> None:
        """So that as many new words and letters fit."""
        count = len(self) + words
        if 2 * count > len(self._slots):
            self._slots = np.full(_power_of_two(2 * count), -1, dtype=np.int32)
            _fill(self._slots, self._hashes, len(self))
        if count > len(self._hashes):
            self._hashes = np.resize(self._hashes, 2 * count)
            self._starts = np.resize(self._starts, 2 * count + 1)
        if self._starts[len(self)] + letters > len(self._letters):
            self._letters = np.resize(self._letters, 2 * (self._starts[len(self)] + letters))


def prepare(text: str) -> str:
    """As `normalise` and lower case, as far as words can tell; plain ASCII is quick."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return text.lower()


def batches(texts: Iterable[str]) -> Iterator[Sequence[str]]:
    """Texts in groups of about `_BATCH` characters."""
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@cache
def _word_characters() -> NDArray[np.bool_]:
    """(0x110000,) True for the code points that `re` counts as part of a word."""
    out = np.zeros(_CODES, dtype=np.bool_)
    for run in re.finditer(r"\w+", "".join(map(chr, range(_CODES)))):
        out[run.start() : run.end()] = True
    return out


def _power_of_two(least: int) -> int:
    return 1 << max(0, least - 1).bit_length()


@njit(inline="always", **ANY_ORDER)
def _slot_of(code, mask):
    return np.int64((code ^ (code >> _SHIFT)) & mask)


@kept(**ANY_ORDER)
def _fill(slots, hashes, count):
    """Enter the first `count` words into empty slots."""
    mask = np.uint64(len(slots) - 1)
    for number in range(count):
        slot = _slot_of(hashes[number], mask)
        while slots[slot] >= 0:
            slot = (slot + 1) & np.int64(mask)
        slots[slot] = number


@kept(**ANY_ORDER)
def _number(codes, ends, is_word, slots, hashes, starts, letters, used, learn, tokens, lengths):
    """Find the words of texts that end at `ends`, number them, and enter the new ones."""
    mask = np.uint64(len(slots) - 1)
    at, written, count = 0, 0, used[0]
    for text in range(len(ends)):
        first = written
        while at < ends[text]:
            begin, code = at, _SEED
            while at < ends[text] and is_word[codes[at]]:
                code = (code ^ np.uint64(codes[at])) * _PRIME
                at += 1
            length = at - begin
            at += 1 if at < ends[text] else 0
            if length < 2:
                continue
            slot = _slot_of(code, mask)
            number = slots[slot]
            while number >= 0:
                start = starts[number]
                if hashes[number] == code and starts[number + 1] - start == length:
                    same = 0
                    while same < length and letters[start + same] == codes[begin + same]:
                        same += 1
                    if same == length:
                        break
                slot = (slot + 1) & np.int64(mask)
                number = slots[slot]
            if number < 0 and learn:
                number = count
                slots[slot], hashes[number] = number, code
                for i in range(length):
                    letters[starts[number] + i] = codes[begin + i]
                starts[number + 1] = starts[number] + length
                count += 1
            tokens[written] = number
            written += 1
        lengths[text] = written - first
    used[0] = count
