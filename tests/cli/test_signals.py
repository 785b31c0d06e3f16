"""`hallmark signals` through the program, with a detector of one line and with the bundled one."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

COPIED = "come to the square at noon, all of you, and bring whoever you know along"


@dataclass(frozen=True)
class Seen:
    """What the detector of these tests says of a text: it counts one word."""

    score: float
    tokens_used: int


class Words:
    """A detector for which "robot" is what synthetic texts say."""

    def examine(self, texts: Sequence[str]) -> list[Seen]:
        return [Seen(float(text.count("robot")), len(text)) for text in texts]


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = SimpleNamespace(detector=Words())
    monkeypatch.setattr("hallmark.detect.judge.load_detector", lambda name, *, home: judge)


def records(accounts: int = 48) -> list[dict[str, object]]:
    """Two posts an account; odd ones are synthetic, which says "robot" more often."""
    posts = []
    for a in range(accounts):
        for i in range(2):
            times = a % 3 + (a % 2) * (2 + a % 4)
            text = f"number {a * 7919} wrote {i * 104729 + a}, " + "robot " * times
            posts.append(
                {"account": f"a{a}", "time": 1000 * a + 5000 * i, "text": text, "created": -a * 1e5}
            )
    return posts


def write(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    return write(tmp_path / "posts.jsonl", records())


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, ["account", "label"])
        out.writeheader()
        for a in range(48):
            out.writerow({"account": f"a{a}", "label": "synthetic" if a % 2 else "human"})
    return path


def test_signals_are_read_of_every_account(run_cli, tmp_path: Path) -> None:
    rows = [
        {"account": name, "time": f"2026-01-0{day}T12:00:{10 * i:02}Z",
         "text": f"{COPIED} {'!' * i}", "created": "2025-12-31", "name": "x1"}
        for i, name in enumerate(("ann", "bob")) for day in (2, 3)
    ] + [{"account": "cid", "time": 0, "text": "something else that nobody says"}]  # fmt: skip
    path = write(tmp_path / "p.jsonl", rows)
    found = json.loads(run_cli("signals", "read", path, "--json").out)
    ann, _, cid = found["accounts"]
    assert (ann["account"], ann["posts"], ann["copied"], ann["partners"]) == ("ann", 2, 1.0, 1.0)
    assert (ann["age_days"], ann["name_digits"], ann["self_repeated"]) == (2.5, 0.5, 1.0)
    assert (cid["copied"], cid["age_days"], cid["rest_hours"]) == (0.0, None, None)
    assert found["clusters"] == [{"cluster": 0, "posts": 4, "accounts": ["ann", "bob"]}]
    table = run_cli("signals", "read", "-", stdin=path.read_bytes())
    lines = table.out.splitlines()
    assert lines[0].split()[:3] == ["account", "posts", "copied"]
    assert [line.split()[0] for line in lines[1:]] == ["ann", "bob", "cid"]
    assert "too little to tell" in table.err
    assert 'page "Evidence" of the documentation' in table.err  # who reads the site has no files


def test_what_is_learnt_weighs_other_accounts(
    run_cli, words: None, posts: Path, labels: Path, tmp_path: Path
) -> None:
    out = tmp_path / "evidence.json"
    learnt = run_cli("signals", "learn", posts, "--labels", labels, "--out", out)
    assert (learnt.code, learnt.out, learnt.err) == (0, f"{out}\n", "")
    again = run_cli("signals", "learn", posts, "--labels", labels, "--out", out, "--json")
    assert json.loads(again.out)["weights"] == json.loads(out.read_text())["weights"]
    done = run_cli("signals", "fuse", posts, "--evidence", out, "--prevalence", 0.1, "--json")
    found = json.loads(done.out)["accounts"]
    assert len(found) == 48
    order = [f["posterior"] for f in found]
    assert order == sorted(order, reverse=True)
    assert int(found[0]["account"][1:]) % 2 == 1
    assert {s["name"] for s in found[0]["signals"]} >= {"content", "copied", "age_days"}
    table = run_cli("signals", "fuse", posts, "--evidence", out)
    assert table.out.splitlines()[0].split()[:4] == ["account", "texts", "posterior", "content"]
    assert "never a verdict" in table.err
    other = run_cli("signals", "fuse", posts, "--evidence", out, "--detector", "mine")
    assert other.code == 1
    assert "was learnt with another detector (bundled)" in other.err


def test_clusters_and_each_part_left_out(
    run_cli, words: None, posts: Path, labels: Path, tmp_path: Path
) -> None:
    out = tmp_path / "evidence.json"
    run_cli("signals", "learn", posts, "--labels", labels, "--out", out)
    rows = records() + [
        {"account": name, "time": 10, "text": f"{COPIED} robot robot robot"} for name in "xyz"
    ]
    others = write(tmp_path / "others.jsonl", rows)
    fuse = ("signals", "fuse", others, "--evidence", out, "--prevalence", 0.3)
    plainly = json.loads(run_cli(*fuse, "--json").out)
    found = json.loads(run_cli(*fuse, "--json", "--leave-one-out").out)
    (cluster,) = [c for c in found["clusters"] if c["accounts"] == ["x", "y", "z"]]
    assert (cluster["kind"], cluster["posts"], cluster["texts"]) == ("near", 3, 1)
    assert cluster["learnt_on"] == "accounts, as one text"
    low, high = cluster["interval"]
    assert low <= cluster["log_likelihood_ratio"] <= high
    for before, after in zip(plainly["accounts"], found["accounts"], strict=True):
        assert set(after.pop("without")) == {"content", "coordination", "cadence", "account"}
        assert after == before
    first = found["accounts"][0]["account"]
    table = run_cli(*fuse, "--leave-one-out").out
    assert "posterior without" in table
    assert "nearly the same text: x ..." in table
    assert table.count(first) >= 2


def test_the_bundled_detector_reads_posts() -> None:
    from hallmark.cli.signals import content
    from hallmark.evidence.accounts import tabulate
    from hallmark.evidence.posts import Post

    text = "The city council met on Tuesday night to hear from people who live near the river."
    found = [Post("1", "a", 0, text), Post("2", "b", 0, "Too short."), Post("3", "a", 9, text * 2)]
    (one, two), (short,) = content(found, tabulate(found), "bundled", quiet=True)
    assert [math.isnan(s) for s in (one, two, short)] == [False, False, True]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("p.jsonl", '{"account": "a", "time": 1}\n', 'record 1 of {} has no "text"; a post needs'),
        ("p.jsonl", '{"account": "a", "time": "noon", "text": "x"}\n', "is 'noon', no time; give"),
        ("p.jsonl", '{"account": "a", "time": true, "text": "x"}\n', "is 'True', no time; give"),
        ("p.jsonl", '{"account": "a", "time": 1e300, "text": "x"}\n', "is 1e+300, no time; give"),
        (
            "p.jsonl",
            '{"account": "a", "time": 1.7e12, "text": "x"}\n',
            "is 1700000000000.0, no time; give",
        ),
        ("p.jsonl", '{"account": "a", "time": 1, "text": 7}\n', '"text" of record 1 of {}'),
        ("p.jsonl", "", "{} holds no post; give at least one"),
        ("p.jsonl", "no json\n", "{}, line 1"),
        ("p.csv", 'account,time,text\na,1,"x\n', "{} is not CSV that can be read"),
        ("p.csv", "account,time,text\na,1\n", 'record 1 of {} has no "text"'),
        ("p.csv", "account,time\na,1\n", 'record 1 of {} has no "text"'),
        ("p.parquet", "PAR1", "{} is not a whole Parquet file"),
        ("p.txt", "x", "{} is none of .jsonl, .jsonl.gz, .csv, .parquet; convert it"),
    ],
)
def test_bad_posts_are_one_line(
    run_cli, tmp_path: Path, name: str, data: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(data, encoding="utf-8")
    done = run_cli("signals", "read", path)
    assert (done.code, done.out) == (1, "")
    assert message.format(path) in done.err
    assert done.err.count("\n") == 1


def test_bad_labels_and_evidence_are_one_line(
    run_cli, words: None, posts: Path, tmp_path: Path
) -> None:
    labels, out = tmp_path / "labels.jsonl", tmp_path / "evidence.json"
    for rows, message in (
        ([{"account": "a0", "label": "human"}], "has no label for 47 accounts, 'a1' among them"),
        ([{"account": "a0", "label": "bot"}], 'needs an "account" and a "label", human or'),
        ([{"account": f"a{i}", "label": "human"} for i in range(48)], "both kinds"),
    ):
        write(labels, rows)
        done = run_cli("signals", "learn", posts, "--labels", labels, "--out", out)
        assert (done.code, done.err.count("\n"), out.exists()) == (1, 1, False)
        assert message in done.err
    out.write_text('{"detector": "bundled", "weights": {}}')
    done = run_cli("signals", "fuse", posts, "--evidence", out)
    assert done.code == 1
    assert "the model of the evidence is damaged" in done.err


def test_what_is_no_evidence_says_what_makes_it(run_cli, posts: Path, labels: Path) -> None:
    other = labels.with_name("other.json")
    other.write_text('{"accounts": []}')
    for path in (labels, other, labels.with_name("none.json"), labels.parent):
        done = run_cli("signals", "fuse", posts, "--evidence", path)
        assert (done.code, done.err.count("\n")) == (1, 1)
        assert f"{path} is no" in done.err
        assert "give what `hallmark signals learn --out FILE` makes" in done.err
        assert "fetch" not in done.err


def test_too_few_labels_are_told_before_anything_is_scored(
    run_cli, monkeypatch: pytest.MonkeyPatch, posts: Path, tmp_path: Path
) -> None:
    def load(name: str, *, home: object) -> None:
        raise AssertionError("scored")

    monkeypatch.setattr("hallmark.detect.judge.load_detector", load)
    out = tmp_path / "evidence.json"
    rows = [{"account": f"a{a}", "label": "human" if a < 30 else "synthetic"} for a in range(48)]
    labels = write(tmp_path / "labels.jsonl", rows)
    done = run_cli("signals", "learn", posts, "--labels", labels, "--out", out)
    assert (done.code, out.exists()) == (1, False)
    assert done.err == (
        "hallmark: 30 human and 18 synthetic accounts are labelled; 19 of both kinds are the "
        "least: half of each, 10, teach ratios, and the others weights\n"
    )


def test_the_least_number_of_labels_is_enough(run_cli, words: None, tmp_path: Path) -> None:
    count = 19
    posts = write(tmp_path / "few.jsonl", records(2 * count))
    rows = [{"account": f"a{a}", "label": ("human", "synthetic")[a % 2]} for a in range(2 * count)]
    labels, out = write(tmp_path / "labels.jsonl", rows), tmp_path / "evidence.json"
    assert run_cli("signals", "learn", posts, "--labels", labels, "--out", out).code == 0


def test_csv_and_parquet_hold_the_same_posts(run_cli, posts: Path, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    rows = records()
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "p.parquet")
    with (tmp_path / "p.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    wanted = run_cli("signals", "read", posts, "--json").out
    assert run_cli("signals", "read", tmp_path / "p.parquet", "--json").out == wanted
    assert run_cli("signals", "read", tmp_path / "p.csv", "--json").out == wanted
