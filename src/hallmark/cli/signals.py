"""`hallmark signals`: what accounts' posts, times and links show, and what that is worth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hallmark.cli.inputs import spooled
from hallmark.cli.options import AsJson, Detector, OutFile, Quiet, home
from hallmark.cli.output import note, print_json, printable, progress
from hallmark.data import Label
from hallmark.detect.verdict import BUNDLED_DETECTOR

if TYPE_CHECKING:
    from hallmark.cli.signal_groups import Left
    from hallmark.evidence.accounts import Table
    from hallmark.evidence.fusion import Fused
    from hallmark.evidence.groups import GroupRatio
    from hallmark.evidence.posts import Post

signals = typer.Typer(
    name="signals",
    help="Evidence beside content: duplicates, timing, links and profiles of accounts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
PREVALENCE = 0.01
MEANING = (
    "A posterior is a reason for a person to look, never a verdict. Acting together is no sign of "
    "who wrote the texts."
)
EXPLAINED = 'The page "Evidence" of the documentation says what each is.'

Posts = Annotated[
    str, typer.Argument(metavar="POSTS", help="Posts: .jsonl, .jsonl.gz, .csv, .parquet, or -.")
]
Labels = Annotated[
    Path,
    typer.Option(
        "--labels", metavar="FILE",
        help="A file of `account` and `label` (human or synthetic): .jsonl, .csv or .parquet.",
    ),
]  # fmt: skip
Learnt = Annotated[
    Path, typer.Option("--evidence", metavar="FILE", help="What `hallmark signals learn` wrote.")
]
Prevalence = Annotated[
    float, typer.Option(help="Share of synthetic accounts among such accounts, above 0, below 1.")
]
LeaveOneOut = Annotated[
    bool, typer.Option("--leave-one-out", help="Add each posterior without each part.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of the halves that ratios and weights learn from.")]


@signals.command("read")
def read(posts: Posts, json: AsJson = False, quiet: Quiet = False) -> None:
    """Show each account's signals, without any claim about what they are worth."""
    _, table = read_table(posts, quiet=quiet)
    rows = [account_record(table, i) for i in range(len(table.names))]
    if json:
        print_json({"accounts": rows, "clusters": cluster_records(table)})
    else:
        print_signals(table)
        note(f"A - is too little to tell. {EXPLAINED}", quiet=quiet)


@signals.command()
def learn(
    posts: Posts,
    labels: Labels,
    out: OutFile,
    detector: Detector = BUNDLED_DETECTOR,
    seed: Seed = 0,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn what signals are worth from labelled accounts."""
    from hallmark.cli import signal_groups
    from hallmark.evidence.fusion import as_json, check_enough, learn_fusion
    from hallmark.models.folder import write_json

    found, table = read_table(posts, quiet=quiet)
    truth = read_labels(labels, table)
    check_enough(truth)  # scoring takes long
    scores = content(found, table, detector, quiet=quiet)
    record = {
        "detector": detector, "accounts": len(table.names),
        **as_json(learn_fusion(table, scores, truth, seed=seed)),
        "groups": signal_groups.learn(table, scores, truth, seed=seed),
    }  # fmt: skip
    write_json(out, record)
    print_json({"file": str(out), **record}) if json else print(out)


@signals.command()
def fuse(
    posts: Posts,
    evidence: Learnt,
    prevalence: Prevalence = PREVALENCE,
    detector: Detector = BUNDLED_DETECTOR,
    leave_one_out: LeaveOneOut = False,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Weigh content and metadata of each account; most worth a person's time first."""
    from hallmark.cli import signal_groups
    from hallmark.evidence.fusion import from_json

    model = load_evidence(evidence, detector)
    fusion = from_json(model)
    found, table = read_table(posts, quiet=quiet)
    scores = content(found, table, detector, quiet=quiet)
    fused = sorted(fusion.fuse(table, scores, prevalence=prevalence), key=lambda f: -f.posterior)
    left = signal_groups.left_out(fusion, table, scores, prevalence) if leave_one_out else {}
    groups = signal_groups.weigh(table, scores, model, accounts=fusion.pooled)
    show_fused(fused, groups, left, prevalence=prevalence, json=json, quiet=quiet)


def show_fused(
    fused: Sequence[Fused], groups: Sequence[GroupRatio], left: Left, *, prevalence: float,
    json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Accounts, clusters, and where asked for each account without each part."""
    from hallmark.cli import signal_groups

    if json:
        accounts = [fused_record(f) | signal_groups.without(left, f.account) for f in fused]
        clusters = [signal_groups.as_record(g) for g in groups]
        print_json({"prevalence": prevalence, "accounts": accounts, "clusters": clusters})
    else:
        print_fused(fused)
        signal_groups.show(groups, left, order=[f.account for f in fused])
        note(f"hallmark: at a prevalence of {prevalence:g}. {MEANING}", quiet=quiet)


def load_posts(path: Path, *, quiet: bool) -> list[Post]:
    """All posts; ValueError where there is none."""
    from hallmark.evidence.posts import read_posts

    found = []
    with progress("posts", quiet=quiet) as advance:
        for post in read_posts(path):
            found.append(post)
            advance(1)
    if not found:
        raise ValueError(f"{path} holds no post; give at least one")
    return found


def load_evidence(path: Path, detector: str) -> dict[str, Any]:
    """What `hallmark signals learn` wrote with this detector; ValueError where it is not there."""
    from hallmark.models.folder import read_json

    wanted = "give what `hallmark signals learn --out FILE` makes"
    try:
        found = read_json(path)
    except FileNotFoundError:
        raise ValueError(f"{path} is not there; {wanted}") from None
    except ValueError:
        raise ValueError(f"{path} is no evidence that was learnt; {wanted}") from None
    if "detector" not in found or "weights" not in found:
        raise ValueError(f"{path} is no evidence that was learnt; {wanted}")
    if (own := found["detector"]) != detector:
        raise ValueError(f"{path} was learnt with another detector ({own}); give --detector {own}")
    return found


def read_table(source: str, *, quiet: bool) -> tuple[list[Post], Table]:
    """All posts, and their accounts' signals."""
    from hallmark.evidence.accounts import tabulate

    with spooled([source]) as (path,):
        posts = load_posts(path, quiet=quiet)
    return posts, tabulate(posts)


def content(
    posts: Sequence[Post], table: Table, detector: str, *, quiet: bool
) -> list[list[float]]:
    """The scores of each account's texts."""
    from hallmark.detect.judge import load_detector
    from hallmark.evidence.content import score_texts

    judge = load_detector(detector, home=home())
    with progress("texts", quiet=quiet) as advance:
        scores = list(score_texts((p.text for p in posts), judge.detector, on_text=advance))
    return [[scores[i] for i in table.posts_of(a)] for a in range(len(table.names))]


def read_labels(path: Path, table: Table) -> list[int]:
    """The label of every account of the table; ValueError where one is missing or is none."""
    found = labels_in(path)
    missing = [name for name in table.names if name not in found]
    if missing:
        raise ValueError(
            f"{path} has no label for {len(missing)} accounts, {missing[0][:40]!r} among them; "
            "give each account one"
        )
    return [found[name] for name in table.names]


def labels_in(path: Path) -> dict[str, Label]:
    """The label of each account in a file; ValueError where a record has none."""
    from hallmark.evidence.posts import read_rows

    found: dict[str, Label] = {}
    for number, row in enumerate(read_rows(path), start=1):
        label = str(row.get("label") or "").lower()
        if label not in ("human", "synthetic") or not row.get("account"):
            raise ValueError(
                f'record {number} of {path} needs an "account" and a "label", human or synthetic'
            )
        found[str(row["account"])] = Label[label.upper()]
    return found


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels by account as JSON lines, which `labels_in` reads."""
    rows = ({"account": account, "label": label} for account, label in labels.items())
    return "".join(dumps(row, ensure_ascii=False) + "\n" for row in rows)


def number(value: float) -> float | None:
    """A value as JSON knows it; None where there is none."""
    return None if math.isnan(value) else round(value, 6)


def account_record(table: Table, account: int) -> dict[str, Any]:
    """An account's signals as JSON."""
    values = {name: number(float(own[account])) for name, own in table.values.items()}
    return {"account": table.names[account], "posts": len(table.posts_of(account)), **values}


def cluster_records(table: Table) -> list[dict[str, Any]]:
    """Near-duplicate clusters of at least two posts: how large, and whose."""
    from hallmark.evidence.coordination import members

    return [
        {"cluster": int(table.cluster[posts[0]]), "posts": len(posts),
         "accounts": sorted({table.names[int(table.account[i])] for i in posts})}
        for posts in members(table.cluster)
    ]  # fmt: skip


def fused_record(fused: Fused) -> dict[str, Any]:
    """What was fused of an account, as JSON."""
    return {
        "account": fused.account, "posterior": fused.posterior, "texts": fused.texts,
        "look_first": fused.first, "acts_together": fused.coordinated,
        "parts": {part: round(value, 6) for part, value in fused.parts.items()},
        "signals": [
            {"name": s.name, "group": s.group, "value": number(s.value), "counted": s.counted,
             "log_likelihood_ratio": round(s.ratio.log, 6),
             "interval": [round(s.ratio.low, 6), round(s.ratio.high, 6)], "n": s.ratio.n}
            for s in fused.signals
        ],
    }  # fmt: skip


def print_signals(table: Table) -> None:
    """A line an account."""
    from hallmark.evidence.accounts import SIGNALS

    rows = [["account", "posts", *SIGNALS]]
    for i, name in enumerate(table.names):
        values = [float(table.values[signal][i]) for signal in SIGNALS]
        rows.append([name, str(len(table.posts_of(i))), *map(_shown, values)])
    print_rows(rows)


def print_fused(accounts: Sequence[Fused]) -> None:
    """A line an account, with what each part adds to the log-odds."""
    from hallmark.evidence.fusion import PARTS

    rows = [["account", "texts", "posterior", *PARTS, "acts together"]]
    for f in accounts:
        parts = [f"{f.parts[part]:+.2f}" for part in PARTS]
        together = "yes" if f.coordinated else "-"
        rows.append([f.account, str(f.texts), f"{f.posterior:.3f}", *parts, together])
    print_rows(rows)


def print_rows(rows: Iterable[list[str]]) -> None:
    """Aligned columns, the first to the left."""
    table = [[printable(row[0])[:32], *row[1:]] for row in rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for row in table:
        cells = [c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
