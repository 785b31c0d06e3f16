"""Building an output set: workers share its shards, and the last one to end completes it.

A folder being built holds `.build`: the run's identity, finished shards, one in progress for each
worker, and a lock for each. Locks belong to processes, so a killed worker holds none. The corpora
are joined from the shards and the manifest is written last.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from hallmark.data import held, write_atomically
from hallmark.lm.model import LanguageModel
from hallmark.models.folder import read_json, write_json
from hallmark.models.sizes import MANIFEST
from hallmark.outputs.identity import differing, identity_of
from hallmark.outputs.outputset import OutputSet, describe, open_outputs, write_outputs
from hallmark.outputs.plan import Corpus, Plan, Shard
from hallmark.outputs.records import read_records
from hallmark.outputs.shard import Writer, write_shard

BUILD = ".build"
_RUN = "run.json"
_WAIT = 0.25  # seconds between looks at shards that other workers hold


@dataclass(frozen=True)
class Models:
    """Where the models are, by the names in the plan, and how they are loaded."""

    folders: dict[str, Path]
    precision: str = "auto"
    device: str = "cpu"

    def load(self, name: str) -> LanguageModel:
        """The model of that name."""
        return LanguageModel.load(
            self.folders[name], name=name, device=self.device, precision=self.precision
        )


@dataclass(frozen=True)
class Step:
    """What has just been done: documents and tokens; `before` says an earlier start wrote them,
    or another worker did.
    """

    documents: int
    tokens: int
    before: bool


OnStep = Callable[[Step], None]


def build(
    folder: Path, plan: Plan, models: Models, *, on_step: OnStep = lambda _: None
) -> OutputSet:
    """Build the output set of `plan` in `folder`, or go on with it; at once where it is whole.

    The bytes depend on `plan` and `models` alone, not on kills and the number of workers.
    ValueError where the folder belongs to another run or to something else.
    """
    identity = identity_of(plan, models.folders, precision=models.precision, device=models.device)
    try:
        if _claim(folder, identity):
            on_step(Step(plan.total, 0, before=True))
        else:
            _Worker(folder, plan, models, on_step).run()
            _complete(folder, plan, identity)
    except FileNotFoundError:  # another worker has just completed the set and tidied up
        if not (folder / MANIFEST).is_file():
            raise
    return open_outputs(folder)


def _claim(folder: Path, identity: dict[str, Any]) -> bool:
    """Make the folder this run's; whether it is whole already."""
    folder.mkdir(parents=True, exist_ok=True)
    inside = folder / BUILD
    if not (folder / MANIFEST).is_file() and not inside.is_dir() and any(folder.iterdir()):
        raise ValueError(f"{folder} holds files that no build made; give a new folder")
    if (folder / MANIFEST).is_file():
        _check_same(folder, open_outputs(folder).manifest.get("run"), identity)
        shutil.rmtree(inside, ignore_errors=True)
        return True
    inside.mkdir(exist_ok=True)
    with FileLock(inside / "run.lock"):
        if (inside / _RUN).is_file():
            _check_same(folder, read_json(inside / _RUN), identity)
        else:
            write_json(inside / _RUN, identity)
    return (folder / MANIFEST).is_file() and _claim(folder, identity)


def _check_same(folder: Path, found: Any, identity: dict[str, Any]) -> None:
    """ValueError in one line where the folder is another run's."""
    if difference := differing(found, identity):
        raise ValueError(f"{folder} belongs to another run ({difference}); give a new folder")


class _Worker:
    """Takes shards that nobody holds until all are done; keeps one model loaded."""

    def __init__(self, folder: Path, plan: Plan, models: Models, on_step: OnStep) -> None:
        self.folder, self.inside = folder, folder / BUILD
        self.plan, self.models, self.on_step = plan, models, on_step
        self._corpus: Corpus | None = None
        self._writer: Writer | None = None

    def run(self) -> None:
        """Until every shard is done, by whomever."""
        left = list(self.plan.all_shards())
        while left:
            held = [shard for shard in left if not self._take(shard)]
            if len(held) == len(left):
                time.sleep(_WAIT)
            left = held

    def _take(self, shard: Shard) -> bool:
        """Write the shard where nobody else does; whether it is done."""
        path = self.inside / f"{shard.name}.jsonl"
        if not path.is_file():
            with held(self.inside / f"{shard.name}.lock") as mine:
                if not mine:
                    return False
                # A shard that is gone was tidied up, once the manifest was there.
                if not path.is_file() and not (self.folder / MANIFEST).is_file():
                    self._write(shard, path)
                    return True
        self.on_step(Step(shard.count, 0, before=True))
        return True

    def _write(self, shard: Shard, path: Path) -> None:
        write_shard(
            path, self.plan.tasks(shard), self._writer_of(shard.corpus),
            on_document=lambda tokens, before: self.on_step(Step(1, tokens, before=before)),
        )  # fmt: skip

    def _writer_of(self, corpus: Corpus) -> Writer:
        if self._writer is None or self._corpus != corpus:
            same = self._corpus is not None and self._corpus.model == corpus.model
            old = self._writer.model if self._writer and same else None
            self._writer = None  # let go of a model before the next is loaded
            model = old or self.models.load(corpus.model)
            self._corpus = corpus
            self._writer = Writer(model, corpus.setting, slots=self.plan.config.slots)
        return self._writer


def _complete(folder: Path, plan: Plan, identity: dict[str, Any]) -> None:
    """Join the shards into corpora, write the manifest, and tidy up."""
    inside = folder / BUILD
    with FileLock(inside / "run.lock"):
        if not (folder / MANIFEST).is_file():
            files = _join_all(folder, plan)
            for stale in folder.glob(f".{MANIFEST}.*"):  # of a worker killed while it wrote one
                stale.unlink()
            corpora = _corpora(plan, identity)
            write_outputs(folder, corpora=corpora, files=files, kind="generated", run=identity)
    shutil.rmtree(inside, ignore_errors=True)


def _join_all(folder: Path, plan: Plan) -> dict[str, Any]:
    """Every corpus file; what the manifest says of each."""
    return {
        (name := f"{corpus.source}.{split}.jsonl"): _join(folder, name, plan.shards(corpus, split))
        for corpus in plan.corpora
        for split, count in plan.config.counts.items()
        if count
    }


def _join(folder: Path, name: str, shards: Sequence[Shard]) -> dict[str, Any]:
    """One corpus file of its shards, made in `.build` and moved; what the manifest says of it."""
    inside = folder / BUILD
    joined = inside / f"joined-{name}"
    with write_atomically(joined) as file:
        for shard in shards:
            with (inside / f"{shard.name}.jsonl").open("rb") as part:
                shutil.copyfileobj(part, file)
    lengths = [record["length"] for record in read_records(joined)]
    os.replace(joined, folder / name)
    return describe(folder / name, documents=len(lengths), tokens=sum(lengths))


def _corpora(plan: Plan, identity: dict[str, Any]) -> dict[str, Any]:
    """What the manifest says of each corpus."""
    return {
        corpus.source: {
            "label": "synthetic", "model": corpus.model, **identity["models"][corpus.model],
            "prompted": bool(plan.prompts), "sampling": corpus.setting.record(),
        }
        for corpus in plan.corpora
    }  # fmt: skip
