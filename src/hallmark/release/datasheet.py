"""Dataset card and datasheet of an output set, from its manifest alone.

The questions are those of "Datasheets for Datasets" (Gebru et al. 2021). What a manifest does not
know is left to people, and said so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hallmark.outputs.outputset import OutputSet
from hallmark.release.card import About, front_matter
from hallmark.release.decide import ONLY_PEOPLE
from hallmark.release.record import cell

_SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M")
_OPEN = f"Not in the manifest; {ONLY_PEOPLE}."


def dataset_card(outputs: OutputSet, about: About) -> str:
    """Hugging Face's card: a configuration for each corpus, and its files by split."""
    total = sum(part.documents for part in outputs.parts)
    values = {
        **({"license": about.license} if about.license else {}),
        "language": about.language, "pretty_name": about.name,
        "size_categories": [size_category(total)], "task_categories": ["text-classification"],
        "tags": ["machine-generated-text", "hallmark"],
        "configs": [_config(outputs, source) for source in outputs.sources],
    }  # fmt: skip
    lines = [
        f"# {about.name}\n",
        f"{total:,} documents in {len(outputs.parts)} files, for training and testing detectors "
        "of synthetic text. See `datasheet.md` for how they came to be.\n",
        *file_table(outputs),
        "\nMuch of this text reads as fact and is none. It is not for training models that people "
        "are to believe.",
    ]
    return front_matter(values) + "\n" + "\n".join(lines) + "\n"


def size_category(n: int) -> str:
    """Hugging Face's name for a number of documents."""
    return _SIZES[min(max(len(str(n)) - 3, 0), len(_SIZES) - 1)]


def _config(outputs: OutputSet, source: str) -> dict[str, Any]:
    parts = [part for part in outputs.parts if part.source == source]
    files = [{"split": part.split, "path": part.path.name} for part in parts]
    return {"config_name": source, "data_files": files}


def file_table(outputs: OutputSet) -> Iterator[str]:
    """One row a file."""
    yield "| Corpus | Split | Written by | Documents | Tokens | SHA-256 |"
    yield "|---|---|---|---|---|---|"
    for p in outputs.parts:
        counts = f"{p.documents:,} | {p.tokens:,} | `{p.sha256}`"
        yield f"| {cell(p.source)} | {p.split} | {writer(p.label)} | {counts} |"


def writer(label: int) -> str:
    """Who wrote the texts of a label."""
    return "a model" if label else "people"


def datasheet(outputs: OutputSet, about: About) -> str:
    """The seven parts of a datasheet."""
    return "\n".join([f"# Datasheet: {about.name}", *_parts(outputs, about)]) + "\n"


def _parts(outputs: OutputSet, about: About) -> Iterator[str]:
    yield from _asked("Motivation", {
        "For what was it made?": "To train detectors of synthetic text and to measure them.",
        "Who made it, and who paid?": _OPEN,
    })  # fmt: skip
    yield from _asked("Composition", {
        "What is in it?": "Texts, one JSON object each: id, ended, length in tokens, text.",
        "Is there a label?": "Yes, by corpus: a model wrote it, or people did.",
        "Could it identify or offend people?": (
            "Hallmark looked for none of that. Models write about real people and can offend."
        ),
    })  # fmt: skip
    yield ""
    yield from file_table(outputs)
    yield from _asked("Collection process", {
        f"How did {source} come to be?": _origin(outputs, source) for source in outputs.sources
    })  # fmt: skip
    run = outputs.manifest.get("run") or {}
    limit = run.get("max_tokens")
    yield from _asked("Preprocessing", {
        "Was anything cut or cleaned?": (
            f"Each text has at most {limit:,} tokens; nothing else." if limit else _OPEN
        ),
    })  # fmt: skip
    yield from _asked("Uses", {"What should it not be used for?": _OPEN})
    yield from _asked("Distribution", {"Under which terms?": about.license or _OPEN})
    yield from _asked("Maintenance", {"Who keeps it, and mends what is wrong?": _OPEN})


def _asked(part: str, answers: dict[str, str]) -> Iterator[str]:
    yield f"\n## {part}"
    for question, answer in answers.items():
        yield f"\n**{cell(question)}** {answer}"


def _origin(outputs: OutputSet, source: str) -> str:
    """How one corpus was made, as far as the manifest says."""
    about, run = outputs.manifest["corpora"][source], outputs.manifest.get("run") or {}
    if "model" not in about:
        return "It was imported as it is. " + _OPEN
    setting = about.get("sampling", {}).get("setting", "unknown")
    prompt = "going on from prompts" if about.get("prompted") else "from nothing"
    hashed = about.get("model_sha256", "unknown")
    versions = ", ".join(f"{n} {run[n]}" for n in ("hallmark", "torch") if n in run)
    return (
        f"Drawn from the model {cell(str(about['model']))} (SHA-256 of its files `{hashed}`, "
        f"precision {about.get('precision', 'unknown')}), sampling `{setting}`, {prompt}, seed "
        f"{run.get('seed', 'unknown')}, by {versions or 'unknown versions'}. The same run gives "
        "the same bytes; `hallmark outputs verify --regenerate` tries it."
    )
