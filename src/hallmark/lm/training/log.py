"""A run's log: JSON lines that depend on seed and data alone, never on the clock.

So the log of a run that was killed and went on is, byte for byte, that of one that was not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hallmark.data import finite

LOG = "log.jsonl"


class RunLog:
    """The log of one run, open for appending; `length` is what was written so far, in bytes."""

    def __init__(self, folder: Path, *, length: int) -> None:
        """Open the log and drop what a killed run wrote after the checkpoint at `length`.

        ValueError where the log is shorter than the checkpoint says.
        """
        self._path = folder / LOG
        self._file = self._path.open("ab")
        found = self._path.stat().st_size
        if found < length:
            self._file.close()
            raise ValueError(
                f"{self._path} has {found} bytes where the checkpoint says {length}; restore it, "
                "or start again in a new folder"
            )
        os.truncate(self._path, length)
        self.length = length

    def write(self, values: Mapping[str, Any]) -> None:
        """Append one line; numbers that are not finite become null."""
        line = json.dumps(finite(values), ensure_ascii=False, allow_nan=False).encode() + b"\n"
        self._file.write(line)
        self.length += len(line)

    def flush(self) -> None:
        """Bring every line to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def held_out(log: list[dict[str, Any]], step: int) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The validations before the first step and at `step`; None where one was not logged."""
    found = {line["step"]: line for line in log if "valid_loss" in line}
    return (found[0], found[step]) if 0 in found and step in found else None


def risen(log: list[dict[str, Any]], step: int) -> str:
    """In words, that the held-out loss at `step` is above that of the start; else nothing."""
    both = held_out(log, step)
    if both is None or both[1]["valid_loss"] <= both[0]["valid_loss"]:
        return ""
    before, after = (line["valid_loss"] for line in both)
    return f"held-out loss rose from {before:.4f} to {after:.4f}; lower --lr"


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's log; one that a killed run left unfinished is passed over."""
    path = folder / LOG
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no run: {LOG} is missing")
    records = []
    for line in path.read_bytes().splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records
