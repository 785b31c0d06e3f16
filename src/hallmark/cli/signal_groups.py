"""What `hallmark signals` says of content by cluster, and of each part of the evidence left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hallmark.cli.output import printable

if TYPE_CHECKING:
    from hallmark.evidence.accounts import Table
    from hallmark.evidence.fusion import Fusion
    from hallmark.evidence.groups import GroupRatio
    from hallmark.evidence.pooled import Pooled

MOST_SHOWN = 20  # clusters
Scores = Sequence[Sequence[float]]
Left = Mapping[str, Mapping[str, float]]  # posterior without each part, by account


def of_posts(table: Table, scores: Scores) -> list[float]:
    """The scores of the posts (N,), out of those of each account's."""
    flat = [0.0] * len(table.account)
    for account, own in enumerate(scores):
        for post, score in zip(table.posts_of(account), own, strict=True):
            flat[post] = score
    return flat


def learn(table: Table, scores: Scores, truth: Sequence[int], *, seed: int) -> dict[str, Any]:
    """Lines for clusters, as JSON; of those kinds of which enough are labelled."""
    from hallmark.evidence.groups import as_json, find_groups, learn_groups

    labels = dict(zip(table.names, truth, strict=True))
    groups = find_groups(table, of_posts(table, scores))
    return as_json(learn_groups(groups, labels, seed=seed))


def weigh(
    table: Table, scores: Scores, model: Mapping[str, Any], *, accounts: Pooled
) -> list[GroupRatio]:
    """Clusters with what their content is worth, the most synthetic first."""
    from hallmark.evidence.groups import find_groups, from_json, weigh_groups

    groups = find_groups(table, of_posts(table, scores))
    found = weigh_groups(groups, from_json(model.get("groups")), accounts=accounts)
    return sorted(found, key=lambda g: -g.ratio.log)


def left_out(
    fusion: Fusion, table: Table, scores: Scores, prevalence: float
) -> dict[str, dict[str, float]]:
    """Of each account its posterior without each part."""
    from hallmark.evidence.fusion import PARTS

    found: dict[str, dict[str, float]] = {name: {} for name in table.names}
    for part in PARTS:
        for fused in fusion.fuse(table, scores, prevalence=prevalence, without=(part,)):
            found[fused.account][part] = fused.posterior
    return found


def without(left: Left, account: str) -> dict[str, Any]:
    """What was left out of an account, as JSON; nothing where that was not asked for."""
    return {"without": dict(left[account])} if left else {}


def as_record(found: GroupRatio) -> dict[str, Any]:
    """A cluster as JSON."""
    group, ratio = found.group, found.ratio
    return {
        "kind": group.kind, "cluster": group.number, "posts": len(group.posts),
        "accounts": list(group.accounts), "texts": len(group.scores),
        "log_likelihood_ratio": round(ratio.log, 6),
        "interval": [round(ratio.low, 6), round(ratio.high, 6)], "n": ratio.n,
        "learnt_on": "clusters" if found.own else "accounts, as one text",
    }  # fmt: skip


def show(groups: Sequence[GroupRatio], left: Left, *, order: Sequence[str]) -> None:
    """A line an account without each part, where asked for, and a line a cluster."""
    from hallmark.cli.signals import print_rows
    from hallmark.evidence.fusion import PARTS
    from hallmark.evidence.groups import KINDS

    if left:
        rows = [[f"{left[a][part]:.3f}" for part in PARTS] for a in order]
        head = ["posterior without", *PARTS]
        print()
        print_rows([head, *([a, *row] for a, row in zip(order, rows, strict=True))])
    if groups:
        shown = groups[:MOST_SHOWN]
        print()
        print_rows([
            ["content by cluster", "accounts", "posts", "texts", "log ratio", "interval"],
            *([f"{KINDS[g.group.kind]}: {printable(g.group.accounts[0])[:12]} ...",
               str(len(g.group.accounts)), str(len(g.group.posts)), str(len(g.group.scores)),
               f"{g.ratio.log:+.2f}", f"[{g.ratio.low:+.2f}, {g.ratio.high:+.2f}]"]
              for g in shown),
        ])  # fmt: skip
        if len(groups) > len(shown):
            print(f"and {len(groups) - len(shown)} clusters more; --json has all")
