"""Stages that run once: inputs' hashes in, output files and a marker out; nothing twice.

Killed at any moment, the same list goes on. Knows nothing of what a stage does.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hallmark.data import claimed
from hallmark.models.folder import read_json, sha256_of, write_json

MARKERS = ".stages"
Tell = Callable[[float, str], None]  # the share of a stage that is done, and what comes next


@dataclass(frozen=True)
class Stage:
    """One step. `run` writes all of `outputs` (files or folders within the run's folder).

    inputs: files and folders that it reads; settings: all else that it depends on. resumes: it
    goes on with outputs that are half there; else they are cleared first. cost: seconds that it is
    expected to take, for the time left.
    """

    name: str
    what: str
    outputs: tuple[str, ...]
    run: Callable[[Tell], None]
    inputs: tuple[Path, ...] = ()
    settings: Mapping[str, Any] | None = None
    resumes: bool = False
    cost: float = 1.0


@dataclass(frozen=True)
class Progress:
    """Stages done of all, what is under way, and the seconds that are left as far as is known."""

    done: int
    total: int
    stage: str
    what: str
    left: float | None


OnProgress = Callable[[Progress], None]


def run_stages(
    folder: Path, stages: Sequence[Stage], *, on_progress: OnProgress = lambda _: None
) -> list[str]:
    """Run what is not up to date, in order; the names of the stages that ran.

    ValueError where another run is at work in the folder, or where a finished stage's output is
    not what it wrote: whoever edited it must delete it, as nothing is written over in silence.
    """
    with claimed(folder, lock=f"{MARKERS}/lock"):
        clock = _Clock(stages, on_progress)
        ran = []
        for stage in stages:
            key = key_of(stage)
            if is_done(folder, stage, key):
                clock.skip(stage)
                continue
            _clear(folder, stage, key)
            began = time.monotonic()
            stage.run(clock.begin(stage))
            hashes = dict(_hashes(folder, stage.outputs))
            seconds = round(time.monotonic() - began, 1)
            write_json(_marker(folder, stage), {"key": key, "seconds": seconds, "outputs": hashes})
            clock.end(stage)
            ran.append(stage.name)
    return ran


def key_of(stage: Stage) -> str:
    """The hash of all that a stage depends on."""
    inputs = [list(_hashes(path.parent, (path.name,))) for path in stage.inputs]
    text = json.dumps([stage.name, stage.settings, stage.outputs, inputs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def is_done(folder: Path, stage: Stage, key: str) -> bool:
    """Whether a stage ran with these inputs and all that it wrote is there.

    ValueError where what it wrote was changed since.
    """
    marker = _read(_marker(folder, stage))
    if marker.get("key") != key:
        return False
    written = marker.get("outputs")
    now = dict(_hashes(folder, stage.outputs))
    if not isinstance(written, dict) or written.keys() - now.keys():
        return False
    for name, sha256 in written.items():
        if now[name] != sha256:
            raise ValueError(
                f"{folder / name} is not what the stage {stage.name} wrote; delete it to have it "
                "made again"
            )
    return True


def _clear(folder: Path, stage: Stage, key: str) -> None:
    """Remove outputs of other inputs, and half-made ones that the stage cannot go on with."""
    marker = _marker(folder, stage)
    stale = marker.is_file() and _read(marker).get("key") != key
    if stale or not stage.resumes:
        for name in stage.outputs:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    marker.unlink(missing_ok=True)


def _hashes(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each file with its hash, those in folders too; hidden ones belong to work under way."""
    for name in names:
        path = folder / name
        if path.is_dir():
            inside = sorted(p.relative_to(folder) for p in path.rglob("*") if p.is_file())
            for file in inside:
                if not any(part.startswith(".") for part in file.parts):
                    yield file.as_posix(), sha256_of(folder / file)
        elif path.is_file():
            yield name, sha256_of(path)


def _marker(folder: Path, stage: Stage) -> Path:
    return folder / MARKERS / f"{stage.name}.json"


def _read(path: Path) -> dict[str, Any]:
    """A marker; an unreadable one is none."""
    try:
        return read_json(path)
    except (FileNotFoundError, ValueError):
        return {}


_TRUST = 0.1  # what is expected counts as if this share of all work had gone so
_TRUSTED = 5.0  # seconds, at least


class _Clock:
    """How much is left, by what each stage is expected to cost and how fast this machine is."""

    def __init__(self, stages: Sequence[Stage], on_progress: OnProgress) -> None:
        self.stages, self.on_progress = stages, on_progress
        self.began = time.monotonic()
        self.trust = max(_TRUST * sum(stage.cost for stage in stages), _TRUSTED)
        self.past = 0  # stages that are done
        self.spent = 0.0  # cost of those that were run by this start

    def skip(self, stage: Stage) -> None:
        """The stage was done before."""
        self.past += 1
        self.on_progress(Progress(self.past, len(self.stages), stage.name, "done before", None))

    def begin(self, stage: Stage) -> Tell:
        """What a stage calls as it goes on."""

        def tell(share: float, what: str) -> None:
            done = self.spent + share * stage.cost
            left = sum(s.cost for s in self.stages[self.past :]) - share * stage.cost
            speed = (time.monotonic() - self.began + self.trust) / (done + self.trust)
            eta = speed * left
            total = len(self.stages)
            self.on_progress(Progress(self.past, total, stage.name, what, max(eta, 0.0)))

        tell(0.0, stage.what)
        return tell

    def end(self, stage: Stage) -> None:
        """The stage is done."""
        self.past += 1
        self.spent += stage.cost
