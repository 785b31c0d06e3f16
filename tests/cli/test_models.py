"""`hallmark models` and `hallmark get` through the program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hallmark.models import hub, sizes


@pytest.fixture
def bundled(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that has one rung of the ladder."""
    folder = tmp_path / "bundled"
    folder.mkdir()
    (folder / "ladder-1M").symlink_to(tiny_model)
    for module in ("hallmark.models.sizes", "hallmark.cli.doctor"):
        monkeypatch.setattr(f"{module}.BUNDLED", folder)
    return folder


def rows(run_cli) -> dict[str, dict[str, object]]:
    return {row["name"]: row for row in json.loads(run_cli("models", "--json").out)["models"]}


def test_every_size_is_listed_with_where_it_is(run_cli, bundled: Path, empty_home: Path) -> None:
    fetched = empty_home / "models" / "124M"
    fetched.mkdir(parents=True)
    (fetched / sizes.MANIFEST).write_text("{}", encoding="utf-8")
    listed = rows(run_cli)
    assert list(listed) == [size.name for size in sizes.SIZES]
    assert listed["ladder-1M"]["where"] == "bundled"
    assert listed["ladder-3M"]["where"] == "missing"
    assert listed["124M"]["where"] == "fetched"
    assert listed["355M"]["where"] == "not here"
    assert listed["124M"]["parameters"] == 124_439_808


def test_bits_per_byte_come_from_the_card(run_cli, bundled: Path) -> None:
    folder = bundled / "ladder-3M"
    folder.mkdir()
    (folder / sizes.MANIFEST).write_text("{}", encoding="utf-8")
    card = {"training": {"bits_per_byte": 1.9}}
    (folder / "config.json").write_text(json.dumps(card), encoding="utf-8")
    assert rows(run_cli)["ladder-3M"]["bits_per_byte"] == 1.9
    assert "1.900" in run_cli("models").out
    (folder / "config.json").write_text("[]", encoding="utf-8")
    assert rows(run_cli)["ladder-3M"]["bits_per_byte"] is None


def test_what_can_be_fetched_has_the_size_of_its_download(run_cli) -> None:
    listed = rows(run_cli)
    assert listed["ladder-1M"]["download_bytes"] is None
    masks = 12 * 1024 * 1024
    assert listed["124M"]["download_bytes"] == 4 * (124_439_808 + masks)
    assert "0.55 GB" in run_cli("models").out


def test_get_prints_the_folder(run_cli, monkeypatch, tmp_path: Path, empty_home: Path) -> None:
    asked = []

    def get(name: str, *, home: Path, endpoint: str, progress: object) -> Path:
        asked.append((name, home, endpoint))
        return tmp_path

    monkeypatch.setattr(hub, "get", get)
    assert run_cli("get", "124M").out == f"{tmp_path}\n"
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert json.loads(run_cli("get", "124M", "--json").out) == {
        "model": "124M",
        "folder": str(tmp_path),
    }
    assert asked == [("124M", empty_home, hub.ENDPOINT), ("124M", empty_home, "http://127.0.0.1:9")]


def test_a_wrong_name_lists_the_right_ones(run_cli) -> None:
    result = run_cli("get", "wrong")
    assert result.code == 1
    assert "ladder-1M" in result.err
    assert len(result.err.splitlines()) == 1


def test_doctor_finds_what_is_damaged(run_cli, bundled: Path, empty_home: Path) -> None:
    checks = {c["name"]: c for c in json.loads(run_cli("doctor", "--json").out)["checks"]}
    assert checks["ladder-1M"]["ok"]
    assert not checks["ladder-3M"]["ok"]
    assert checks["folder for data"]["ok"]
    assert list(empty_home.iterdir()) == []
    result = run_cli("doctor", "--quiet")
    assert result.code == 1
    assert all(line.startswith("FAILED") for line in result.out.splitlines())


def test_doctor_says_that_a_hash_is_wrong(run_cli, bundled: Path, tiny_model: Path) -> None:
    folder = bundled / "ladder-7M"
    folder.mkdir()
    for file in tiny_model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "vocab.bpe").write_text("changed", encoding="utf-8")
    assert "vocab.bpe is not the file" in run_cli("doctor").out


def test_doctor_says_that_the_home_cannot_be_written(run_cli, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HALLMARK_HOME", str(tmp_path / "file"))
    result = run_cli("doctor")
    assert result.code == 1
    assert "set HALLMARK_HOME to another folder" in result.out
