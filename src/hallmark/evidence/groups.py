"""Content of what accounts share: posts nearly the same, of one form, or with one link, pooled.

Copies of a text say what one of them says, so a group counts once for each of its different texts.
Like all content it speaks of how texts look; that accounts share them says nothing of who wrote.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hallmark.evidence import pooled as pooling
from hallmark.evidence.accounts import Table
from hallmark.evidence.coordination import members
from hallmark.evidence.pooled import Pooled, learn_pooled
from hallmark.evidence.ratio import Ratio

KINDS = {"near": "nearly the same text", "form": "one form, filled in", "link": "one link"}


@dataclass(frozen=True)
class Group:
    """Posts (places in the table) of at least two accounts that share something.

    scores: of each different text, the mean over its copies; NaN where none could be read.
    """

    kind: str
    number: int
    posts: tuple[int, ...]
    accounts: tuple[str, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class GroupRatio:
    """What a group's content is worth. own: by lines learnt on groups of its kind; else the mean
    score counts as that of one text, which claims less than so many texts do.
    """

    group: Group
    ratio: Ratio
    own: bool


def find_groups(table: Table, scores: Sequence[float]) -> list[Group]:
    """Groups of each of KINDS; `scores` are those of the posts (N,), NaN for none.

    A group of forms or links that is one of near-duplicates alone is left out: it is that one.
    """
    found, seen = [], set()
    for kind, numbers in (("near", table.cluster), ("form", table.form), ("link", table.link)):
        for posts in members(numbers):
            accounts = sorted({table.names[int(table.account[i])] for i in posts})
            if len(accounts) < 2 or tuple(posts) in seen:
                continue
            seen.add(tuple(posts))
            means = _means(table, posts, scores)
            number = int(numbers[posts[0]])
            found.append(Group(kind, number, tuple(posts), tuple(accounts), means))
    return found


def learn_groups(
    groups: Sequence[Group], labels: Mapping[str, int], *, seed: int = 0
) -> dict[str, Pooled]:
    """Lines for each kind of which enough groups have accounts of one label alone."""
    found = {}
    for kind in KINDS:
        own = {f"{g.number}": g for g in groups if g.kind == kind}
        truth = {
            name: labels[g.accounts[0]]
            for name, g in own.items()
            if len({labels[a] for a in g.accounts}) == 1
        }
        with suppress(ValueError):  # too few
            scores = {name: own[name].scores for name in truth}
            found[kind] = learn_pooled(scores, truth, seed=seed)
    return found


def weigh_groups(
    groups: Sequence[Group], lines: Mapping[str, Pooled], *, accounts: Pooled
) -> list[GroupRatio]:
    """Each group's ratio; `accounts` are the lines for the texts of one account."""
    out = []
    for group in groups:
        own = lines.get(group.kind)
        known = [s for s in group.scores if not math.isnan(s)]
        mean = [math.fsum(known) / len(known)] if known else []
        ratio = own(group.scores) if own else accounts(mean)
        out.append(GroupRatio(group, ratio, own is not None))
    return out


def as_json(lines: Mapping[str, Pooled]) -> dict[str, Any]:
    """The lines as plain JSON."""
    return {kind: pooling.as_json(own) for kind, own in lines.items()}


def from_json(value: Any) -> dict[str, Pooled]:
    """What `as_json` made; none for what was learnt before there were groups."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not set(value) <= set(KINDS):
        raise ValueError("the model of the evidence is damaged (its groups); learn it again")
    return {kind: pooling.from_json(own) for kind, own in value.items()}


def _means(table: Table, posts: Sequence[int], scores: Sequence[float]) -> tuple[float, ...]:
    """The mean score of each different text."""
    copies: dict[int, list[float]] = defaultdict(list)
    for i in posts:
        copies[int(table.cluster[i])].append(scores[i])
    known = ([s for s in own if not math.isnan(s)] for own in copies.values())
    return tuple(math.fsum(own) / len(own) if own else math.nan for own in known)
