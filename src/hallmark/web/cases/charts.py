"""Where marks stand in the drawings of a case page: posts over time, and accounts that share texts.

Geometry only; templates draw it as SVG.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hallmark.evidence.cases import DAY, Text

WIDTH, HEIGHT = 640.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 628.0, 12.0, 188.0
_TICKS = 4
_CLUSTERS, _ACCOUNTS = 10, 16
_CENTRE, _INNER, _OUTER = (320.0, 170.0), 78.0, 132.0


@dataclass(frozen=True)
class Dot:
    """A post: its place, what is said of it, and whether its text is shared with others."""

    x: float
    y: float
    title: str
    shared: bool


@dataclass(frozen=True)
class Timeline:
    """Posts by day (across) and hour of the day in UTC (down); ticks are (place, words)."""

    dots: tuple[Dot, ...]
    days: tuple[tuple[float, str], ...]
    hours: tuple[tuple[float, str], ...]


def timeline(texts: Sequence[Text]) -> Timeline | None:
    """The drawing; None without a text."""
    if not texts:
        return None
    times = [text.time for text in texts]
    first, last = min(times), max(times)
    span = max(last - first, 1.0)

    def across(time: float) -> float:
        share = (time - first) / span if last > first else 0.5
        return round(_LEFT + 8 + share * (_RIGHT - _LEFT - 16), 1)

    def down(hour: float) -> float:
        return round(_TOP + hour / 24 * (_BOTTOM - _TOP), 1)

    dots = tuple(
        Dot(across(t.time), down(t.time % DAY / 3600), moment(t.time), t.cluster >= 0)
        for t in texts
    )
    count = _TICKS if last > first else 1
    marks = [first + span * i / max(count - 1, 1) for i in range(count)]
    form = "%d %b %Y" if span > 2 * DAY else "%d %b, %H:%M"
    days = tuple((across(mark), _date(mark, form)) for mark in marks)
    hours = tuple((down(hour), f"{hour:02}:00") for hour in (0, 6, 12, 18, 24))
    return Timeline(dots, days, hours)


def moment(time: float) -> str:
    """A time in UTC for people: `28 Nov 2026, 18:52`."""
    return _date(time, "%d %b %Y, %H:%M")


def _date(time: float, form: str) -> str:
    try:
        return datetime.fromtimestamp(time, UTC).strftime(form).lstrip("0")
    except (OverflowError, ValueError, OSError):
        return "unknown time"


@dataclass(frozen=True)
class Node:
    """A near-duplicate cluster (`accounts` that post it), or an account (0)."""

    x: float
    y: float
    label: str
    right: bool
    accounts: int = 0


@dataclass(frozen=True)
class Edge:
    """A line and how many posts it stands for."""

    x1: float
    y1: float
    x2: float
    y2: float
    posts: int


@dataclass(frozen=True)
class Graph:
    """The account in the middle, its shared texts around it, and who else posts them outside.

    `left_out`: clusters and accounts for which there was no room.
    """

    centre: tuple[float, float]
    clusters: tuple[Node, ...]
    accounts: tuple[Node, ...]
    edges: tuple[Edge, ...]
    left_out: tuple[int, int]


def graph(neighbours: Mapping[int, Mapping[str, int]], texts: Sequence[Text]) -> Graph | None:
    """The drawing of who shares texts with the account; None where nobody does.

    neighbours: of each cluster of the account, how many posts of it other accounts have.
    """
    if not neighbours:
        return None
    size = {group: sum(own.values()) for group, own in neighbours.items()}
    groups = sorted(neighbours, key=lambda g: (-size[g], g))[:_CLUSTERS]
    weight: dict[str, int] = {}
    for own in neighbours.values():
        for name, count in own.items():
            weight[name] = weight.get(name, 0) + count
    names = sorted(weight, key=lambda n: (-weight[n], n))[:_ACCOUNTS]
    names.sort(key=lambda n: next((i for i, g in enumerate(groups) if n in neighbours[g]), 0))
    clusters = [_node(i, len(groups), _INNER, "", len(neighbours[g]) + 1)
                for i, g in enumerate(groups)]  # fmt: skip
    accounts = [_node(i, len(names), _OUTER, name) for i, name in enumerate(names)]
    edges = []
    for group, node in zip(groups, clusters, strict=True):
        posts = sum(text.cluster == group for text in texts)
        edges.append(Edge(*_CENTRE, node.x, node.y, max(posts, 1)))
        edges += [
            Edge(node.x, node.y, other.x, other.y, neighbours[group][other.label])
            for other in accounts
            if other.label in neighbours[group]
        ]
    left_out = (len(neighbours) - len(groups), len(weight) - len(names))
    return Graph(_CENTRE, tuple(clusters), tuple(accounts), tuple(edges), left_out)


def _node(place: int, count: int, radius: float, label: str, accounts: int = 0) -> Node:
    turn = 2 * math.pi * (place + 0.5) / count - math.pi / 2
    x = _CENTRE[0] + 1.45 * radius * math.cos(turn)
    return Node(
        round(x, 1), round(_CENTRE[1] + radius * math.sin(turn), 1), label, x >= _CENTRE[0],
        accounts,
    )  # fmt: skip
