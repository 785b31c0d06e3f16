"""From posts to one row of signals an account: what its texts, times and profile look like.

Values only; what they are worth as evidence is learnt from labelled accounts (`ratio.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hallmark.evidence import coordination, timing
from hallmark.evidence.clusters import SIMILAR, cluster
from hallmark.evidence.posts import Post, template

# Signals by the kind of evidence that they are; within a kind they tell much the same.
GROUPS = {
    "coordination": ("copied", "templated", "linked", "partners"),
    "cadence": ("burstiness", "busiest_hour", "rest_hours"),
    "account": ("age_days", "name_digits", "self_repeated"),
}
SIGNALS = tuple(name for names in GROUPS.values() for name in names)
MEANING = {
    "copied": "share of posts nearly the same as another account's",
    "templated": "share of posts filled into a form that three accounts use",
    "linked": "share of posts with a link that three accounts post",
    "partners": "accounts that twice posted the same within a minute",
    "burstiness": "-1 clockwork, 0 at random, 1 in bursts",
    "busiest_hour": "most posts in one hour",
    "rest_hours": "longest run of hours of the day without a post",
    "age_days": "days from the account's making to its first post here",
    "name_digits": "share of digits in the name, or in the account where there is none",
    "self_repeated": "share of posts nearly the same as another of its own",
}


@dataclass(frozen=True)
class Table:
    """`values[name]` (A,) for each of SIGNALS; NaN where an account has too little to tell.

    `account` (N,) gives each post's place in `names`, `cluster` (N,) its near-duplicates' number.
    """

    names: tuple[str, ...]
    values: dict[str, NDArray[np.float64]]
    account: NDArray[np.int64]
    cluster: NDArray[np.int64]

    def posts_of(self, account: int) -> list[int]:
        """The posts of an account, in the order given."""
        found: list[int] = self._own[account].tolist()
        return found

    @cached_property
    def _own(self) -> list[NDArray[np.intp]]:
        return _by_account(self.account, len(self.names))


def tabulate(posts: Sequence[Post], *, similar: float = SIMILAR) -> Table:
    """Signals of every account among `posts`, accounts in order of their first post."""
    places: dict[str, int] = {}
    account = np.array([places.setdefault(p.account, len(places)) for p in posts], dtype=np.int64)
    times = np.array([p.time for p in posts], dtype=np.float64)
    count = len(places)
    near = cluster((p.text for p in posts), similar=similar)
    forms = cluster((template(p.text) for p in posts), similar=similar)
    links = _first_links(posts)
    co_actions = coordination.together(account, times, coordination.members(near))
    co_actions += coordination.together(account, times, coordination.members(links), counted=near)
    flags = {
        "copied": coordination.shared(account, near),
        "templated": coordination.shared(account, forms, least=coordination.LEAST_SHARED),
        "linked": coordination.shared(account, links, least=coordination.LEAST_SHARED),
        "self_repeated": coordination.repeated(account, near),
    }
    values = {
        name: coordination.share_of(flag, account, count=count) for name, flag in flags.items()
    }
    values["partners"] = coordination.partners(co_actions, count=count)
    own = _by_account(account, count)
    for name, reading in (("burstiness", timing.burstiness), ("busiest_hour", timing.busiest),
                          ("rest_hours", timing.rest)):  # fmt: skip
        values[name] = np.array([reading(times[i]) for i in own])
    values["age_days"] = np.array([_age(posts, i, times) for i in own])
    values["name_digits"] = np.array(
        [_digits(posts[i[0]].name or posts[i[0]].account) for i in own]
    )
    return Table(tuple(places), {name: values[name] for name in SIGNALS}, account, near)


def _by_account(account: NDArray[np.int64], count: int) -> list[NDArray[np.intp]]:
    """Each account's posts."""
    order = np.argsort(account, kind="stable")
    return np.split(order, np.cumsum(np.bincount(account, minlength=count))[:-1]) if count else []


def _first_links(posts: Sequence[Post]) -> NDArray[np.int64]:
    """The number of each post's first link, -1 without one."""
    numbers: dict[str, int] = {}
    found = [p.links for p in posts]
    return np.array(
        [numbers.setdefault(links[0], len(numbers)) if links else -1 for links in found],
        dtype=np.int64,
    )


def _age(posts: Sequence[Post], own: NDArray[np.intp], times: NDArray[np.float64]) -> float:
    made = [posts[i].created for i in own.tolist() if not math.isnan(posts[i].created)]
    return (float(times[own].min()) - min(made)) / timing.DAY if made else math.nan


def _digits(name: str) -> float:
    return sum(c.isdigit() for c in name) / len(name) if name else math.nan
