"""What accounts share: near-duplicate texts, templates, links, and moments.

Sharing says that accounts act together, not that a machine wrote for them: campaigns of people
share too. Co-actions follow Pacheco et al. 2021, "Uncovering Coordinated Networks on Social Media".
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

WINDOW = 60.0  # seconds
LEAST_SHARED = 3  # accounts behind a link or template before it counts
LEAST_TOGETHER = 2  # co-actions before two accounts count as partners
_NEIGHBOURS = 16  # later posts of a cluster that one is paired with: bounds the work

Accounts = NDArray[np.int64]


def shared(accounts: Accounts, groups: NDArray[np.int64], *, least: int = 2) -> NDArray[np.bool_]:
    """Of each post, whether its group (-1: none) holds posts of at least `least` accounts."""
    pairs = np.unique(np.stack([groups, accounts], axis=1)[groups >= 0], axis=0)
    names, counts = np.unique(pairs[:, 0], return_counts=True)
    common = names[counts >= least]
    return np.isin(groups, common) & (groups >= 0)


def repeated(accounts: Accounts, groups: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Of each post, whether its account has another post in the same group."""
    both = np.stack([groups, accounts], axis=1)
    _, inverse, counts = np.unique(both, axis=0, return_inverse=True, return_counts=True)
    found: NDArray[np.bool_] = counts[inverse.ravel()] > 1
    return found


def share_of(flags: NDArray[np.bool_], accounts: Accounts, *, count: int) -> NDArray[np.float64]:
    """The share of each account's posts (count,) that are flagged; NaN without a post."""
    posts = np.bincount(accounts, minlength=count)
    hits = np.bincount(accounts, weights=flags, minlength=count)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(posts > 0, hits / np.maximum(posts, 1), math.nan))


def together(
    accounts: Accounts,
    times: NDArray[np.float64],
    groups: Iterable[Sequence[int]],
    *,
    window: float = WINDOW,
    counted: NDArray[np.int64] | None = None,
) -> Counter[tuple[int, int]]:
    """How often two accounts posted into one group within `window` seconds: {(a, b): times}.

    groups: the posts (indices) of each near-duplicate or link group. counted: groups of another
    kind (N,), whose pairs of posts are left out because they were counted there.
    """
    counts: Counter[tuple[int, int]] = Counter()
    for group in groups:
        ordered = sorted(group, key=lambda i: times[i])
        for place, i in enumerate(ordered):
            for j in ordered[place + 1 : place + 1 + _NEIGHBOURS]:
                if times[j] - times[i] > window:
                    break
                if counted is not None and counted[i] == counted[j]:
                    continue
                if accounts[i] != accounts[j]:
                    a, b = sorted((int(accounts[i]), int(accounts[j])))
                    counts[a, b] += 1
    return counts


def partners(
    co_actions: Mapping[tuple[int, int], int], *, count: int, least: int = LEAST_TOGETHER
) -> NDArray[np.float64]:
    """With how many others each account (count,) posted together at least `least` times."""
    found = np.zeros(count)
    for (a, b), times in co_actions.items():
        if times >= least:
            found[a] += 1
            found[b] += 1
    return found


def members(groups: NDArray[np.int64]) -> list[list[int]]:
    """The posts of each group of at least two, in order of the groups; -1 is no group."""
    found: dict[int, list[int]] = defaultdict(list)
    for post, group in enumerate(groups.tolist()):
        if group >= 0:
            found[group].append(post)
    return [found[group] for group in sorted(found) if len(found[group]) > 1]
