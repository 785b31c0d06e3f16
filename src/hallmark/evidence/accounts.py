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
class Facts:
    """Of N posts what signals read beside how alike the texts are.

    `times` and `created` (N,) in seconds; `digits` (N,) the share of digits in the name, or in the
    account where there is none; `links` each post's first link, empty without one.
    """

    accounts: Sequence[str]
    times: NDArray[np.float64]
    created: NDArray[np.float64]
    digits: NDArray[np.float64]
    links: Sequence[str]


@dataclass(frozen=True)
class Table:
    """`values[name]` (A,) for each of SIGNALS; NaN where an account has too little to tell.

    `account` (N,) gives each post's place in `names`; `cluster`, `form` and `link` (N,) the numbers
    of its near-duplicates, of the form that it fills in, and of its link (-1: none).
    """

    names: tuple[str, ...]
    values: dict[str, NDArray[np.float64]]
    account: NDArray[np.int64]
    cluster: NDArray[np.int64]
    form: NDArray[np.int64]
    link: NDArray[np.int64]

    def posts_of(self, account: int) -> list[int]:
        """The posts of an account, in the order given."""
        found: list[int] = self._own[account].tolist()
        return found

    @cached_property
    def _own(self) -> list[NDArray[np.intp]]:
        return _by_account(self.account, len(self.names))


def tabulate(posts: Sequence[Post], *, similar: float = SIMILAR) -> Table:
    """Signals of every account among `posts`, accounts in order of their first post."""
    near = cluster((p.text for p in posts), similar=similar)
    forms = cluster((template(p.text) for p in posts), similar=similar)
    return assemble(facts_of(posts), near=near, forms=forms)


def facts_of(posts: Sequence[Post]) -> Facts:
    """What each post says of itself alone."""
    return Facts(
        [p.account for p in posts],
        np.array([p.time for p in posts], dtype=np.float64),
        np.array([p.created for p in posts], dtype=np.float64),
        np.array([_digits(p.name or p.account) for p in posts], dtype=np.float64),
        [next(iter(p.links), "") for p in posts],
    )


def assemble(facts: Facts, *, near: NDArray[np.int64], forms: NDArray[np.int64]) -> Table:
    """The table of posts whose near-duplicates and forms (N,) were found, as by `cluster`."""
    places: dict[str, int] = {}
    account = np.array([places.setdefault(a, len(places)) for a in facts.accounts], dtype=np.int64)
    times, count = facts.times, len(places)
    links = _numbered(facts.links)
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
    values["age_days"] = np.array([_age(facts.created[i], times[i]) for i in own])
    values["name_digits"] = np.array([facts.digits[i[0]] for i in own])
    ordered = {name: values[name] for name in SIGNALS}
    return Table(tuple(places), ordered, account, near, forms, links)


def _by_account(account: NDArray[np.int64], count: int) -> list[NDArray[np.intp]]:
    """Each account's posts."""
    order = np.argsort(account, kind="stable")
    return np.split(order, np.cumsum(np.bincount(account, minlength=count))[:-1]) if count else []


def _numbered(links: Sequence[str]) -> NDArray[np.int64]:
    """The number of each post's link, -1 without one."""
    numbers: dict[str, int] = {}
    return np.array(
        [numbers.setdefault(link, len(numbers)) if link else -1 for link in links], dtype=np.int64
    )


def _age(created: NDArray[np.float64], times: NDArray[np.float64]) -> float:
    known = created[~np.isnan(created)]
    return float(times.min() - known.min()) / timing.DAY if len(known) else math.nan


def _digits(name: str) -> float:
    return sum(c.isdigit() for c in name) / len(name) if name else math.nan
