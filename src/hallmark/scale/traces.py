"""`signals` over a corpus: what each post leaves behind, then what all of them have in common.

The first is a stage over shards: facts, sets of hashes and MinHash keys, and a content score where
a detector is named. The second reads only those, on one machine: near-duplicates and forms are
clustered across all shards, and one row is made of each account, exactly as `signals read` does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hallmark.data import load_pyarrow, write_atomically
from hallmark.evidence.accounts import SIGNALS, Facts, Table, assemble, facts_of
from hallmark.evidence.clusters import join_alike
from hallmark.evidence.content import Examiner, score_texts
from hallmark.evidence.coordination import members
from hallmark.evidence.posts import post_of, template
from hallmark.evidence.shingles import BANDS, Shingles, shingle
from hallmark.lm.device import limit_threads
from hallmark.scale.inputs import Record
from hallmark.scale.stages import (
    PLAINLY,
    Computing,
    detector_hashes,
    identity_of,
    open_judge,
)

ACCOUNTS, CLUSTERS = "accounts.parquet", "clusters.parquet"
_ROWS = 4096  # read at once
SETS = {"near": "near duplicates", "form": "forms that texts fill in"}


@dataclass(frozen=True)
class Traces:
    """What signals need of each post. detector: of the content scores; empty for none."""

    home: Path
    detector: str = ""
    computing: Computing = PLAINLY

    @property
    def schema(self) -> Mapping[str, str]:
        sets = {f"{name}_set": "list uint32" for name in SETS}
        keys = {f"{name}_keys": "list uint64" for name in SETS}
        content = {"content": "float64"} if self.detector else {}
        facts = {"id": "string", "account": "string", "time": "float64", "created": "float64",
                 "digits": "float64", "link": "string"}  # fmt: skip
        return {**facts, **sets, **keys, **content}

    def identity(self) -> dict[str, Any]:
        hashes = detector_hashes(self.detector, home=self.home) if self.detector else {}
        return identity_of("signals", self, hashes)

    def open(self) -> OpenTraces:
        detector = None
        if self.detector:
            detector = open_judge(self.detector, self.computing, home=self.home).detector
        return OpenTraces(self, detector)


@dataclass(frozen=True)
class OpenTraces:
    """`Traces` with its detector."""

    stage: Traces
    detector: Examiner | None

    def columns(self, records: Sequence[Record]) -> dict[str, Any]:
        posts = [post_of(r.fields, where=r.where, number=r.number) for r in records]
        facts = facts_of(posts)
        found: dict[str, Any] = {
            "id": [post.id for post in posts], "account": facts.accounts, "time": facts.times,
            "created": facts.created, "digits": facts.digits, "link": facts.links,
        }  # fmt: skip
        texts = {"near": [p.text for p in posts], "form": [template(p.text) for p in posts]}
        for name, own in texts.items():
            shingles = shingle(own)
            found[f"{name}_set"] = lists(shingles.starts, shingles.hashes)
            keys = np.ascontiguousarray(shingles.keys.T).ravel()
            found[f"{name}_keys"] = lists(np.arange(len(own) + 1) * BANDS, keys)
        if self.detector:
            with limit_threads(self.stage.computing.threads):
                scores = list(score_texts(texts["near"], self.detector))
            found["content"] = [None if math.isnan(s) else s for s in scores]
        return found


def lists(starts: NDArray[np.int64], values: NDArray[Any]) -> Any:
    """A column of lists (N,), the i-th of them `values[starts[i] : starts[i + 1]]`."""
    import pyarrow

    return pyarrow.ListArray.from_arrays(starts.astype(np.int32), values)


def join_traces(folder: Path, parts: Sequence[Path], *, content: bool) -> list[str]:
    """Write accounts and clusters of all posts in `parts`; the names of the files.

    Memory: the sets of one kind at a time, and the facts of every post.
    """
    groups = {name: _clustered(parts, name) for name in SETS}
    facts, ids, scores = _facts(parts, content=content)
    table = assemble(facts, near=groups["near"], forms=groups["form"])
    own = [table.posts_of(a) for a in range(len(table.names))]
    rows: dict[str, Any] = {
        "account": table.names, "posts": [len(posts) for posts in own],
        **{name: table.values[name] for name in SIGNALS},
    }  # fmt: skip
    if content:
        known = [scores[posts][~np.isnan(scores[posts])] for posts in own]
        rows["content_texts"] = [len(k) for k in known]
        rows["content"] = [float(k.mean()) if len(k) else None for k in known]
    _write(folder / ACCOUNTS, rows)
    _write(folder / CLUSTERS, cluster_rows(table, ids, facts))
    return [ACCOUNTS, CLUSTERS]


def cluster_rows(table: Table, ids: Sequence[str], facts: Facts) -> dict[str, list[Any]]:
    """One row for each post of a cluster of near-duplicates of at least two."""
    rows = [
        (int(table.cluster[i]), ids[i], facts.accounts[i], float(facts.times[i]))
        for posts in members(table.cluster)
        for i in posts
    ]
    names = ("cluster", "id", "account", "time")
    return {name: [row[at] for row in rows] for at, name in enumerate(names)}


def _clustered(parts: Sequence[Path], name: str) -> NDArray[np.int64]:
    """The cluster of every post by its sets of one kind, which are held in memory once."""
    posts, room = _sizes(parts, f"{name}_set")
    hashes, keys = np.empty(room, np.uint32), np.empty((BANDS, posts), np.uint64)
    starts = np.zeros(posts + 1, np.int64)
    at = 0
    for found in _columns(parts, [f"{name}_set", f"{name}_keys"]):
        sets, own = found.column(0), found.column(1)
        ends = starts[at] + np.cumsum(np.diff(sets.offsets.to_numpy()))
        hashes[starts[at] : ends[-1]] = sets.flatten().to_numpy()
        keys[:, at : at + len(ends)] = own.flatten().to_numpy().reshape(-1, BANDS).T
        starts[at + 1 : at + 1 + len(ends)] = ends
        at += len(ends)
    return join_alike(Shingles(hashes[: starts[-1]], starts, keys))


def _sizes(parts: Sequence[Path], name: str) -> tuple[int, int]:
    """Rows of all parts, and at least as many values as a column of lists has."""
    rows = values = 0
    for part in parts:
        _, parquet = load_pyarrow(part)
        about = parquet.read_metadata(part)
        rows += about.num_rows
        for group in map(about.row_group, range(about.num_row_groups)):
            columns = map(group.column, range(group.num_columns))
            values += sum(c.num_values for c in columns if c.path_in_schema.startswith(f"{name}."))
    return rows, values


def _facts(parts: Sequence[Path], *, content: bool) -> tuple[Facts, list[str], NDArray[np.float64]]:
    """The facts, ids and content scores (NaN for none) of every post."""
    names = ["id", "account", "link", "time", "created", "digits", *(["content"] * content)]
    texts: list[list[str]] = [[], [], []]
    numbers: list[list[NDArray[np.float64]]] = [[] for _ in names[3:]]
    for found in _columns(parts, names):
        for at, column in enumerate(texts):
            column += found.column(at).to_pylist()
        for at, values in enumerate(numbers, start=3):
            values.append(found.column(at).to_numpy(zero_copy_only=False))
    times, created, digits, *scores = (np.concatenate(n or [np.zeros(0)]) for n in numbers)
    ids, accounts, links = texts
    none = np.full(len(ids), math.nan)
    return Facts(accounts, times, created, digits, links), ids, (scores or [none])[0]


def _columns(parts: Sequence[Path], names: Sequence[str]) -> Iterable[Any]:
    """Record batches of some columns of every part, in order."""
    for part in parts:
        _, parquet = load_pyarrow(part)
        with parquet.ParquetFile(part) as file:
            yield from (
                batch.select(names) for batch in file.iter_batches(_ROWS, columns=list(names))
            )


def _write(path: Path, rows: Mapping[str, Any]) -> None:
    arrow, parquet = load_pyarrow(path)
    columns = {name: arrow.array(values, from_pandas=True) for name, values in rows.items()}
    with write_atomically(path) as file:
        parquet.write_table(arrow.table(columns), file, compression="zstd")
