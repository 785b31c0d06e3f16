"""Whatever is done to a release after it was signed is found, a line each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hallmark.release.folder import MANIFEST, SIGNATURE, SUMS
from hallmark.release.keys import canonical, load_key, make_key, public_of, read_public, sign
from hallmark.release.verify import verify

from .conftest import PLAN

Make = Callable[[], Path]


def resign(folder: Path, key: Path) -> None:
    """Make the manifest that of the files that are there, as whoever holds a key can."""
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    manifest["public_key"] = public_of(load_key(key))
    for name, about in manifest["files"].items():
        data = (folder / name).read_bytes()
        about.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    (folder / SIGNATURE).write_text(sign(load_key(key), canonical(manifest)), "ascii")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_release_as_signed(make_release: Make, key: Path) -> None:
    folder = make_release()
    checked = verify(folder, public_key=read_public(key.with_name("team.key.pub")))
    assert checked.problems == ()
    assert (checked.stage, checked.outcome, checked.files) == ("large", "pass", 11)
    for line in (folder / SUMS).read_text("utf-8").splitlines():
        sha256, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256


def test_the_same_parts_give_the_same_bytes(make_release: Make) -> None:
    first = make_release()
    kept = first.rename(first.with_name("first"))
    again = make_release()
    names = sorted(p.relative_to(kept) for p in kept.rglob("*") if p.is_file())
    assert len(names) == 13
    assert all((kept / n).read_bytes() == (again / n).read_bytes() for n in names)


CHANGED = "is not the file that was signed"
EDITED = "manifest.json was edited after signing: its signature does not hold"


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("plan.toml", "bound = 0.8", "bound = 0.7",
         "gate floor was changed after signing: bound = 0.8, now bound = 0.7"),
        ("plan.toml", "title", "# A comment.\ntitle", f"plan.toml {CHANGED}"),
        ("plan.toml", "title =", "title", f"plan.toml {CHANGED}"),
        ("plan.lock.json", "0.8", "0.7", f"plan.lock.json {CHANGED}"),
        ("evidence/matrix.json", "0.88", "0.98", f"evidence/matrix.json {CHANGED}"),
        ("decision.json", '"pass"', '"fail"', f"decision.json {CHANGED}"),
        ("model-card.md", "tiny", "huge", f"model-card.md {CHANGED}"),
        ("SHA256SUMS", "a", "b", f"SHA256SUMS {CHANGED}"),
        ("manifest.json", '"large"', '"small"', EDITED),
        ("manifest.sig", "=", "", EDITED),
        ("plan.toml", "Two", "2", "the plan's head was changed after signing: "
         'title = "Two stages", now title = "2 stages"'),
    ],
)  # fmt: skip
def test_an_edited_file_is_found(
    name: str, old: str, new: str, expected: str, make_release: Make
) -> None:
    folder = make_release()
    edit(folder / name, old, new)
    assert verify(folder).problems == (expected,)


def test_a_swapped_checkpoint_is_found(make_release: Make) -> None:
    folder = make_release()
    (folder / "model" / "model.safetensors").write_bytes(bytes(range(1, 65)))
    assert verify(folder).problems == (f"model/model.safetensors {CHANGED}",)


def test_missing_and_added_files_are_found(make_release: Make) -> None:
    folder = make_release()
    (folder / "evidence" / "study.json").unlink()
    (folder / "model" / "extra").mkdir()
    (folder / "model" / "extra" / ".hidden").write_bytes(b"")
    assert verify(folder).problems == (
        "evidence/study.json is missing", "model/extra/.hidden was added"
    )  # fmt: skip


def test_a_link_is_no_file(make_release: Make, model: Path) -> None:
    folder = make_release()
    path = folder / "model" / "model.safetensors"
    path.unlink()
    path.symlink_to(model / "model.safetensors")
    assert verify(folder).problems == ("model/model.safetensors is missing (a link is there)",)


@pytest.mark.parametrize("name", ["plan.toml", "plan.lock.json", "decision.json", "manifest.sig"])
def test_each_part_must_be_there(name: str, make_release: Make) -> None:
    folder = make_release()
    (folder / name).unlink()
    (problem,) = verify(folder).problems
    assert f"{name} is missing" in problem


def test_a_gate_changed_before_the_release_was_signed(
    signed: Path, make_release: Make
) -> None:  # by its own makers
    signed.write_text(PLAN.replace("bound = 0.8", "bound = 0.9"), encoding="utf-8")
    assert verify(make_release()).problems == (
        "gate floor was changed after signing: bound = 0.8, now bound = 0.9",
    )


def test_another_key_is_found_by_who_knows_the_makers(
    make_release: Make, key: Path, tmp_path: Path
) -> None:
    folder = make_release()
    make_key(tmp_path / "other.key")
    known = read_public(key.with_name("team.key.pub"))
    edit(folder / "evidence" / "matrix.json", "0.88", "0.9")
    resign(folder, tmp_path / "other.key")
    assert verify(folder, public_key=known).problems == (
        "manifest.json names another key than the one given",
        "plan.lock.json was signed with another key than the release",
    )


def test_only_the_wording_of_a_decision_may_differ(make_release: Make, key: Path) -> None:
    folder = make_release()
    edit(folder / "decision.json", '"reason": ""', '"reason": "so it is"')
    resign(folder, key)
    assert verify(folder).problems == ()
    edit(folder / "decision.json", '"status": "pass"', '"status": "fail"')
    resign(folder, key)
    assert verify(folder).problems == (
        "decision.json does not follow from the plan and the evidence",
    )


def test_a_decision_that_does_not_follow(make_release: Make, key: Path) -> None:
    folder = make_release()
    edit(folder / "evidence" / "matrix.json", "0.88, ", "0.83, ")
    resign(folder, key)
    assert verify(folder).problems == (
        "decision.json does not follow from the plan and the evidence",
    )


@pytest.mark.parametrize("names", [["plan.toml", "plan.lock.json"], ["decision.json"]])
def test_a_release_signed_without_a_part(names: list[str], make_release: Make, key: Path) -> None:
    folder = make_release()
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    for name in names:
        (folder / name).unlink()
        del manifest["files"][name]
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    resign(folder, key)
    (problem,) = verify(folder).problems
    assert problem.startswith(
        ("the release has no signed plan", "the decision cannot be made again")
    )


@pytest.mark.parametrize(
    "content",
    [
        '{"format": "hallmark-int8"}',
        '{"format": "hallmark-release", "version": 9}',
        '{"format": "hallmark-release", "version": 1, "files": {}}',
        '{"format": "hallmark-release", "version": 1, "stage": "a", "outcome": "pass", '
        '"public_key": "", "files": {"../x": {"size": 1, "sha256": ""}}}',
        "[]",
        "{",
    ],
)
def test_what_is_no_release(content: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no whole release"):
        verify(tmp_path)
    (tmp_path / MANIFEST).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"manifest\.json"):
        verify(tmp_path)
