"""What a release is made of, and when none is made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hallmark.release.card import About
from hallmark.release.folder import MANIFEST, SIGNATURE, Parts, files_in, release
from hallmark.release.keys import load_key, make_key
from hallmark.release.verify import verify


def make(out: Path, parts: Parts, key: Path | None) -> None:
    release(
        out, parts, stage="large", about=About("tiny"), key=load_key(key) if key else None,
        decided="2026-11-25",
    )  # fmt: skip


def test_without_a_key_it_is_not_signed(signed: Path, evidence: Path, tmp_path: Path) -> None:
    make(tmp_path / "out", Parts(signed, evidence), None)
    assert not (tmp_path / "out" / SIGNATURE).exists()
    assert verify(tmp_path / "out").problems == (
        "manifest.json is not signed (manifest.sig is missing)",
    )


def test_outputs_come_as_cards_and_hashes(
    signed: Path, evidence: Path, key: Path, tmp_path: Path
) -> None:
    outputs = tmp_path / "set"
    outputs.mkdir()
    files = {"tiny.train.jsonl": {"documents": 5, "tokens": 9, "size": 8, "sha256": "ab"}}
    manifest = {
        "format": "hallmark-outputs", "version": 1, "kind": "imported",
        "corpora": {"tiny": {"label": "synthetic"}}, "files": files,
    }  # fmt: skip
    (outputs / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    out = tmp_path / "out"
    make(out, Parts(signed, evidence, outputs=outputs), key)
    assert "# Outputs of tiny" in (out / "dataset-card.md").read_text("utf-8")
    assert "# Datasheet: Outputs of tiny" in (out / "datasheet.md").read_text("utf-8")
    assert (out / "outputs" / MANIFEST).read_bytes() == (outputs / MANIFEST).read_bytes()
    assert verify(out).problems == ()


def test_when_nothing_is_written(signed: Path, evidence: Path, key: Path, tmp_path: Path) -> None:
    make_key(tmp_path / "other.key")
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="not the one that signed the plan"):
        make(out, Parts(signed, evidence), tmp_path / "other.key")
    with pytest.raises(ValueError, match="no folder of result files"):
        make(out, Parts(signed, tmp_path / "none"), key)
    with pytest.raises(ValueError, match="no finished output set"):
        make(out, Parts(signed, evidence, outputs=tmp_path), key)
    assert not out.exists()
    with pytest.raises(ValueError, match="no empty folder"):
        make(evidence, Parts(signed, evidence), key)


def test_hidden_files_stay_behind(tmp_path: Path) -> None:
    for name in ("a.json", "b/c.json", ".d", "b/.e/f"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert files_in(tmp_path) == ["a.json", "b/c.json"]
