"""A folder of output shards: whose it is, what is left to do, and its manifest, written last.

The bytes depend on the stage and the inputs alone: not on the number of workers, on who made which
shard, nor on kills. Locks belong to processes, so a killed run holds none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hallmark.data import claimed
from hallmark.models.folder import read_json, write_json
from hallmark.models.sizes import MANIFEST
from hallmark.outputs.identity import differing
from hallmark.scale.inputs import Shard
from hallmark.scale.shards import Done, Stage, Task, describe
from hallmark.scale.traces import Traces, join_traces

FORMAT, VERSION = "hallmark-corpus", 1
_RUN = "run.json"
Map = Callable[[Stage, Sequence[Task]], Iterator[Done]]
OnDone = Callable[[Done], None]


@dataclass(frozen=True)
class Outcome:
    """What a run came to: every shard in order, and the manifest where all are done."""

    folder: Path
    shards: tuple[Done, ...]
    manifest: dict[str, Any] | None

    @property
    def errors(self) -> list[str]:
        """Why shards are missing, a line each."""
        return [done.error for done in self.shards if done.error]


def run(
    stage: Stage, shards: Sequence[Shard], folder: Path, *, mapped: Map,
    on_done: OnDone = lambda _: None,
) -> Outcome:  # fmt: skip
    """Do what is left of `shards` in `folder`; at once where all is done.

    A shard that cannot be read does not keep the others from being done; the manifest is written
    once there is none. ValueError where the folder is another run's, or another is at work in it.
    """
    own = {**stage.identity(), "inputs": [shard.path.name for shard in shards]}
    folder.mkdir(parents=True, exist_ok=True)
    with _claimed(folder, own):
        identity = json.dumps(stage.identity(), sort_keys=True)
        tasks = [Task(shard, folder.resolve(), identity) for shard in shards]
        found: list[Done] = []
        for done in mapped(stage, tasks):
            found.append(done)
            on_done(done)
        found.sort(key=lambda done: done.number)
        whole = not any(done.error for done in found)
        manifest = _complete(stage, folder, own, found) if whole else None
    return Outcome(folder, tuple(found), manifest)


@contextmanager
def _claimed(folder: Path, own: dict[str, Any]) -> Iterator[None]:
    """Hold the folder for this run; what `run.json` says must be the same."""
    known = (folder / _RUN).is_file()
    if not known and any(not path.name.startswith(".") for path in folder.iterdir()):
        raise ValueError(f"{folder} holds files that no corpus command made; give a new --out")
    with claimed(folder):
        if (folder / _RUN).is_file():
            if difference := differing(read_json(folder / _RUN), own):
                raise ValueError(
                    f"{folder} belongs to another run ({difference}); give a new --out"
                )
        else:
            write_json(folder / _RUN, own)
        yield


def _complete(
    stage: Stage, folder: Path, own: dict[str, Any], found: Sequence[Done]
) -> dict[str, Any]:
    """The manifest, after what all shards have in common where the stage asks for that."""
    parts = [Shard(done.number, Path()).output for done in found]
    files = {
        part: {"rows": done.rows, "size": done.size, "sha256": done.sha256}
        for part, done in zip(parts, found, strict=True)
    }
    if (folder / MANIFEST).is_file():
        return _checked(folder, files)
    if isinstance(stage, Traces):
        paths = [folder / part for part in parts]
        joined = join_traces(folder, paths, content=bool(stage.detector))
        files |= {name: describe(folder / name) for name in joined}
    for pattern in (".*.parquet.*", f".{_RUN}.*", f".{MANIFEST}.*"):
        for stale in folder.glob(pattern):  # of a process killed while it wrote a file
            stale.unlink(missing_ok=True)
    inputs = [
        {"name": done.name, "size": done.input_size, "sha256": done.input_sha256} for done in found
    ]
    manifest = {"format": FORMAT, "version": VERSION, "run": own, "inputs": inputs, "files": files}
    write_json(folder / MANIFEST, manifest)
    return manifest


def _checked(folder: Path, found: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a folder that was whole; ValueError where a file is not what it says."""
    manifest = read_json(folder / MANIFEST)
    for name, about in dict(manifest.get("files") or {}).items():
        path = folder / Path(name).name
        if not path.is_file() or about != (found.get(name) or describe(path)):
            raise ValueError(
                f"{path} is not the file that {MANIFEST} describes; delete both, and give the same "
                "command again"
            )
    return manifest
