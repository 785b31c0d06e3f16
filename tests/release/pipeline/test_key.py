"""The key that a run makes is told of once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hallmark.cli.reproduce import kept
from hallmark.release.pipeline import reproduce as run
from hallmark.release.pipeline.run import Given
from hallmark.release.pipeline.settings import ReproduceConfig


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
