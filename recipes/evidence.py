"""The benchmark of evidence: real short texts on made-up accounts. Run by `recipes/evidence.sh`.

Writes OUT/scores.jsonl (kept: a second run does not read the texts again) and OUT/tables.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from evidence_accounts import KINDS, World, make_world
from scipy import special

from hallmark.detect.judge import load_detector
from hallmark.detect.verdict import BUNDLED_DETECTOR
from hallmark.evidence.accounts import GROUPS, Table, tabulate
from hallmark.evidence.content import score_texts
from hallmark.evidence.fusion import PARTS, Fusion, learn_fusion
from hallmark.evidence.groups import KINDS as KINDS_OF_GROUPS
from hallmark.evidence.groups import GroupRatio, find_groups, learn_groups, weigh_groups
from hallmark.evidence.logistic import fit_logistic
from hallmark.evidence.pooled import SIZES
from hallmark.models.folder import write_text
from hallmark.stats import auroc, wilson

SHARE = 0.5  # of synthetic accounts in the benchmark
CALL_AT = 0.9  # posterior
READ = (1, 2, 5)  # texts of each account
_GROUP = 64  # texts between two writes of the scores


def score(texts: Sequence[str], path: Path) -> dict[str, float]:
    """The bundled detector's score of each text, those in `path` not read again."""
    known: dict[str, float] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            known[record["sha256"]] = math.nan if record["score"] is None else record["score"]
    key = {t: hashlib.sha256(t.encode()).hexdigest() for t in texts}
    missing = [t for t in key if key[t] not in known]
    detector = load_detector(BUNDLED_DETECTOR, home=Path()).detector
    for at in range(0, len(missing), _GROUP):
        some = missing[at : at + _GROUP]
        found = list(score_texts(some, detector))
        known |= {key[t]: value for t, value in zip(some, found, strict=True)}
        with path.open("a", encoding="utf-8") as file:
            for text, value in zip(some, found, strict=True):
                own = None if math.isnan(value) else value
                file.write(json.dumps({"sha256": key[text], "score": own}) + "\n")
        print(f"scored {at + len(some)} of {len(missing)}", flush=True)
    return {t: known[key[t]] for t in texts}


@dataclass(frozen=True)
class Side:
    """Accounts of one half of the world, with the scores of their texts."""

    table: Table
    scores: list[list[float]]
    labels: list[int]
    kinds: list[str]
    texts: list[str]


def halves(world: World, scores: dict[str, float], *, read: int, seed: int) -> list[Side]:
    """Every other group of each kind, and the rest: no text is in both.

    read: texts of each account, drawn at random, that the detector has read.
    """
    generator = np.random.default_rng(seed)
    order = {g: i for k in KINDS for i, g in enumerate(groups_of(world, k))}
    sides = []
    for half in (0, 1):
        posts = [p for p in world.posts if order[world.group[p.account]] % 2 == half]
        table = tabulate(posts)
        own = []
        for a in range(len(table.names)):
            chosen = generator.permutation(table.posts_of(a))[:read]
            own.append([scores[posts[i].text] for i in chosen])
        labels = [world.label(name) for name in table.names]
        kinds = [world.kind[name] for name in table.names]
        sides.append(Side(table, own, labels, kinds, [p.text for p in posts]))
    return sides


def groups_of(world: World, kind: str) -> list[int]:
    """The groups of a kind, in order."""
    return sorted({g for account, g in world.group.items() if world.kind[account] == kind})


def without_rings(side: Side) -> Side:
    """The side as somebody knows it who has never labelled a human ring."""
    keep = [i for i, kind in enumerate(side.kinds) if kind != "human ring"]
    table = replace(
        side.table,
        names=tuple(side.table.names[i] for i in keep),
        values={name: own[keep] for name, own in side.table.values.items()},
    )
    kept = ([own[i] for i in keep] for own in (side.scores, side.labels, side.kinds))
    return Side(table, *kept, side.texts)


def metadata_alone(learnt: Side, fusion: Fusion, tested: Side) -> list[float]:
    """Posteriors of what fusion refuses to do: metadata that speaks alone, without any cap."""
    rows = [
        np.array([fusion.evidence(side.table, own, i)[1:] for i, own in enumerate(side.scores)])
        for side in (learnt, tested)
    ]
    found = fit_logistic(rows[0], learnt.labels)
    return special.expit(rows[1] @ found[:-1] + found[-1]).tolist()


def posteriors(fusion: Fusion, side: Side, *, without: Sequence[str] = ()) -> list[float]:
    """Of each account, at the benchmark's own share of synthetic accounts."""
    found = fusion.fuse(side.table, side.scores, prevalence=SHARE, without=without)
    return [f.posterior for f in found]


def rate(hits: int, count: int) -> str:
    """A rate with its 95 % interval and n, as the documents print it."""
    if not count:
        return "-"
    found = wilson(hits, count)
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}] (n {count})"


def row(name: str, found: Sequence[float], sides: Sequence[Side]) -> str:
    """Precision, recall and false positives of calling an account at CALL_AT, and log loss."""
    values = np.array(found)
    called = values >= CALL_AT
    truth = np.array([label for side in sides for label in side.labels]) == 1
    rings = np.array([kind for side in sides for kind in side.kinds]) == "human ring"
    right = int((called & truth).sum())
    loss = -np.log(np.where(truth, values, 1 - values)).mean()
    cells = [
        name, rate(right, int(called.sum())), rate(right, int(truth.sum())),
        rate(int((called & ~truth).sum()), int((~truth).sum())),
        f"{int((called & rings).sum())} of {int(rings.sum())}",
        f"{values[rings].max():.2f}", f"{loss:.2f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


HEAD = (
    "| evidence | precision | recall | humans called | of human rings | highest of a ring "
    "| log loss |\n|---|---|---|---|---|---|---|"
)


def fusion_tables(sides: Sequence[Side]) -> list[str]:
    """Content, metadata and both, and each part left out; then with no ring among the labels.

    Each half is tested with what the other one taught, and the halves are counted together.
    """
    whole = [("content alone", tuple(GROUPS)), ("both, as fused", ())]
    cases = [*whole, *((f"both without {part}", (part,)) for part in PARTS)]
    lines = []
    for title, taught in (
        ("Human rings among the labelled accounts", list(sides)),
        ("No human ring among the labelled accounts", [without_rings(s) for s in sides]),
    ):
        pairs = list(zip(taught, sides[::-1], strict=True))
        learnt = [learn_fusion(s.table, s.scores, s.labels) for s in taught]
        found: dict[str, list[float]] = {
            name: [p for fusion, (_, tested) in zip(learnt, pairs, strict=True)
                   for p in posteriors(fusion, tested, without=without)]
            for name, without in cases
        }  # fmt: skip
        found["metadata alone, not offered"] = [
            p for fusion, (own, tested) in zip(learnt, pairs, strict=True)
            for p in metadata_alone(own, fusion, tested)
        ]  # fmt: skip
        lines += [f"{title}:", "", HEAD]
        lines += [row(name, values, sides[::-1]) for name, values in found.items()]
        lines.append("")
    return lines


def pooled_table(world: World, scores: dict[str, float], *, seed: int) -> list[str]:
    """AUROC of the mean score of k texts; each text is in one group of k, whoever posted it."""
    generator = np.random.default_rng(seed)
    kinds: tuple[list[float], list[float]] = ([], [])
    for text, label in {p.text: world.label(p.account) for p in world.posts}.items():
        if not math.isnan(scores[text]):
            kinds[label].append(scores[text])
    lines = ["| texts | AUROC | groups, human + synthetic |", "|---|---|---|"]
    mixed = [generator.permutation(own) for own in kinds]
    for size in SIZES:
        means = [m[: len(m) // size * size].reshape(-1, size).mean(axis=1) for m in mixed]
        area = auroc(*means)
        interval = f"{area.value:.3f} [{area.low:.3f}, {area.high:.3f}]"
        lines.append(f"| {size} | {interval} | {len(means[0])} + {len(means[1])} |")
    return lines


def group_table(sides: Sequence[Side], scores: dict[str, float], world: World) -> list[str]:
    """Content of clusters, all of their texts read; each half weighed with what the other taught.

    Synthetic: the whole interval says so.
    """
    found: dict[tuple[str, int], list[GroupRatio]] = {}
    for taught, tested in (sides, sides[::-1]):
        accounts = learn_fusion(taught.table, taught.scores, taught.labels).pooled
        labels = dict(zip(taught.table.names, taught.labels, strict=True))
        lines = learn_groups(find_groups(taught.table, read_all(taught, scores)), labels)
        groups = find_groups(tested.table, read_all(tested, scores))
        for weighed in weigh_groups(groups, lines, accounts=accounts):
            kinds = {world.label(a) for a in weighed.group.accounts}
            if len(kinds) == 1:
                found.setdefault((weighed.group.kind, *kinds), []).append(weighed)
    out = [
        "| cluster | who wrote | texts in each, median | lines of its own | called synthetic |",
        "|---|---|---|---|---|",
    ]
    for (kind, label), own in sorted(found.items()):
        texts = float(np.median([len(g.group.scores) for g in own]))
        called = sum(g.ratio.low > 0 for g in own)
        cells = [KINDS_OF_GROUPS[kind], ("people", "models")[label], f"{texts:g}",
                 f"{sum(g.own for g in own)} of {len(own)}", rate(called, len(own))]  # fmt: skip
        out.append(f"| {' | '.join(cells)} |")
    return out


def read_all(side: Side, scores: dict[str, float]) -> list[float]:
    """The score of every post of a side."""
    return [scores[text] for text in side.texts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    world = make_world(args.data, seed=args.seed)
    scores = score([p.text for p in world.posts], args.out / "scores.jsonl")
    lines = [
        f"{len(world.posts)} posts, {len(scores)} texts, {len(world.kind)} accounts, seed "
        f"{args.seed}.", "", *pooled_table(world, scores, seed=args.seed), "",
    ]  # fmt: skip
    for read in READ:
        lines += [f"### {read} texts of each account are read", ""]
        lines += fusion_tables(halves(world, scores, read=read, seed=args.seed))
    both = halves(world, scores, read=READ[-1], seed=args.seed)
    lines += ["### Clusters", "", *group_table(both, scores, world)]
    text = "\n".join(lines)
    write_text(args.out / "tables.md", text)
    print(text)


if __name__ == "__main__":
    main()
