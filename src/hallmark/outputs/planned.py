"""The plan of a finished output set, read back from its manifest and files."""

from __future__ import annotations

from dataclasses import fields

from hallmark.outputs.outputset import OutputSet
from hallmark.outputs.plan import Corpus, Plan, prompt_ranges
from hallmark.outputs.records import read_records
from hallmark.outputs.settings import BuildConfig


def plan_of(outputs: OutputSet) -> Plan | None:
    """What was to be written; None where the files were imported.

    Prompts are read from the documents, which hold the first use of each in order. ValueError
    where the manifest is damaged.
    """
    run = outputs.manifest.get("run")
    if outputs.manifest.get("kind") != "generated" or not isinstance(run, dict):
        return None
    try:
        config = BuildConfig(**{f.name: run[f.name] for f in fields(BuildConfig)})
        settings = {s.text: s for s in config.settings()}
        corpora = tuple(
            Corpus(source, about["model"], settings[about["sampling"]["setting"]])
            for source, about in outputs.manifest["corpora"].items()
        )
        count = int(run["prompts"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{outputs.folder} has a damaged manifest ({error})") from None
    prompts = _prompts(outputs, corpora[0], config, count) if count else ()
    return Plan(config, corpora, prompts)


def _prompts(
    outputs: OutputSet, corpus: Corpus, config: BuildConfig, count: int
) -> tuple[str, ...]:
    """The run's prompts; those that no document used are empty."""
    found = [""] * count
    for split, (low, high) in prompt_ranges(count, config).items():
        part = outputs.part(corpus.source, split)
        for i, record in enumerate(read_records(part.path) if part.path.is_file() else ()):
            if i == high - low:
                break
            found[low + i] = str(record.get("prompt") or "")
    return tuple(found)
