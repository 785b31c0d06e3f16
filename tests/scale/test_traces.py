"""Signals over shards are those over one table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hallmark.detect.judge import Judge
from hallmark.evidence.accounts import SIGNALS, tabulate
from hallmark.evidence.content import score_texts
from hallmark.evidence.posts import Post, read_posts
from hallmark.scale.inputs import list_shards
from hallmark.scale.run import run
from hallmark.scale.traces import Traces

from .conftest import NOWHERE, ONE, read


def all_posts(shards: Path) -> list[Post]:
    return [post for shard in list_shards([shards]) for post in read_posts(shard.path)]


def test_signals_over_shards_are_those_over_one_table(shards: Path, tmp_path: Path) -> None:
    outcome = run(Traces(NOWHERE), list_shards([shards]), tmp_path, mapped=ONE)
    assert list(outcome.manifest["files"])[-2:] == ["accounts.parquet", "clusters.parquet"]
    posts = all_posts(shards)
    table = tabulate(posts)
    rows = read(tmp_path, "accounts.parquet")
    assert [row["account"] for row in rows] == list(table.names)
    for name in SIGNALS:
        found = [np.nan if row[name] is None else row[name] for row in rows]
        np.testing.assert_array_equal(found, table.values[name])
    found = {row["id"]: row["cluster"] for row in read(tmp_path, "clusters.parquet")}
    sizes = np.bincount(table.cluster)
    assert found == {
        p.id: c for p, c in zip(posts, table.cluster.tolist(), strict=True) if sizes[c] > 1
    }
    assert len(found) > 10


def test_content_is_pooled_by_account_where_a_detector_is_named(
    judge: Judge, shards: Path, tmp_path: Path
) -> None:
    run(Traces(NOWHERE, "bundled"), list_shards([shards / "0.jsonl"]), tmp_path, mapped=ONE)
    posts = list(read_posts(shards / "0.jsonl"))
    scores = np.array(list(score_texts([p.text for p in posts], judge.detector)))
    for row in read(tmp_path, "accounts.parquet"):
        own = scores[[p.account == row["account"] for p in posts]]
        own = own[~np.isnan(own)]
        assert row["content_texts"] == len(own)
        assert row["content"] == pytest.approx(own.mean(), abs=1e-4)
