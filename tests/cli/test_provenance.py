"""`hallmark provenance` and `hallmark generate --sign` through the program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SHORT = ("--max-tokens", 30, "--model", "ladder-0.5M")


@pytest.fixture
def key(run_cli, tmp_path: Path) -> Path:
    assert run_cli("release", "key", tmp_path / "team.key").code == 0
    return tmp_path / "team.key"


@pytest.mark.parametrize("form", [(), ("--json",), ("--jsonl",)])
def test_what_was_written_is_found(run_cli, key: Path, tmp_path: Path, form) -> None:
    manifest = tmp_path / "m.jsonl"
    signing = ("--sign", key, "--manifest", manifest, "--who", "Team", "--n", 2, "--seed", 4)
    done = run_cli("generate", "The history of", *SHORT, *signing, *form)
    assert done.code == 0, done.err
    plainly = run_cli("generate", "The history of", *SHORT, "--n", 2, "--seed", 4, "--jsonl")
    texts = [json.loads(line)["text"] for line in plainly.out.splitlines()]
    look = ("--manifest", manifest, "--key", f"{key}.pub")
    (tmp_path / "t.txt").write_text("\n\n".join(texts[1].split(" ")) + "\n")
    found = json.loads(run_cli("provenance", "verify", tmp_path / "t.txt", *look, "--json").out)
    assert (found["found"], found["how"], found["text"]["id"]) == (True, "plain", 2)
    assert found["manifest"]["model"]["name"] == "ladder-0.5M"
    assert len(found["manifest"]["model"]["model_sha256"]) == 64
    assert found["manifest"]["settings"]["seed"] == 4
    said = run_cli("provenance", "verify", f"The history of{texts[0]}", *look)
    assert said.out.startswith("Found, together with its prompt")
    assert "by Team (" in said.out
    assert "Whose it is, you must know from elsewhere" in said.out


def test_absence_proves_nothing_and_the_output_says_so(run_cli, key: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "m.jsonl"
    run_cli("generate", "One", *SHORT, "--sign", key, "--manifest", manifest)
    look = ("--manifest", manifest, "--key", f"{key}.pub")
    done = run_cli("provenance", "verify", "-", *look, stdin=b"A text of somebody else.")
    assert done.code == 0
    assert done.out.startswith("Not found among the 1 texts signed by a key without a name (")
    assert "Not found proves nothing" in done.out
    asked = run_cli("provenance", "verify", "A text of somebody else.", *look, "--json")
    assert json.loads(asked.out)["found"] is False
    assert "proves nothing" in json.loads(asked.out)["meaning"]


def test_an_output_set_is_signed(run_cli, key: Path, tmp_path: Path) -> None:
    folder, manifest = tmp_path / "set", tmp_path / "m.jsonl"
    counts = ("--train", 3, "--valid", 1, "--test", 0, "--max-tokens", 20, "--sampling", "k40")
    run_cli("outputs", "build", "--out", folder, "--model", "ladder-0.5M", *counts, "--quiet")
    signed = run_cli("provenance", "sign", folder, "--key", key, "--out", manifest)
    assert (signed.code, signed.out, signed.err) == (0, f"{manifest}\n", "")
    rows = (folder / "ladder-0.5M-k40.train.jsonl").read_bytes().splitlines()
    text = json.loads(rows[2])["text"]
    look = ("--manifest", manifest, "--key", f"{key}.pub")
    (tmp_path / "t.txt").write_text(text)
    found = run_cli("provenance", "verify", tmp_path / "t.txt", *look, "--json")
    record = json.loads(found.out)
    assert (record["how"], record["text"]["split"]) == ("exact", "train")
    assert record["manifest"]["texts"] == 4
    assert record["manifest"]["run"]["seed"] == 0
    said = run_cli("provenance", "verify", tmp_path / "t.txt", *look)
    assert "Written by ladder-0.5M (SHA-256 " in said.out
    (folder / "ladder-0.5M-k40.train.jsonl").write_bytes(b"\n".join(rows[:2]) + b"\n")
    again = run_cli("provenance", "sign", folder, "--key", key, "--out", tmp_path / "n.jsonl")
    assert (again.code, (tmp_path / "n.jsonl").exists()) == (1, False)
    assert "is not as it was built; run `hallmark outputs verify`" in again.err


def test_mistakes_are_one_line(run_cli, key: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "m.jsonl"
    done = run_cli("generate", "One", *SHORT, "--sign", key)
    assert done.code == 2
    assert "--sign KEYFILE and --manifest FILE belong together" in done.err
    done = run_cli("generate", "One", *SHORT, "--sign", f"{key}.pub", "--manifest", manifest)
    assert (done.code, done.out) == (1, "")
    assert "is no Ed25519 private key" in done.err
    run_cli("generate", "One", *SHORT, "--sign", key, "--manifest", manifest)
    run_cli("release", "key", tmp_path / "other.key")
    look = ("--manifest", manifest, "--key")
    for text, public, said in (
        ("some text", tmp_path / "other.key.pub", "is not signed by that key; ask its makers"),
        ("essay.txt", f"{key}.pub", "'essay.txt' is no file here; give one, or a text of several"),
        (" ", f"{key}.pub", "the text is empty"),
        ("some text", key, "is no Ed25519 public key in PEM"),
    ):
        done = run_cli("provenance", "verify", text, *look, public)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
        assert said in done.err
