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
