"""A folder of corpora behind a manifest: the one place where output sets are read.

Whoever trains or tests on an output set opens it here, so labels, splits and the manifest's
promises are the same for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hallmark.data import Document, Label
from hallmark.models.folder import read_json, sha256_of, write_json
from hallmark.models.sizes import MANIFEST
from hallmark.outputs.names import SPLITS, parse_name
from hallmark.outputs.records import document_of, read_records

FORMAT, VERSION = "hallmark-outputs", 1


@dataclass(frozen=True)
class Part:
    """One split of one corpus: its file, and what the manifest says of it."""

    source: str
    split: str
    label: Label
    path: Path
    documents: int
    tokens: int
    size: int
    sha256: str


@dataclass(frozen=True)
class OutputSet:
    """A folder of corpora; `manifest` says how they came to be."""

    folder: Path
    manifest: dict[str, Any]
    parts: tuple[Part, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The corpora, in the manifest's order."""
        return tuple(dict.fromkeys(part.source for part in self.parts))

    def part(self, source: str, split: str) -> Part:
        """One split of one corpus; ValueError lists what there is."""
        for part in self.parts:
            if (part.source, part.split) == (source, split):
                return part
        found = ", ".join(f"{p.source}.{p.split}" for p in self.parts)
        raise ValueError(f"{self.folder} has no {source[:100]}.{split[:20]}; it has {found}")

    def documents(self, source: str, split: str) -> Iterator[Document]:
        """The documents of one split of one corpus, in order, one at a time."""
        part = self.part(source, split)
        for record in read_records(part.path):
            yield document_of(record, source=source, label=part.label)

    def texts(self, sources: Sequence[str], split: str) -> tuple[list[str], list[Label]]:
        """Texts of several corpora, all of one split, and the label of each."""
        found = [d for source in sources for d in self.documents(source, split)]
        return [d.text for d in found], [d.label for d in found if d.label is not None]


def open_outputs(folder: Path) -> OutputSet:
    """The output set in `folder`; ValueError where it has none or its manifest is damaged.

    Files are not read: `verify` compares their hashes.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ValueError(
            f"{folder} holds no finished output set (no {MANIFEST}); run `hallmark outputs "
            "build` again to finish one, or `hallmark outputs import` to make one of files"
        )
    manifest = read_json(path)
    if (manifest.get("format"), manifest.get("version")) != (FORMAT, VERSION):
        found = f"{manifest.get('format')!r} version {manifest.get('version')!r}"
        raise ValueError(f"{path} is of format {found:.80}; this hallmark reads {FORMAT} {VERSION}")
    try:
        parts = tuple(
            _part(folder, name, about, manifest["corpora"])
            for name, about in manifest["files"].items()
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}); build or import it again") from None
    return OutputSet(folder, manifest, parts)


def _part(folder: Path, name: str, about: dict[str, Any], corpora: dict[str, Any]) -> Part:
    parsed = parse_name(name)
    if parsed is None:
        raise ValueError(f"{name!r:.100} is no corpus's file")
    source, split, _ = parsed
    numbers = (about["documents"], about["tokens"], about["size"])
    if not all(type(n) is int and n >= 0 for n in numbers):
        raise ValueError(f"the numbers of {name}")
    label = Label[str(corpora[source]["label"]).upper()]
    return Part(source, split, label, folder / name, *numbers, str(about["sha256"]))


def describe(path: Path, *, documents: int, tokens: int) -> dict[str, Any]:
    """What a manifest says of one file."""
    return {
        "documents": documents, "tokens": tokens, "size": path.stat().st_size,
        "sha256": sha256_of(path),
    }  # fmt: skip


def write_outputs(
    folder: Path, *, corpora: dict[str, Any], files: dict[str, Any], **facts: Any
) -> OutputSet:
    """Write the manifest, which completes an output set."""
    head = {"format": FORMAT, "version": VERSION, **facts}
    order = sorted(files, key=lambda name: _place(name, list(corpora)))
    ordered = {name: files[name] for name in order}
    write_json(folder / MANIFEST, {**head, "corpora": corpora, "files": ordered})
    return open_outputs(folder)


def _place(name: str, sources: list[str]) -> tuple[int, int]:
    source, split, _ = parse_name(name) or ("", "train", "")
    return sources.index(source), SPLITS.index(split)
