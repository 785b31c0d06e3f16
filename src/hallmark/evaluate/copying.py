"""How much of a text stands word for word in other texts: longest common runs, near duplicates.

Runs come from a suffix array over all texts (Manber & Myers 1990, by doubling), near duplicates
from the MinHash signatures with which corpora are prepared. Token ids in, counts out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hallmark.lm.corpus.duplicates import BANDS, ROWS, SHINGLE, SIMILAR, signature

Ints = NDArray[np.int64]
Ids = Sequence[int]
LEVELS = 9  # runs of up to 2^9 - 1 tokens are told apart; longer ones count as so long


def longest_runs(texts: Sequence[Ids], corpus: Sequence[Ids]) -> Ints:
    """(N,) tokens of the longest run of each text that stands in one document of `corpus`."""
    joined, owner = _joined(texts, corpus)
    ranks = _ranks(joined)
    order = np.lexsort((np.arange(len(joined)), ranks[-1]))
    ours = owner[order] >= 0
    place = np.arange(len(order))
    above = np.maximum.accumulate(np.where(ours, -1, place))
    below = np.minimum.accumulate(np.where(ours, len(order), place)[::-1])[::-1]
    out = np.zeros(len(texts), dtype=np.int64)
    for near in (above, below):
        found = ours & (near >= 0) & (near < len(order))
        mine, theirs = order[found], order[near[found]]
        np.maximum.at(out, owner[mine], _common(ranks, mine, theirs))
    return out


def near_duplicates(texts: Sequence[Ids], corpus: Sequence[Ids], *, seed: int = 0) -> Ints:
    """(N,) 1 where a text is nearly a document of `corpus`: Jaccard similarity of SIMILAR or more.

    The similarity of the sets of runs of SHINGLE tokens, estimated with a standard error of at
    most .05; a text of fewer tokens is like no other.
    """
    generator = np.random.default_rng(seed)
    factors = generator.integers(1, 2**63, BANDS * ROWS, dtype=np.uint64) * np.uint64(2)
    factors += np.uint64(1)

    def signed(ids: Ids) -> NDArray[np.uint32]:
        return signature(np.asarray(ids, dtype=np.uint64), factors)

    known = [signed(ids) for ids in corpus if len(ids) >= SHINGLE]
    out = np.zeros(len(texts), dtype=np.int64)
    if not known:
        return out
    table = np.stack(known)
    for i, ids in enumerate(texts):
        if len(ids) >= SHINGLE:
            out[i] = int((table == signed(ids)).mean(1).max() >= SIMILAR)
    return out


def _joined(texts: Sequence[Ids], corpus: Sequence[Ids]) -> tuple[Ints, Ints]:
    """All ids from 2 on, and whose text each place is of (-1: the corpus's).

    0 ends a document of the corpus and 1 a text, so that no run reaches beyond either.
    """
    ids: list[Ints] = []
    owner: list[Ints] = []
    for numbers, end, own in ((range(len(corpus)), 0, False), (range(len(texts)), 1, True)):
        for i in numbers:
            part = texts[i] if own else corpus[i]
            ids.append(np.append(np.asarray(part, dtype=np.int64) + 2, end))
            owner.append(np.full(len(part) + 1, i if own else -1, dtype=np.int64))
    return np.concatenate(ids), np.concatenate(owner)


def _ranks(joined: Ints) -> list[Ints]:
    """At level k, for each place, the rank of the run of 2^k ids that begins there."""
    ranks = [np.unique(joined, return_inverse=True)[1].astype(np.int64)]
    for k in range(LEVELS):
        step, last = 2**k, ranks[-1]
        after = np.full(len(last), -1, dtype=np.int64)
        after[:-step] = last[step:]
        pair = last * (len(last) + 1) + after + 1
        ranks.append(np.unique(pair, return_inverse=True)[1].astype(np.int64))
    return ranks


def _common(ranks: Sequence[Ints], one: Ints, other: Ints) -> Ints:
    """Ids that agree from each place of `one` and of `other` on."""
    length = np.zeros(len(one), dtype=np.int64)
    size = len(ranks[0])
    for k in range(LEVELS - 1, -1, -1):
        a, b = one + length, other + length
        inside = (a < size) & (b < size)
        same = inside.copy()
        same[inside] = ranks[k][a[inside]] == ranks[k][b[inside]]
        length += np.where(same, 2**k, 0)
    return length
