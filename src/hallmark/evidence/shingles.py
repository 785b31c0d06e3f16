"""Texts as sets of hashed runs of characters, and MinHash keys of them, in compiled loops.

Broder 1997; Leskovec et al., "Mining of Massive Datasets", chapter 3. Importing this imports numba.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

GRAM = 5  # characters
BANDS, ROWS = 10, 4  # a pair of Jaccard similarity s shares a key with 1 - (1 - s^4)^10
_CHUNK = 4096  # texts hashed in one call


def kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled, and kept on disk where there is a place.

    numba looks for changes in the function's own file alone: what it calls must be there too.
    (`lm/compiled.py` has one of these that needs PyTorch.)
    """
    try:
        return njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # a read-only install and no home
        return njit(nogil=True)(function)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Shingles:
    """The sets of N texts: that of text i is `hashes[starts[i] : starts[i + 1]]`, sorted.

    keys: (BANDS, N); two texts that share a key of a band may be alike. Texts without a character
    have an empty set.
    """

    hashes: NDArray[np.uint32]
    starts: NDArray[np.int64]
    keys: NDArray[np.uint64]


def plain(text: str) -> str:
    """The text without case, width and spacing."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def shingle(texts: Iterable[str], *, seed: int = 0) -> Shingles:
    """Sets and keys of the texts, which are read once; about 8 bytes of memory a character."""
    generator = np.random.default_rng(seed)
    factors = generator.integers(1, 2**31, BANDS * ROWS, dtype=np.uint32) * np.uint32(
        2
    ) + np.uint32(1)
    hashes: list[NDArray[np.uint32]] = []
    keys: list[NDArray[np.uint64]] = []
    ends = [np.zeros(1, dtype=np.int64)]
    for chunk in _chunks(texts):
        joined = np.frombuffer("".join(chunk).encode("utf-32-le", "replace"), dtype=np.uint32)
        bounds = np.cumsum([0, *map(len, chunk)])
        found, counts, own = _hash(joined, bounds, factors, BANDS, ROWS, GRAM)
        hashes.append(found)
        keys.append(own)
        ends.append(ends[-1][-1] + np.cumsum(counts))
    empty_keys = np.zeros((BANDS, 0), dtype=np.uint64)
    return Shingles(
        np.concatenate(hashes) if hashes else np.zeros(0, dtype=np.uint32),
        np.concatenate(ends),
        np.concatenate(keys, axis=1) if keys else empty_keys,
    )


def _chunks(texts: Iterable[str]) -> Iterable[list[str]]:
    chunk: list[str] = []
    for text in texts:
        chunk.append(plain(text))
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


@kept
def _hash(
    letters: NDArray[np.uint32],
    bounds: NDArray[np.int64],
    factors: NDArray[np.uint32],
    bands: int,
    rows: int,
    gram: int,
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint64]]:
    """Of each text: its set of hashes, how many they are, and its keys."""
    count = len(bounds) - 1
    out = np.empty(len(letters) + 1, dtype=np.uint32)
    counts = np.zeros(count, dtype=np.int64)
    keys = np.zeros((bands, count), dtype=np.uint64)
    least = np.empty(bands * rows, dtype=np.uint32)
    used = 0
    for i in range(count):
        first, length = bounds[i], bounds[i + 1] - bounds[i]
        if length == 0:
            continue
        runs = max(1, length - gram + 1)
        for j in range(runs):
            value = np.uint64(14695981039346656037)  # FNV-1a over characters, then mixed
            for k in range(min(gram, length)):
                value = (value ^ np.uint64(letters[first + j + k])) * np.uint64(1099511628211)
            value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
            out[used + j] = np.uint32(value >> np.uint64(32))
        own = np.sort(out[used : used + runs])
        size = 0
        for j in range(runs):
            if j == 0 or own[j] != own[j - 1]:
                out[used + size] = own[j]
                size += 1
        counts[i] = size
        least[:] = np.uint32(0xFFFFFFFF)
        for j in range(size):
            value32 = out[used + j]
            for p in range(bands * rows):
                mixed = np.uint32(np.uint32(value32 ^ factors[p]) * np.uint32(0x9E3779B1))
                mixed = np.uint32(mixed ^ (mixed >> np.uint32(15))) * factors[p]
                least[p] = min(least[p], np.uint32(mixed))
        for b in range(bands):
            key = np.uint64(14695981039346656037)
            for r in range(rows):
                key = (key ^ np.uint64(least[b * rows + r])) * np.uint64(1099511628211)
                key ^= key >> np.uint64(29)
            keys[b, i] = key
        used += size
    return out[:used].copy(), counts, keys
