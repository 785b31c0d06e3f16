"""One shard: documents as they are finished, then one file in order, renamed into place.

A shard in progress is a file of whole lines in no set order. After a kill its whole lines count,
and the rest is written again; `Writer.exact` says when that cannot change a bit.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from hallmark.data import write_atomically
from hallmark.lm.engine import fits
from hallmark.lm.model import LanguageModel
from hallmark.lm.row import Generation
from hallmark.models.precision import Precision
from hallmark.outputs.plan import Task
from hallmark.outputs.records import line_of
from hallmark.outputs.settings import Setting, with_top_p

OnDocument = Callable[[int, bool], None]  # tokens of a document; whether an earlier run wrote it
_SYNC_SECONDS = 5.0


class Writer:
    """A model under a setting, writing tasks."""

    def __init__(self, model: LanguageModel, setting: Setting, *, slots: int) -> None:
        self.model, self.setting, self.slots = model, setting, slots

    @property
    def exact(self) -> bool:
        """Whether a text has the same bits whatever is written beside it.

        So in compiled int8 and int4. Elsewhere the last bits of a logit depend on which texts
        share a pass, so a shard that was cut short begins again from its first document.
        """
        integers = self.model.precision in (Precision.INT8, Precision.INT4)
        return integers and fits(self.model.network)

    def write(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
        """Each task with its record, as texts end; those of one p are written together."""
        ordered = sorted(tasks, key=lambda task: (task.top_p, task.id))
        for top_p, same in groupby(ordered, key=lambda task: task.top_p):
            group = list(same)
            starts = [(task.prompt, task.seed) for task in group]
            params = with_top_p(self.setting.params, top_p)
            for i, generation in self.model.stream(starts, params, slots=self.slots):
                yield group[i], record_of(group[i], generation)


def record_of(task: Task, generation: Generation) -> dict[str, Any]:
    """A document's line: the release's fields, and ours. `length` counts the tokens drawn."""
    return {
        "id": task.id, "ended": generation.ended, "length": len(generation.tokens),
        "text": generation.text, "prompt": task.prompt, "top_p": task.top_p, "seed": task.seed,
    }  # fmt: skip


def write_shard(
    path: Path, tasks: Sequence[Task], writer: Writer, *, on_document: OnDocument
) -> None:
    """Write the documents of `tasks`, those of a run that was cut short left as they are."""
    partial = path.with_suffix(".partial")
    if not writer.exact:
        partial.unlink(missing_ok=True)
    with _Lines(partial, tasks) as lines:
        for length in lines.lengths:
            on_document(length, True)
        missing = [task for task in tasks if task.id not in lines.found]
        for task, record in writer.write(missing):
            lines.append(task.id, line_of(record))
            on_document(record["length"], False)
    with write_atomically(path) as file:
        file.writelines(lines.found[task.id] for task in tasks)
    partial.unlink(missing_ok=True)


class _Lines:
    """The lines of a shard in progress: those found on disk, and new ones behind them."""

    def __init__(self, path: Path, tasks: Sequence[Task]) -> None:
        self.path = path
        self.found: dict[int, bytes] = {}
        self.lengths: list[int] = []
        self._synced = time.monotonic()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        self._recover({task.id: task.seed for task in tasks})

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def append(self, id: int, line: bytes) -> None:
        """Add a document; it outlives this process at once, and the machine after some seconds."""
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                os.fsync(self._file)
                self._synced = time.monotonic()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        self.found[id] = line

    def _recover(self, seeds: dict[int, int]) -> None:
        """Keep the whole lines at the beginning, cut off what follows them."""
        good = 0
        with os.fdopen(os.dup(self._file), "rb") as file:
            for line in file:
                record = _record(line)
                id = record.get("id")
                if id not in seeds or id in self.found or record.get("seed") != seeds[id]:
                    break
                self.found[id] = line
                self.lengths.append(record["length"])
                good += len(line)
        os.ftruncate(self._file, good)
        os.lseek(self._file, good, os.SEEK_SET)


def _record(line: bytes) -> dict[str, Any]:
    """The record on a line that is whole; empty for any other."""
    if not line.endswith(b"\n"):
        return {}
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) and line_of(value) == line else {}
