"""The store: made once, made again where damaged, and shared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hallmark.evaluate.store import Store, key_of


def test_scores_are_made_once_and_again_where_they_are_damaged(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> np.ndarray:
        made.append(1)
        return np.array([1.5, -2.0])

    key = key_of(texts="a")
    for _ in range(2):
        assert Store(tmp_path).scores(key, make).tolist() == [1.5, -2.0]
    assert len(made) == 1
    (tmp_path / "scores" / f"{key}.safetensors").write_bytes(b"half")
    assert Store(tmp_path).scores(key, make).tolist() == [1.5, -2.0]
    assert len(made) == 2


def test_a_detector_that_was_cut_short_is_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def stop(fresh: Path, work: Path) -> None:
        fresh.mkdir()
        work.mkdir()
        (fresh / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.detector("k", stop)

    def finish(fresh: Path, work: Path) -> None:
        assert not fresh.exists()
        assert work.is_dir(), "what outlives a kill"
        fresh.mkdir()
        (fresh / "whole").write_text("")

    assert [p.name for p in store.detector("k", finish).iterdir()] == ["whole"]
    assert store.detector("k", stop).is_dir()
    assert list((tmp_path / "unfinished").iterdir()) == []


def test_keys_are_those_of_their_parts() -> None:
    assert key_of(a=1, b=[2]) == key_of(b=[2], a=1)
    assert key_of(a=1) != key_of(a=2)
