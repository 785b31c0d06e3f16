"""Which texts are nearly the same: candidates by MinHash keys, joined where their sets agree.

Single linkage: a text joins a cluster through any of its heads. Exact Jaccard similarity decides;
keys only propose, so a missed pair is possible and a wrong one is not.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hallmark.evidence.shingles import Shingles, kept, shingle

SIMILAR = 0.8
_HEADS = 32  # unlike texts of one key that a further one is compared with


def cluster(texts: Iterable[str], *, similar: float = SIMILAR, seed: int = 0) -> NDArray[np.int64]:
    """The cluster of each text (N,), numbered by its first text; a text like no other is alone.

    similar: least Jaccard similarity of the sets of runs of GRAM characters. Pairs at .8 are
    found with .995, at .5 with .48, by one key of ten.
    """
    if not 0 < similar <= 1:
        raise ValueError(f"similar must lie above 0 and be at most 1, not {similar}")
    return join_alike(shingle(texts, seed=seed), similar=similar)


def join_alike(found: Shingles, *, similar: float = SIMILAR) -> NDArray[np.int64]:
    """The cluster of each set, as `cluster` gives them."""
    count = found.keys.shape[1]
    parent = np.arange(count)
    filled = np.flatnonzero(np.diff(found.starts) > 0)
    for keys in found.keys:
        own = keys[filled]
        order = np.argsort(own, kind="stable")
        _join(own[order], filled[order], found.hashes, found.starts, parent, similar, _HEADS)
    return np.asarray(_roots(parent))


@kept
def jaccard(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> float:
    """Share of the hashes of either sorted set that are in both; 0 for two empty ones."""
    i = j = both = 0
    while i < len(one) and j < len(other):
        if one[i] == other[j]:
            both += 1
            i += 1
            j += 1
        elif one[i] < other[j]:
            i += 1
        else:
            j += 1
    either = len(one) + len(other) - both
    return both / either if either else 0.0


@kept
def _find(parent: NDArray[np.int64], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kept
def _join(
    keys: NDArray[np.uint64],
    texts: NDArray[np.int64],
    hashes: NDArray[np.uint32],
    starts: NDArray[np.int64],
    parent: NDArray[np.int64],
    similar: float,
    most: int,
) -> None:
    """Join those of equal keys (sorted) that are alike; the least number is the root."""
    heads = np.empty(most, dtype=np.int64)
    used = 0
    for i in range(len(keys)):
        if i == 0 or keys[i] != keys[i - 1]:
            used = 0
        own, joined = texts[i], False
        for h in range(used):
            one, other = _find(parent, own), _find(parent, heads[h])
            if one == other:
                joined = True
                continue
            mine = hashes[starts[own] : starts[own + 1]]
            if jaccard(mine, hashes[starts[heads[h]] : starts[heads[h] + 1]]) >= similar:
                parent[max(one, other)] = min(one, other)
                joined = True
        if not joined and used < most:
            heads[used] = own
            used += 1


@kept
def _roots(parent: NDArray[np.int64]) -> NDArray[np.int64]:
    out = np.empty_like(parent)
    for i in range(len(parent)):
        out[i] = _find(parent, i)
    return out
