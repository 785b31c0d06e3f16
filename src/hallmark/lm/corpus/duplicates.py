"""Which documents have been seen before: exactly, or nearly by MinHash and banding (LSH).

Tables lie in files that are mapped into memory, so the system can drop their pages: memory stays
bounded however many documents there are. Broder 1997; Leskovec et al., "Mining of Massive
Datasets", chapter 3.
"""

from __future__ import annotations

import hashlib
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
SHINGLE = 5  # tokens
BANDS, ROWS = 16, 8  # a pair of Jaccard similarity s shares a band with 1 - (1 - s^8)^16
SIMILAR = 0.8
_BLOCK = 2**11  # runs hashed at once: all their permutations fit the cache


def digest(text: str) -> int:
    """64 bits of a hash of `text` without case, width and spacing; never 0.

    Two different texts agree by chance with 5e-20; among 100 million, any two with 3e-4.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    found = hashlib.blake2b(plain.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(found, "little") or 1


class HashTable:
    """64-bit keys (0 is none) to row numbers, by linear probing in a mapped file that grows."""

    def __init__(self, folder: Path, name: str, *, capacity: int = 2**12) -> None:
        self._folder, self._name, self._generation = folder, name, 0
        self._count = 0
        self._slots = self._allocate(capacity)

    def __len__(self) -> int:
        return self._count

    def add(self, key: int, row: int) -> int | None:
        """Store `row` under `key`; where the key is there already, its row instead."""
        if 2 * self._count >= len(self._slots):
            self._grow()
        place = self._find(key)
        if self._slots[place, 0] == key:
            return int(self._slots[place, 1])
        self._slots[place] = key, row
        self._count += 1
        return None

    def _find(self, key: int) -> int:
        """Where `key` is, or the free slot where it belongs."""
        mask = len(self._slots) - 1
        place = (key ^ key >> 32) & mask
        while True:
            found = int(self._slots[place, 0])
            if found in (0, key):
                return place
            place = (place + 1) & mask

    def _allocate(self, capacity: int) -> NDArray[np.uint64]:
        self._generation += 1
        path = self._folder / f"{self._name}-{self._generation}.table"
        return np.memmap(path, dtype=np.uint64, mode="w+", shape=(capacity, 2))

    def _grow(self) -> None:
        old, path = self._slots, self._folder / f"{self._name}-{self._generation}.table"
        self._slots = self._allocate(2 * len(old))
        for start in range(0, len(old), 2**16):
            for key, row in old[start : start + 2**16].tolist():
                if key:
                    self._slots[self._find(key)] = key, row
        path.unlink()


class Duplicates:
    """What was seen so far; `exact` and `near` count what was turned away.

    A document is an exact duplicate where `digest` agrees with an earlier one, and a near one
    where its MinHash signature agrees in SIMILAR of its places with an earlier one that shares
    a band. Signatures are of runs of SHINGLE token ids; documents of fewer tokens are compared
    exactly only. Use it as a context manager: its files lie in a temporary folder.
    """

    def __init__(self, *, near: bool = True, seed: int = 0, where: Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=".hallmark-", dir=where)
        path = Path(self._folder.name)
        generator = np.random.default_rng(seed)
        self._factors: Hashes = generator.integers(1, 2**63, BANDS * ROWS, dtype=np.uint64) * 2 + 1
        self._exact = HashTable(path, "exact")
        self._bands = [HashTable(path, f"band-{i}") for i in range(BANDS)] if near else []
        self._signatures = (path / "signatures").open("w+b")
        self._rows = 0
        self.exact = self.near = 0

    def __enter__(self) -> Duplicates:
        return self

    def __exit__(self, *error: object) -> None:
        self._signatures.close()
        self._folder.cleanup()

    def seen(self, text: str, ids: Sequence[int]) -> bool:
        """Whether this document (its text and token ids) repeats an earlier one; it is kept."""
        if self._exact.add(digest(text), 0) is not None:
            self.exact += 1
            return True
        if not self._bands or len(ids) < SHINGLE:
            return False
        if self._is_near(signature(np.asarray(ids, dtype=np.uint64), self._factors)):
            self.near += 1
            return True
        return False

    def _is_near(self, own: NDArray[np.uint32]) -> bool:
        keys = [
            int.from_bytes(hashlib.blake2b(band.tobytes(), digest_size=8).digest(), "little") or 1
            for band in own.reshape(BANDS, ROWS)
        ]
        rows = (table.add(key, self._rows) for table, key in zip(self._bands, keys, strict=True))
        candidates = {row for row in rows if row is not None}
        repeated = any(np.mean(self._signature(row) == own) >= SIMILAR for row in candidates)
        # What is turned away leaves its number in the tables, with a signature like nothing else.
        self._signatures.seek(self._rows * own.nbytes)
        self._signatures.write(bytes(own.nbytes) if repeated else own.tobytes())
        self._rows += 1
        return repeated

    def _signature(self, row: int) -> NDArray[np.uint32]:
        self._signatures.seek(row * 4 * BANDS * ROWS)
        return np.frombuffer(self._signatures.read(4 * BANDS * ROWS), dtype=np.uint32)


def signature(ids: Hashes, factors: Hashes) -> NDArray[np.uint32]:
    """MinHash of the runs of SHINGLE ids: for each factor the least of the runs' hashes.

    The share of places in which two signatures agree estimates the Jaccard similarity of the
    two sets of runs, with a standard error of at most 0.5 / sqrt(len(factors)).
    """
    runs = len(ids) - SHINGLE + 1
    hashed = np.zeros(runs, dtype=np.uint64)
    for i in range(SHINGLE):
        hashed = (hashed ^ ids[i : i + runs]) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(29)
    least = np.full(len(factors), 2**32 - 1, dtype=np.uint64)
    for start in range(0, runs, _BLOCK):
        block = hashed[start : start + _BLOCK, None] * factors  # (block, permutations)
        least = np.minimum(least, (block >> np.uint64(32)).min(0))
    return least.astype(np.uint32)
