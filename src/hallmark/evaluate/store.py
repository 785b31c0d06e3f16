"""Fitted detectors and score arrays on disk, by the hash of all that they depend on.

Whatever is there is whole (written beside and renamed), so a killed run goes on where it was, and
two runs may share a store.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hallmark.detect.stored import Arrays, read_arrays, write_arrays
from hallmark.stats import Floats


def key_of(**parts: Any) -> str:
    """The hash of what something depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:40]


class Store:
    """A folder of results that are never wrong, only unneeded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("scores", "detectors", "unfinished"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def arrays(self, key: str, make: Callable[[], Arrays]) -> Arrays:
        """The arrays under `key`, made where they are not there; a damaged file is made again."""
        path = self.folder / "scores" / f"{key}.safetensors"
        if path.is_file():
            try:
                return read_arrays(path)
            except (ValueError, OSError):
                path.unlink()
        made = make()
        write_arrays(path, made)
        return made

    def scores(self, key: str, make: Callable[[], Floats]) -> Floats:
        """One array of scores under `key`."""
        found = self.arrays(key, lambda: {"scores": np.asarray(make(), dtype=np.float64)})
        return np.asarray(found["scores"], dtype=np.float64)

    def detector(self, key: str, make: Callable[[Path, Path], None]) -> Path:
        """The folder of the fitted detector under `key`.

        make: is given the folder to save to, and one for its work that outlives a kill.
        """
        path = self.folder / "detectors" / key
        if not path.is_dir():
            fresh = self.folder / "unfinished" / f"{key}.{os.getpid()}"
            shutil.rmtree(fresh, ignore_errors=True)
            work = self.folder / "unfinished" / key
            make(fresh, work)
            try:
                fresh.rename(path)
            except OSError:  # another run was faster
                if not path.is_dir():
                    raise
                shutil.rmtree(fresh)
            shutil.rmtree(work, ignore_errors=True)
        return path
