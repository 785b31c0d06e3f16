"""The key that a run makes: said once, and in nothing that is released."""

from __future__ import annotations

from pathlib import Path

import pytest

from hallmark.cli.reproduce import kept
from hallmark.release.pipeline import reproduce as run
from hallmark.release.pipeline.run import Given
from hallmark.release.pipeline.settings import ReproduceConfig

from .conftest import Released


def test_a_key_that_is_made_is_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "run_stages", lambda *_, **__: [])
    told: list[Path] = []
    for _ in range(2):
        run.reproduce(
            tmp_path / "out", ["ladder-0.5M"], ReproduceConfig(), home=tmp_path,
            given=Given(), on_key=told.append,
        )  # fmt: skip
    assert told == [tmp_path / "out" / run.KEY]
    assert f"never publish it; what may leave you is {tmp_path}/out/release" in kept(told[0])


def test_no_private_key_is_in_what_is_released(released: Released) -> None:
    secret = released.key.read_bytes()
    files = [path for path in (released.out / "release").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if secret in path.read_bytes()]
    assert not [path for path in files if path.suffix == ".key"]
