"""One function from an input shard to an atomically named output shard, and what it leaves behind.

Whoever runs it, and however often: the bytes are the same, a finished shard is not done again, and
one of another run is never taken for its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hallmark.data import load_pyarrow, write_atomically
from hallmark.models.folder import sha256_of
from hallmark.scale.inputs import Record, Shard, read_groups

_KEY = b"hallmark"  # of what an output shard says of itself
Columns = Mapping[str, Any]


class Opened(Protocol):
    """A stage with what it needs in memory."""

    def columns(self, records: Sequence[Record]) -> Columns:
        """Of each column of the stage its values, one a record; ValueError names a bad record."""
        ...


class Stage(Protocol):
    """What is done with every record. Small and without state: it is sent to the workers."""

    @property
    def schema(self) -> Mapping[str, str]:
        """Name and type of each column that it makes, as pyarrow calls types."""
        ...

    def identity(self) -> dict[str, Any]:
        """All that its bytes depend on: settings, hashes of models, versions."""
        ...

    def open(self) -> Opened:
        """Load what it needs; ValueError where that is not here."""
        ...


@dataclass(frozen=True)
class Task:
    """A shard to do, the folder for its output, and the identity of the run (as JSON)."""

    shard: Shard
    folder: Path
    identity: str

    @property
    def output(self) -> Path:
        """The output shard."""
        return self.folder / self.shard.output


@dataclass(frozen=True)
class Done:
    """What became of an input called `name`: the output's `rows`, `size` and `sha256`.

    before: it was there already. error: why there is none.
    """

    number: int
    name: str
    input_size: int = 0
    input_sha256: str = ""
    rows: int = 0
    size: int = 0
    sha256: str = ""
    before: bool = False
    error: str = ""


def run_shard(stage: Stage, opened: Opened, task: Task) -> Done:
    """Make the output shard of a task, unless it is there.

    A shard that cannot be read leaves no file and is said in `error`, in one line.
    """
    path = task.shard.path
    try:
        size, sha256 = path.stat().st_size, sha256_of(path)
        about = {"identity": task.identity, "input": sha256}
        before = task.output.is_file()
        if before:
            _check_own(task, about)
        else:
            _write(stage, opened, task, about)
        made = describe(task.output)
        return Done(task.shard.number, path.name, size, sha256, **made, before=before)
    except (ValueError, OSError, FloatingPointError, MemoryError) as error:
        return failed(task, _line(error, path))


def failed(task: Task, error: str) -> Done:
    """A shard that nothing came of."""
    return Done(task.shard.number, task.shard.path.name, error=error)


def describe(path: Path) -> dict[str, Any]:
    """What a manifest says of a Parquet file."""
    _, parquet = load_pyarrow(path)
    rows = int(parquet.read_metadata(path).num_rows)
    return {"rows": rows, "size": path.stat().st_size, "sha256": sha256_of(path)}


def _check_own(task: Task, about: Mapping[str, str]) -> None:
    """ValueError where an output shard is of another run or of another input, or not whole."""
    arrow, parquet = load_pyarrow(task.output)
    try:
        found = json.loads((parquet.read_schema(task.output).metadata or {}).get(_KEY, b"{}"))
    except (arrow.ArrowInvalid, ValueError):
        found = {}
    if found.get("identity") != about["identity"]:
        raise ValueError(
            f"{task.output} is of another run or damaged; delete it, or give a new --out"
        )
    if found.get("input") != about["input"]:
        raise ValueError(
            f"{task.shard.path} has changed since {task.output.name} was made of it; delete that, "
            "or give a new --out"
        )


def _write(stage: Stage, opened: Opened, task: Task, about: Mapping[str, str]) -> None:
    arrow, parquet = load_pyarrow(task.output)
    fields = [(name, type_of(kind)) for name, kind in stage.schema.items()]
    schema = arrow.schema(fields, metadata={_KEY: json.dumps(about)})
    with (
        write_atomically(task.output) as file,
        parquet.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        for group in read_groups(task.shard.path):
            found = opened.columns(group)
            arrays = [
                found[name] if isinstance(found[name], arrow.Array)
                else arrow.array(found[name], type=kind)
                for name, kind in fields
            ]  # fmt: skip
            writer.write_batch(arrow.record_batch(arrays, schema=schema))


def type_of(kind: str) -> Any:
    """pyarrow's type of that name; `list KIND` is a list of them."""
    import pyarrow

    if kind.startswith("list "):
        return pyarrow.list_(type_of(kind.removeprefix("list ")))
    return pyarrow.type_for_alias(kind)


def _line(error: Exception, path: Path) -> str:
    """The error in one line that names the shard."""
    if isinstance(error, OSError) and error.strerror:
        said = f"{error.filename or path}: {error.strerror}"
    elif isinstance(error, MemoryError):
        said = f"{path}: out of memory; give smaller shards or fewer workers"
    else:
        said = str(error) or type(error).__name__
    said = " ".join(said.split())
    return said if path.name in said else f"{path}: {said}"
