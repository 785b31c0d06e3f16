"""The draw of a token from logits, compiled: what `lm/draw.py` defines, without a sort.

Same numbers as there: the noise of (seed, step, id), exactly k tokens, the standard nucleus,
ties to the lowest id. Tokens that cannot win are not given their noise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hallmark.lm.engine.bits import bits_of_float, float_of_bits
from hallmark.lm.engine.inputs import LOOSE, STRICT
from hallmark.lm.engine.kernels import exp

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S12, _S27, _S30, _S31, _S40 = (np.uint64(bits) for bits in (12, 27, 30, 31, 40))
_ONE = np.uint64(1)
_UNIT = np.float32(2.0**-24)
_MARGIN = np.float32(1.001)  # far above the error of a float32 exponential
_NOTHING = np.float32(-np.inf)
BLOCK = 256
BINS, _PER_NAT = 4096, np.float32(64)


class Draw(NamedTuple):
    """For each row of logits (W,) its settings, its slot, its seed and its step.

    `seen` (slots, V), the tokens that each slot's text has seen, is looked at where the penalty
    is not 1. `chosen` (W,) receives the ids, or -1 where a row's logits are not finite. `flags`
    and `bins` are room for each of S threads. Where `wanted` (W,) is k >= 0, `own` (W,) receives
    the chosen token's log-probability, `likely` and `log_probs` (W, K >= k) the k likeliest
    tokens' ids and log-probabilities: the network's own, before penalty and temperature.
    """

    temperature: NDArray[np.float32]
    top_k: NDArray[np.int64]
    top_p: NDArray[np.float64]
    penalty: NDArray[np.float32]
    slots: NDArray[np.int64]
    seeds: NDArray[np.int64]
    steps: NDArray[np.int64]
    seen: NDArray[np.bool_]
    chosen: NDArray[np.int64]
    flags: NDArray[np.bool_]  # (S, BLOCK)
    bins: NDArray[np.float64]  # (S, BINS)
    wanted: NDArray[np.int64]
    own: NDArray[np.float64]
    likely: NDArray[np.int64]
    log_probs: NDArray[np.float64]


@njit(**STRICT)
def mix(x):
    """SplitMix64's finaliser."""
    x = (x ^ (x >> _S30)) * _FIRST
    x = (x ^ (x >> _S27)) * _SECOND
    return x ^ (x >> _S31)


@njit(**STRICT)
def total_of(logit, start, token):
    """A token's logit and its Gumbel noise, in float64."""
    bits = mix(start + (np.uint64(token) + _ONE) * _GAMMA)
    u = (np.float64(bits >> _S12) + 0.5) * 2.0**-52
    return np.float64(logit) - np.log(-np.log(u))


@njit(**LOOSE)
def mark(logits, first, count, best, start, flags):
    """Flag the tokens that may beat `best`; how many there are.

    With -log u >= 1 - u, logit + noise > best needs 1 - u < e^(logit - best), and 24 bits of u
    decide nearly always.
    """
    found = 0
    for j in range(count):
        bits = mix(start + (np.uint64(first + j) + _ONE) * _GAMMA)
        below = np.float32(np.int32((1 << 24) - 1) - np.int32(bits >> _S40)) * _UNIT
        may = below < exp(logits[first + j] - best) * _MARGIN
        flags[j] = may
        found += may
    return found


@njit(**STRICT)
def gumbel(logits, likeliest, seed, step, flags):
    """argmax of logit + noise; ties go to the lowest id."""
    start = mix(mix(np.uint64(seed)) + np.uint64(step) * _GAMMA)
    chosen, best = likeliest, total_of(logits[likeliest], start, likeliest)
    for first in range(0, logits.size, BLOCK):
        count = min(BLOCK, logits.size - first)
        if mark(logits, first, count, np.float32(best), start, flags):
            for j in range(count):
                token = first + j
                if flags[j]:
                    total = total_of(logits[token], start, token)
                    if total > best or (total == best and token < chosen):
                        chosen, best = token, total
    return chosen


@njit(**STRICT)
def likeliest_of(logits):
    """The lowest id of the largest logit; -1 where one is NaN or the largest is not finite.

    Compared as whole numbers in the order of the floats, which wide registers do at once.
    """
    most, damage = np.int32(-0x80000000), np.int32(0)
    for i in range(logits.size):
        bits = bits_of_float(logits[i])
        unsigned = bits & np.int32(0x7FFFFFFF)
        damage += np.int32(unsigned > np.int32(0x7F800000))
        most = max(most, bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF)))
    largest = float_of_bits(most ^ ((most >> np.int32(31)) & np.int32(0x7FFFFFFF)))
    if damage or not np.isfinite(largest):
        return -1
    for i in range(logits.size):
        if logits[i] == largest:
            return i
    return -1


@njit(**STRICT)
def keep_largest(logits, cutoff, size):
    """Keep `size` logits, the smallest of them `cutoff`, the lowest ids of those tied with it."""
    above = 0
    for i in range(logits.size):
        above += logits[i] > cutoff
    room = size - above
    for i in range(logits.size):
        if logits[i] == cutoff and room > 0:
            room -= 1
        elif not logits[i] > cutoff:
            logits[i] = _NOTHING


@njit(**STRICT)
def keep_top_k(logits, k):
    """The k largest, found with a heap of k whose root is the smallest."""
    heap = logits[:k].copy()
    for root in range(k // 2 - 1, -1, -1):
        sift(heap, root)
    for i in range(k, logits.size):
        if logits[i] > heap[0]:
            heap[0] = logits[i]
            sift(heap, 0)
    keep_largest(logits, heap[0], k)


@njit(**STRICT)
def sift(heap, root):
    """Let the number at `root` sink to its place."""
    while 2 * root + 1 < heap.size:
        child = 2 * root + 1
        if child + 1 < heap.size and heap[child + 1] < heap[child]:
            child += 1
        if heap[root] <= heap[child]:
            return
        heap[root], heap[child] = heap[child], heap[root]
        root = child


@njit(**STRICT)
def bin_of(logit):
    """Which bin a logit that is at most 0 falls into, the likeliest first."""
    return np.int64(min(-logit * _PER_NAT, np.float32(BINS - 1)))


@njit(**STRICT)
def keep_nucleus(logits, p, bins):
    """The smallest set of largest logits (all at most 0) whose probability reaches p.

    Probability is added up in bins of like logits; only the bin where p is reached is sorted.
    """
    bins[:] = 0
    for i in range(logits.size):
        if logits[i] > _NOTHING:
            bins[bin_of(logits[i])] += np.exp(np.float64(logits[i]))
    wanted, mass, edge = p * bins.sum(), 0.0, 0
    while edge < BINS - 1 and mass + bins[edge] < wanted:
        mass += bins[edge]
        edge += 1
    before, inside = 0, 0
    for i in range(logits.size):
        if logits[i] > _NOTHING:
            before += bin_of(logits[i]) < edge
            inside += bin_of(logits[i]) == edge
    members = np.empty(inside, dtype=np.float32)
    inside = 0
    for i in range(logits.size):
        if logits[i] > _NOTHING and bin_of(logits[i]) == edge:
            members[inside] = -logits[i]
            inside += 1
    members.sort()
    size = 0
    while size < inside and (mass < wanted or before + size == 0):
        mass += np.exp(-np.float64(members[size]))
        size += 1
    if size:
        keep_largest(logits, -members[size - 1], before + size)


@njit(**STRICT)
def draw_row(logits, seen, draw, row, flags, bins):
    """One token from one row of logits (V,), which are changed; -1 where they are not finite."""
    temperature, penalty = draw.temperature[row], draw.penalty[row]
    if penalty != 1:
        for i in range(logits.size):
            if seen[i]:
                x = logits[i]
                logits[i] = x / penalty if x > 0 else x * penalty
    likeliest = likeliest_of(logits)
    if likeliest < 0 or temperature == 0:
        return likeliest
    most = logits[likeliest]
    for i in range(logits.size):
        logits[i] = (logits[i] - most) / temperature
    if 0 < draw.top_k[row] < logits.size:
        keep_top_k(logits, draw.top_k[row])
    if draw.top_p[row] < 1:
        keep_nucleus(logits, draw.top_p[row], bins)
    return gumbel(logits, likeliest, draw.seeds[row], draw.steps[row], flags)


@njit(**STRICT)
def tell(logits, draw, row):
    """Note what the network thought of the chosen token, and of the likeliest ones."""
    most, total = logits.max(), 0.0
    for i in range(logits.size):
        total += np.exp(np.float64(logits[i] - most))
    log_total = np.float64(most) + np.log(total)
    draw.own[row] = logits[draw.chosen[row]] - log_total
    ids, values = draw.likely[row], draw.log_probs[row]
    room = min(draw.wanted[row], logits.size)
    values[:] = -np.inf
    for i in range(logits.size):
        value = logits[i] - log_total
        if room > 0 and value > values[room - 1]:
            place = room - 1
            while place > 0 and values[place - 1] < value:
                ids[place], values[place] = ids[place - 1], values[place - 1]
                place -= 1
            ids[place], values[place] = i, value


@njit(**STRICT)
def draw_all(rank, size, logits, draw):
    """This thread's share of the rows of logits (W, V)."""
    for row in range(rank, draw.chosen.size, size):
        seen = draw.seen[draw.slots[row] if draw.penalty[row] != 1 else 0]
        raw = logits[row].copy() if draw.wanted[row] >= 0 else logits[row, :0]
        chosen = draw_row(logits[row], seen, draw, row, draw.flags[rank], draw.bins[rank])
        draw.chosen[row] = chosen
        if draw.wanted[row] >= 0 and chosen >= 0:
            tell(raw, draw, row)
