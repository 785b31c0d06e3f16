"""Labelled texts for training and measuring detectors: output sets, and files of either label.

A file named SOURCE.SPLIT.jsonl belongs to its split; of any other, one text in ten (by a hash of
the text, so that every start agrees) is kept for validation and the rest trains.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hallmark.cli.inputs import record_groups, spooled, whole
from hallmark.data import Label
from hallmark.outputs.names import SPLITS, parse_name


@dataclass
class Labelled:
    """Texts, the label of each, and the corpus that it is from."""

    texts: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def add(self, text: str, label: Label, source: str) -> None:
        """One more text."""
        self.texts.append(text)
        self.labels.append(int(label))
        self.sources.append(source)


def read_labelled(
    outputs: Sequence[Path], *, human: Sequence[str], synthetic: Sequence[str]
) -> dict[str, Labelled]:
    """All texts by split. ValueError where there are no texts of a label at all."""
    found = {split: Labelled() for split in SPLITS}
    for folder in outputs:
        for split, text, label, source in _from_outputs(folder):
            found[split].add(text, label, source)
    for sources, label in ((human, Label.HUMAN), (synthetic, Label.SYNTHETIC)):
        with spooled(list(sources)) as paths:
            for path in paths:
                for split, text in _from_file(path):
                    found[split].add(text, label, path.name)
    seen = {label for own in found.values() for label in own.labels}
    for label in Label:
        if label not in seen:
            raise ValueError(
                f"there are no {label.name.lower()} texts; give files of them with "
                f"--{label.name.lower()}, or an output set that has some"
            )
    return found


def _from_outputs(folder: Path) -> Iterator[tuple[str, str, Label, str]]:
    from hallmark.outputs.outputset import open_outputs

    opened = open_outputs(folder)
    for part in opened.parts:
        for document in opened.documents(part.source, part.split):
            yield part.split, document.text, part.label, part.source


def _from_file(path: Path) -> Iterator[tuple[str, str]]:
    named = parse_name(path.name)
    for group in record_groups(str(path)):
        for record in map(whole, group):
            yield named[1] if named else _split_of(record.text), record.text


def _split_of(text: str) -> str:
    return "valid" if hashlib.sha256(text.encode()).digest()[0] % 10 == 0 else "train"
