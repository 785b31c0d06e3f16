"""People's texts for a run: the user's own files, or pieces of what is at hand everywhere.

At hand are the few texts in the package and the reference manual that comes with Python. Knows
neither detectors nor studies.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from hallmark.data import write_atomically
from hallmark.models.folder import sha256_of
from hallmark.models.sizes import BUNDLED
from hallmark.models.tokenizer import Tokenizer
from hallmark.outputs.imports import find_files, practised
from hallmark.outputs.names import PRACTICE, SPLITS
from hallmark.outputs.records import line_of, read_records
from hallmark.study.texts import sentences

MOST = 150  # pieces of what is at hand
LIMIT = (
    "The human text is what is at hand on any machine: an editorial of 1897 and the reference "
    "manual of Python, the same authors in training and test. All that compares with human "
    "text is a trial of the machinery and no finding. Take texts of your own instead."
)
_TURNS = ("train", "test", "train", "valid", "test")  # which split the next piece belongs to
_PROSE = re.compile(r"[A-Z][^{}<>|=_*`\\]{120,}[.]")


def write_people(given: Path | None, out: Path, *, tokens: int, tokenizer: Path) -> dict[str, Any]:
    """Copy the files in `given`, or cut what is at hand into pieces of `tokens` and more.

    Returns what there is of each file. ValueError where a split is missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    if given is None:
        _write_at_hand(out, tokens=tokens, tokenizer=Tokenizer.load(tokenizer))
    else:
        for path in find_files([given]).values():
            shutil.copyfile(path, out / path.name)
    files = find_files([out])
    if missing := [s for s in SPLITS if s not in {split for _, split in files}]:
        raise ValueError(
            f"{given} has no {', '.join(missing)} split; give SOURCE.SPLIT.jsonl of all three"
        )
    return {
        "limit": LIMIT if practised(out) else None,
        "files": [
            {"source": source, "split": split, "name": path.name, "sha256": sha256_of(path),
             "documents": sum(1 for _ in read_records(path))}
            for (source, split), path in files.items()
        ],
    }  # fmt: skip


def texts_of(folder: Path, split: str) -> Iterator[dict[str, Any]]:
    """The records of one split of every source, in order."""
    for (_, own), path in find_files([folder]).items():
        if own == split:
            yield from read_records(path)


def _write_at_hand(out: Path, *, tokens: int, tokenizer: Tokenizer) -> None:
    found: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for number, text in enumerate(islice(dict.fromkeys(pieces(tokenizer, tokens=tokens)), MOST)):
        length = len(tokenizer.encode(text))
        record = {"id": number, "ended": False, "length": length, "text": text, "practice": True}
        found[_TURNS[number % len(_TURNS)]].append(record)
    for split, records in found.items():
        with write_atomically(out / f"{PRACTICE}.{split}.jsonl") as file:
            file.writelines(line_of(record) for record in records)


def pieces(tokenizer: Tokenizer, *, tokens: int) -> Iterator[str]:
    """Whole sentences of `tokens` and more; a shorter rest is left out."""
    for text in dict.fromkeys(islice(_at_hand(), 10 * MOST)):
        piece: list[str] = []
        for sentence in sentences(text):
            piece.append(sentence)
            if len(tokenizer.encode(" ".join(piece))) >= tokens:
                yield " ".join(piece)
                piece = []


def _at_hand() -> Iterator[str]:
    """The package's texts, then the paragraphs of prose of Python's manual."""
    for path in sorted((BUNDLED / "texts").glob("*.txt")):
        yield path.read_text(encoding="utf-8")
    from pydoc_data.topics import topics

    for name in sorted(topics):
        for paragraph in topics[name].split("\n\n"):
            text = " ".join(paragraph.split())
            if _PROSE.fullmatch(text):
                yield text
