"""A signed plan shows every change, and a lock cannot be edited or written over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hallmark.release.gates import read_plan
from hallmark.release.keys import load_key
from hallmark.release.lock import changes, lock_path, read_lock, write_lock

from .conftest import PLAN


def found(plan: Path) -> list[tuple[str, str]]:
    return [(c.gate, c.kind) for c in changes(read_plan(plan), read_lock(lock_path(plan)))]


def test_a_comment_is_no_change(signed: Path) -> None:
    signed.write_text(f"# Thought over.\n{PLAN}", encoding="utf-8")
    assert found(signed) == []


def test_changed_added_and_removed_gates(signed: Path) -> None:
    head, floor, step, copied, words = PLAN.split("[[gate]]")
    new = floor.replace('"floor"', '"new"')
    changed = [head.replace("Two", "2"), floor.replace("0.8", "0.7"), step, words, new]
    signed.write_text("[[gate]]".join(changed), encoding="utf-8")
    assert found(signed) == [
        ("plan", "changed"), ("floor", "changed"), ("copied", "removed"), ("new", "added")
    ]  # fmt: skip
    title, floor_, copied_, new_ = changes(read_plan(signed), read_lock(lock_path(signed)))
    assert floor_.sentence == ("gate floor was changed after signing: bound = 0.8, now bound = 0.7")
    assert title.sentence.endswith('title = "Two stages", now title = "2 stages"')
    assert "bound = 0.01" in str(copied_.signed)
    assert copied_.now is None
    assert new_.signed is None
    assert copied in PLAN


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.8", "0.7"), ("2026-11-01", "2026-10-01"), ('"signature": "', '"signature": "A')],
)
def test_an_edited_lock_is_found(old: str, new: str, signed: Path) -> None:
    path = lock_path(signed)
    path.write_text(path.read_text("utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match="edited after signing"):
        read_lock(path)


def test_a_plan_is_signed_once(signed: Path, key: Path) -> None:
    before = lock_path(signed).read_bytes()
    with pytest.raises(ValueError, match="signed before"):
        write_lock(lock_path(signed), read_plan(signed), load_key(key), signed="2027-01-01")
    assert lock_path(signed).read_bytes() == before


def test_no_lock_or_something_else(plan: Path) -> None:
    with pytest.raises(ValueError, match="the plan is not signed"):
        read_lock(lock_path(plan))
    lock_path(plan).write_text(json.dumps({"format": "x"}), encoding="utf-8")
    with pytest.raises(ValueError, match="no lock of a plan"):
        read_lock(lock_path(plan))
