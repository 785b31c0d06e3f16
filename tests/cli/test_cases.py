"""`hallmark cases` through the program: from fused accounts to labels that are learnt from."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from hallmark.data import Label
from hallmark.evidence.cases import DAY, Answer
from hallmark.evidence.store import open_cases
from hallmark.evidence.store_desk import Desk

from .test_signals import Words, records, write

WORDS = "It repeats itself and names no place."


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Posts, what was fused of them, and a database of two cases."""
    accounts = ("mallory", "trent")
    rows = [
        {"account": a, "time": 1e9 + 100 * i, "text": f"{a} says number {i} of it, and no more"}
        for a in accounts for i in range(3)
    ]  # fmt: skip
    fused = {"prevalence": 0.01, "accounts": [
        {"account": a, "posterior": p, "texts": 3, "parts": {"content": 2.0}, "signals": []}
        for a, p in zip(accounts, (0.7, 0.4), strict=True)
    ]}  # fmt: skip
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (tmp_path / "fused.json").write_text(json.dumps(fused))
    return {name: tmp_path / name for name in ("posts.jsonl", "fused.json", "cases.db")}


@pytest.fixture
def database(run_cli, files, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The two cases."""
    monkeypatch.setenv("HALLMARK_CASES", str(files["cases.db"]))
    done = run_cli("cases", "import", files["fused.json"], "--posts", files["posts.jsonl"])
    assert (done.code, done.out) == (0, "2 new cases of 2 accounts\n"), done.err
    return files["cases.db"]


def test_accounts_come_once_and_from_standard_input_too(run_cli, files, database: Path) -> None:
    again = run_cli("cases", "import", "-", "--posts", files["posts.jsonl"], "--json",
                    stdin=files["fused.json"].read_bytes())  # fmt: skip
    assert json.loads(again.out) == {"cases": 0, "there_already": 2, "known": 0}


def test_people_are_added_listed_and_removed(run_cli, database: Path) -> None:
    from hallmark.web.signin import SignIn

    added = json.loads(run_cli("cases", "users", "ann", "--role", "analyst", "--json").out)
    assert added["role"] == "analyst"
    store = open_cases(database)
    assert SignIn(store.hash_of).enter("ann", added["password"])
    store.close()
    assert run_cli("cases", "users", "rea").out.startswith("rea (reviewer): ")
    assert run_cli("cases", "users", "ann", "--remove").out == "ann is removed\n"
    listed = json.loads(run_cli("cases", "users", "--json").out)["people"]
    assert listed == [
        {"name": "ann", "role": "analyst", "may_sign_in": False},
        {"name": "rea", "role": "reviewer", "may_sign_in": True},
    ]
    assert run_cli("cases", "users").out.splitlines()[0].split() == ["name", "role", "may", "sign",
                                                                     "in"]  # fmt: skip
    wrong = run_cli("cases", "users", "eve", "--role", "admin")
    assert wrong.code == 2
    assert "'admin' is no role; give one of analyst, reviewer, auditor" in wrong.err


def test_verify_takes_receipts_and_finds_what_was_done(run_cli, tmp_path: Path, database) -> None:
    receipt, file = tmp_path / "receipt.json", tmp_path / "case.json"
    receipt.write_text(run_cli("cases", "verify", "--json").out)
    assert run_cli("cases", "export", 1, "--out", file).code == 0
    done = run_cli("cases", "verify", "--receipt", receipt, "--receipt", file)
    assert done.code == 0, done.err
    assert done.out.startswith("3 entries, all as they were written; the end is ")
    receipt.write_text(run_cli("cases", "verify", "--json").out)
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM log WHERE number = 3")
        connection.execute(
            "UPDATE head SET number = 2, hash = (SELECT hash FROM log WHERE number = 2)"
        )
    assert run_cli("cases", "verify").code == 0
    cut = run_cli("cases", "verify", "--receipt", receipt)
    assert (cut.code, cut.out) == (1, "")
    assert cut.err == (
        "hallmark: the log is broken at entry 3: the log ends before it, and a receipt shows entry "
        "3; it was cut short\n"
    )
    receipt.write_text("{}")
    bad = run_cli("cases", "verify", "--receipt", receipt)
    assert (bad.code, bad.err.count("\n")) == (1, 1)
    assert "a receipt has a" in bad.err


def test_a_case_is_exported_as_html_and_json(run_cli, tmp_path: Path, database: Path) -> None:
    for kind in ("html", "json"):
        out = tmp_path / f"case.{kind}"
        assert run_cli("cases", "export", 1, "--out", out).out == f"{out}\n"
        text = out.read_text(encoding="utf-8")
        assert "mallory" not in text
        assert out.stat().st_mode & 0o777 == 0o600
        assert "Nothing here decides by itself" in text
    record = json.loads((tmp_path / "case.json").read_text())
    assert record["entries"][0]["what"] == "imported"
    assert record["texts_in_all"] == 3
    wrong = run_cli("cases", "export", 1, "--out", tmp_path / "case.pdf")
    assert "case.pdf must end in .html or .json" in wrong.err
    none = run_cli("cases", "export", 7, "--out", tmp_path / "x.json")
    assert (none.code, none.err) == (1, "hallmark: there is no case 7\n")
    assert not (tmp_path / "x.json").exists()


def test_final_outcomes_become_labels(run_cli, tmp_path: Path, database: Path) -> None:
    from hallmark.cli.signals import labels_in

    for name, role in (("ann", "analyst"), ("rea", "reviewer"), ("rob", "reviewer")):
        run_cli("cases", "users", name, "--role", role)
    store = open_cases(database, now=lambda: time.time() - 40 * DAY)
    desk, people = Desk(store), {n: store.person(n) for n in ("ann", "rea", "rob")}
    for _ in range(2):
        for name in ("rea", "rob"):
            desk.review(people[name], desk.take(people[name]) or 0, Answer.UNSURE, WORDS)
    out = tmp_path / "labels.jsonl"
    number = {case.name: case.id for case in store.cases()}
    desk.decide(people["ann"], number["mallory"], Answer.SYNTHETIC, WORDS)
    store.now = time.time
    desk.decide(people["ann"], number["trent"], Answer.HUMAN, WORDS)  # may still be appealed
    store.close()
    done = run_cli("cases", "export-reviews", "--out", out, "--json")
    assert json.loads(done.out)["labels"] == 1
    assert labels_in(out) == {"mallory": Label.SYNTHETIC}
    assert run_cli("cases", "verify").code == 0


def test_settings_are_shown_and_changed(run_cli, database: Path) -> None:
    assert "keep_days" in run_cli("cases", "settings").out
    done = run_cli("cases", "settings", "--keep-days", 60, "--names", "--wrong", 9, "--json")
    found = json.loads(done.out)
    assert (found["keep_days"], found["pseudonyms"], found["wrong"]) == (60, False, 9.0)
    wrong = run_cli("cases", "settings", "--keep-days", 5)
    assert (wrong.code, wrong.err.count("\n")) == (1, 1)
    assert "keep_days (5) must not be fewer than appeal_days (30)" in wrong.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("serve", "--host", "0.0.0.0"), "0.0.0.0 can be reached by others: put TLS in front"),
        (("serve", "--address", "http://example.org"), "must begin with https://"),
        (("verify", "--database", "mysql://x/y"), "mysql is not supported"),
        (("import", "none.json", "--posts", "p.jsonl"), "none.json"),
    ],
)
def test_what_cannot_be_done_is_one_line(run_cli, database, arguments, message) -> None:
    done = run_cli("cases", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert message in done.err


@pytest.mark.parametrize(
    "arguments",
    [("verify",), ("export", 1, "--out", "x.json"), ("export-reviews", "--out", "x.jsonl"),
     ("settings",), ("settings", "--wrong", 9), ("users",), ("users", "ann", "--remove"),
     ("serve",)],
)  # fmt: skip
def test_a_mistyped_database_is_told_and_not_made(
    run_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hallmark.cli.cases.load_reader", lambda model: (None, None))
    done = run_cli("cases", *arguments, "--database", "case.db")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert "there are no cases in case.db; give the --database that `hallmark cases" in done.err
    assert list(tmp_path.iterdir()) == []


def test_the_first_person_may_come_before_the_first_case(run_cli, tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    assert run_cli("cases", "users", "ann", "--role", "analyst", "--database", path).code == 0
    assert "ann" in run_cli("cases", "users", "--database", path).out


def test_what_was_not_fused_is_told(run_cli, files, database: Path) -> None:
    empty = database.with_name("empty.json")
    empty.write_text("")
    for path in (files["posts.jsonl"], empty):
        done = run_cli("cases", "import", path, "--posts", files["posts.jsonl"])
        assert (done.code, done.out, done.err) == (
            1, "", f"hallmark: {path} is not what `hallmark signals fuse --json` prints; give "
            "that\n",
        )  # fmt: skip


def test_a_busy_port_is_told(run_cli, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hallmark.cli.cases.load_reader", lambda model: (None, None))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_cli("cases", "serve", "--port", port)
    assert done.err.endswith(f"127.0.0.1:{port}: address already in use; give another --port\n")
    assert (done.code, done.err.count("\n")) == (74, 1)


def test_what_signals_print_becomes_cases(run_cli, tmp_path: Path, monkeypatch) -> None:
    judge = SimpleNamespace(detector=Words())
    monkeypatch.setattr("hallmark.detect.judge.load_detector", lambda name, *, home: judge)
    posts = write(tmp_path / "posts.jsonl", records())
    labels = [{"account": f"a{i}", "label": ("human", "synthetic")[i % 2]} for i in range(48)]
    known = write(tmp_path / "labels.jsonl", labels)
    evidence, database = tmp_path / "evidence.json", tmp_path / "fused.db"
    run_cli("signals", "learn", posts, "--labels", known, "--out", evidence)
    fused = run_cli("signals", "fuse", posts, "--evidence", evidence, "--json").out
    into = ("--posts", posts, "--database", database, "--json")
    some = write(tmp_path / "gold.jsonl", labels[:4])
    done = run_cli("cases", "import", "-", "--gold", some, *into, stdin=fused.encode())
    assert json.loads(done.out) == {"cases": 48, "there_already": 0, "known": 4}
    store = open_cases(database)
    wanted = {a["account"]: a["posterior"] for a in json.loads(fused)["accounts"]}
    assert {c.name: c.evidence.posterior for c in store.cases()} == wanted
    assert {c.name for c in store.cases() if c.gold is not None} == {"a0", "a1", "a2", "a3"}
    store.close()
    read = run_cli("signals", "read", posts, "--json").out
    into = ("--posts", posts, "--database", tmp_path / "read.db", "--json")
    done = run_cli("cases", "import", "-", *into, stdin=read.encode())
    assert json.loads(done.out)["cases"] == 48
