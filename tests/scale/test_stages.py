"""Scores and verdicts over shards are those of the model and the judge."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from hallmark.detect.judge import Judge
from hallmark.evidence.posts import read_posts
from hallmark.scale.inputs import list_shards
from hallmark.scale.run import run
from hallmark.scale.stages import Detect

from .conftest import NOWHERE, ONE, SCORE, read


def test_scores_are_those_of_the_model(whole: Path, shards: Path) -> None:
    from hallmark.lm.scorers import load_scorer
    from hallmark.models.sizes import BUNDLED

    manifest = json.loads((whole / "manifest.json").read_text())
    assert [i["name"] for i in manifest["inputs"]] == [
        "0.jsonl", "1.jsonl.gz", "2.parquet", "3.csv", "4.jsonl", "5.jsonl"
    ]  # fmt: skip
    assert [f["rows"] for f in manifest["files"].values()] == [24] * 6
    assert manifest["run"]["stage"] == "score"
    assert str(shards) not in json.dumps(manifest)
    rows = read(whole, *manifest["files"])
    posts = [post for shard in list_shards([shards]) for post in read_posts(shard.path)]
    assert [row["id"] for row in rows] == [post.id for post in posts]
    model = load_scorer(BUNDLED / "ladder-0.5M")
    for row, scores in zip(rows[::11], model.score([p.text for p in posts[::11]]), strict=True):
        assert row["tokens_used"] == row["tokens_total"] == len(scores)
        assert row["log_prob"] == pytest.approx(scores.log_prob.mean(), abs=1e-5)
        assert row["log_rank"] == pytest.approx(np.log(scores.rank).mean(), abs=1e-2)


def test_every_token_where_asked_and_cut_texts_say_so(shards: Path, tmp_path: Path) -> None:
    stage = dataclasses.replace(SCORE, per_token=True, max_tokens=7)
    run(stage, list_shards([shards / "0.jsonl"]), tmp_path, mapped=ONE)
    for row in read(tmp_path, "part-00000.parquet"):
        assert row["tokens_used"] == len(row["token_ids"]) == len(row["token_rank"]) == 7
        assert row["tokens_total"] > 7
        assert row["log_prob"] == pytest.approx(np.mean(row["token_log_prob"]), abs=1e-6)


def test_an_empty_text_has_no_score(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": ""}\n{"text": "Here is one."}\n')
    run(SCORE, list_shards([tmp_path / "in.jsonl"]), tmp_path / "out", mapped=ONE)
    empty, other = read(tmp_path / "out", "part-00000.parquet")
    assert (empty["id"], empty["tokens_used"], empty["log_prob"]) == ("1", 0, None)
    assert (other["id"], other["log_prob"] < 0) == ("2", True)


def test_verdicts_are_those_of_the_judge(judge: Judge, shards: Path, tmp_path: Path) -> None:
    run(Detect(NOWHERE), list_shards([shards / "2.parquet"]), tmp_path, mapped=ONE)
    rows = read(tmp_path, "part-00000.parquet")
    texts = [post.text for post in read_posts(shards / "2.parquet")]
    verdicts = judge.judge(texts)
    assert [row["band"] for row in rows] == [str(v.band) for v in verdicts]
    assert [row["score"] for row in rows] == [v.score for v in verdicts]
    assert [row["reason"] for row in rows] == [v.reason for v in verdicts]
