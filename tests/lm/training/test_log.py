"""A log is cut to its checkpoint and read as far as it is whole."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from hallmark.lm.training.log import RunLog, read_log


def test_what_came_after_the_checkpoint_is_dropped(tmp_path: Path) -> None:
    log = RunLog(tmp_path, length=0)
    log.write({"step": 1, "loss": 2.5})
    kept = log.length
    log.write({"step": 2, "loss": math.nan})
    log.flush()
    log.close()
    with (tmp_path / "log.jsonl").open("ab") as file:
        file.write(b'{"step": 3, "lo')
    assert read_log(tmp_path) == [{"step": 1, "loss": 2.5}, {"step": 2, "loss": None}]
    again = RunLog(tmp_path, length=kept)
    again.write({"step": 2, "loss": 2.0})
    again.close()
    assert read_log(tmp_path) == [{"step": 1, "loss": 2.5}, {"step": 2, "loss": 2.0}]


def test_a_log_shorter_than_its_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has 0 bytes where the checkpoint says 9"):
        RunLog(tmp_path, length=9)
    with pytest.raises(FileNotFoundError, match="holds no run"):
        read_log(tmp_path / "elsewhere")
