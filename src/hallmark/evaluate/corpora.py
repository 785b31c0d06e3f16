"""Every text of a cross table, cut to equal numbers of tokens.

Texts are normalised, so that format is not evidence, and left out at a length that they do not
reach. Prompts are fields of their own in an output set and never part of a text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hallmark.detect.cutting import decoded
from hallmark.detect.normalise import normalise
from hallmark.evaluate.plan import Column, column_of, ordered
from hallmark.models.tokenizer import Tokenizer
from hallmark.outputs.imports import find_files, practised
from hallmark.outputs.names import SPLITS
from hallmark.outputs.outputset import open_outputs
from hallmark.outputs.records import read_records

HUMAN = "human"
LEAST = 2  # texts of a split at the table's length: fewer have no interval


@dataclass(frozen=True)
class Sample:
    """A normalised text as the ids of all its tokens."""

    ids: tuple[int, ...]


class Corpora:
    """Texts by source and split; the source `human` is the human corpus.

    practice: what a result says where these are practice texts, see `practised`.
    """

    def __init__(
        self,
        samples: dict[tuple[str, str], list[Sample]],
        columns: Sequence[Column],
        tokenizer: Tokenizer,
        practice: dict[str, bool],
    ) -> None:
        self.columns = tuple(columns)
        self.practice = practice
        self.tokenizer = tokenizer
        self._samples = samples
        self.texts = cache(self._texts)
        self.digest = cache(self._digest)

    def reaching(self, source: str, split: str, length: int) -> list[Sample]:
        """The samples with at least `length` tokens."""
        return [s for s in self._samples.get((source, split), []) if len(s.ids) >= length]

    def _texts(self, source: str, split: str, length: int) -> tuple[str, ...]:
        found = self.reaching(source, split, length)
        return tuple(decoded(s.ids[:length], self.tokenizer) for s in found)

    def _digest(self, source: str, split: str, length: int) -> str:
        """SHA-256 of the texts of one source and split at one length."""
        return hashlib.sha256(json.dumps(self.texts(source, split, length)).encode()).hexdigest()


def read_corpora(outputs: Sequence[Path], human: Path, *, tokenizer: Tokenizer) -> Corpora:
    """The corpora of output sets, and people's texts from SOURCE.SPLIT.jsonl files.

    ValueError where a source comes twice, a split is missing, or a human text is in two splits.
    """
    samples: dict[tuple[str, str], list[Sample]] = {}
    columns: list[Column] = []
    for folder in outputs:
        opened = open_outputs(folder)
        about = opened.manifest["corpora"]
        for source in opened.sources:
            splits = [p.split for p in opened.parts if p.source == source and p.documents]
            if source in {c.source for c in columns} or source == HUMAN:
                raise ValueError(f"{folder}: {source} stands twice; give each corpus once")
            columns.append(column_of(source, about[source], trained="train" in splits))
            for split in splits:
                texts = (d.text for d in opened.documents(source, split))
                samples[source, split] = _encode(texts, tokenizer)
    samples |= _read_human(human, tokenizer)
    return Corpora(samples, ordered(columns), tokenizer, practised(human))


def _read_human(folder: Path, tokenizer: Tokenizer) -> dict[tuple[str, str], list[Sample]]:
    out: dict[tuple[str, str], list[Sample]] = {}
    seen: dict[tuple[int, ...], str] = {}
    for (_, split), path in find_files([folder]).items():
        own = _encode((str(r["text"]) for r in read_records(path)), tokenizer)
        for sample in own:
            if seen.setdefault(sample.ids, split) != split:
                raise ValueError(f"{path}: a text of it is in {seen[sample.ids]} too; move it")
        out.setdefault((HUMAN, split), []).extend(own)
    return out


def _encode(texts: Iterable[str], tokenizer: Tokenizer) -> list[Sample]:
    return [Sample(tuple(tokenizer.encode(normalise(text)))) for text in texts]


def check_enough(corpora: Corpora, length: int) -> None:
    """ValueError where a split that the table needs has too few texts of its length."""
    needed = [(HUMAN, split) for split in SPLITS]
    for column in corpora.columns:
        needed += [(column.source, s) for s in (SPLITS if column.trained else ("test",))]
    for source, split in needed:
        n = len(corpora.reaching(source, split, length))
        if n < LEAST:
            raise ValueError(
                f"{source}.{split} has {n} texts of {length} tokens, and {LEAST} are needed; "
                "give more, or shorter --lengths"
            )
