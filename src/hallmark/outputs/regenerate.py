"""A sample of an output set's documents written again from their seeds, and compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hallmark.lm.model import LanguageModel
from hallmark.outputs.identity import model_hashes
from hallmark.outputs.outputset import OutputSet
from hallmark.outputs.plan import Corpus, Plan, Shard
from hallmark.outputs.planned import plan_of
from hallmark.outputs.records import read_records
from hallmark.outputs.shard import Writer
from hallmark.outputs.verify import Report

_COMPARED = ("text", "length", "ended")
Place = tuple[Corpus, str, int]  # corpus, split, index in it


def regenerate(
    outputs: OutputSet, folders: Mapping[str, Path], report: Report, *, count: int, seed: int = 0
) -> None:
    """Write `count` documents again, drawn at random, and add to `report` what differs.

    folders: of the models by their names in the manifest. Where bits depend on what is written
    beside a text, one that differs is written again with its whole shard, as it was at first.
    ValueError where the set was imported, or a folder holds another model.
    """
    plan = plan_of(outputs)
    if plan is None:
        raise ValueError(f"{outputs.folder} was imported: there are no seeds to write it again")
    chosen = _sample(plan, count=count, seed=seed)
    for corpus in plan.corpora:
        places = [place for place in chosen if place[0] == corpus]
        if places:
            _compare(outputs, plan, places, _writer(outputs, plan, corpus, folders), report)


def _sample(plan: Plan, *, count: int, seed: int) -> list[Place]:
    """Places of different documents, all as likely."""
    generator = np.random.default_rng(seed)
    numbers = generator.choice(plan.total, min(count, plan.total), replace=False)
    places = []
    for number in sorted(numbers.tolist()):
        corpus, index = divmod(number, plan.config.total)
        for split, n in plan.config.counts.items():
            if index < n:
                places.append((plan.corpora[corpus], split, index))
                break
            index -= n
    return places


def _writer(outputs: OutputSet, plan: Plan, corpus: Corpus, folders: Mapping[str, Path]) -> Writer:
    about, folder = outputs.manifest["corpora"][corpus.source], folders[corpus.model]
    hashes = model_hashes(folder)
    if any(about[name] != value for name, value in hashes.items()):
        raise ValueError(f"{folder} is not the model that wrote {corpus.source}; give that one")
    run = outputs.manifest["run"]
    model = LanguageModel.load(
        folder, name=corpus.model, device=run["device"], precision=about["precision"]
    )
    return Writer(model, corpus.setting, slots=plan.config.slots)


def _compare(
    outputs: OutputSet, plan: Plan, places: list[Place], writer: Writer, report: Report
) -> None:
    """Write the documents of one corpus again."""
    tasks = {plan.task(*place).id: place for place in places}
    kept = _kept(outputs, places)
    written = writer.write([plan.task(*place) for place in places])
    for task, record in sorted(written, key=lambda pair: pair[0].id):
        corpus, split, index = tasks[task.id]
        same = _same(record, kept[task.id])
        if not same and not writer.exact:
            same = _same(_within_shard(plan, tasks[task.id], writer), kept[task.id])
        if same:
            report.regenerated += 1
        else:
            report.add(
                f"{corpus.source}.{split}, record {index + 1}: seed {task.seed} writes another "
                "text here; the file was changed, or this machine computes otherwise"
            )


def _kept(outputs: OutputSet, places: list[Place]) -> dict[int, dict[str, Any]]:
    """The records on disk, by id."""
    found = {}
    for split in dict.fromkeys(place[1] for place in places):
        wanted = {index for _, s, index in places if s == split}
        records = read_records(outputs.part(places[0][0].source, split).path)
        for index, record in enumerate(records):
            if index in wanted:
                found[record["id"]] = record
    return found


def _within_shard(plan: Plan, place: Place, writer: Writer) -> dict[str, Any]:
    """A document written with all that was written beside it."""
    corpus, split, index = place
    shard: Shard = plan.shards(corpus, split)[index // plan.config.shard]
    wanted = plan.task(corpus, split, index).id
    return next(r for task, r in writer.write(plan.tasks(shard)) if task.id == wanted)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[name] == other[name] for name in _COMPARED)
