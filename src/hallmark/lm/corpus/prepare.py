"""Files of text to a prepared corpus: duplicates out, split by document, token shards.

A document's split is a function of its text alone, so that adding files moves none to the other
side. Memory is bounded by one shard and the longest document.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from hallmark.data import LOCK, claimed
from hallmark.lm.corpus.duplicates import Duplicates
from hallmark.lm.corpus.settings import PrepareConfig
from hallmark.lm.corpus.shards import (
    FORMAT,
    SPLITS,
    VERSION,
    Corpus,
    ShardWriter,
    open_corpus,
)
from hallmark.lm.corpus.sources import documents, find_files
from hallmark.models.folder import sha256_of, write_json, write_text
from hallmark.models.sizes import MANIFEST
from hallmark.models.tokenizer import Tokenizer

_OURS = re.compile(r"\..*|(train|valid)-\d{5,}\.bin|vocab\.bpe")
_CUT = 2000  # characters; what the advice to cut a document says

OnDocument = Callable[[int], None]


def prepare(
    paths: Sequence[Path],
    out: Path,
    tokenizer: Tokenizer,
    config: PrepareConfig,
    *,
    on_document: OnDocument | None = None,
) -> Corpus:
    """Write the corpus of `paths` to the folder `out`, manifest last, and open it.

    Where the hash of no document falls into the share held out, the one that comes nearest is.
    `on_document` is called with 1 after each document read. ValueError: no documents, fewer than
    two different ones, `out` holds a corpus already or other files, another process is at work in
    it, or a file that cannot be read as it should.
    """
    files = find_files(paths)
    check_free(out, paths)
    with claimed(out):
        corpus = _prepare(files, out, tokenizer, config, on_document)
    (out / LOCK).unlink(missing_ok=True)
    return corpus


def check_free(out: Path, paths: Sequence[Path]) -> None:
    """ValueError unless a corpus made of `paths` can be written to `out` without harm."""
    if out.resolve() in {path.resolve() for path in paths}:
        raise ValueError(f"{out} is among the text to read; give --out a new folder")
    if (out / MANIFEST).exists():
        raise ValueError(f"{out} holds a prepared corpus already; give a new folder")
    if not out.is_dir():
        if out.exists():
            raise ValueError(f"{out} is a file; give --out a new folder")
        return
    # What a preparation that was stopped left behind is in nobody's way.
    names = (path.name for path in sorted(out.iterdir()))
    if other := [name for name in names if not _OURS.fullmatch(name)]:
        raise ValueError(f"{out} holds other files ({other[0]}); give --out a new folder")


def _prepare(
    files: Sequence[Path],
    out: Path,
    tokenizer: Tokenizer,
    config: PrepareConfig,
    on_document: OnDocument | None,
) -> Corpus:
    run = _Run(files, out, tokenizer, config, on_document)
    counts = run.write(config.valid)
    if not counts["valid"] or not counts["train"]:
        _check_enough(counts, files, characters=run.longest)
        held = run.positions[0 if not counts["valid"] else -2]
        counts = run.write(held)
    write_text(out / "vocab.bpe", tokenizer.merge_lines())
    write_json(out / MANIFEST, run.manifest(counts))
    return open_corpus(out)


def position(text: str) -> float:
    """Where a document's hash lies in [0, 1): it is held out below the share held out."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def _check_enough(counts: Counter[str], files: Sequence[Path], *, characters: int) -> None:
    kept = counts["train"] + counts["valid"]
    where = str(files[0]) if len(files) == 1 else f"these {len(files)} files"
    if not kept:
        raise ValueError(f"{where} held no text; give files with text in them")
    if kept == 1:
        way_out = (
            f"cut it: `hallmark train prepare FILE --cut {_CUT} --out data`, then train on data"
            if characters > 2 * _CUT
            else "that is too little to train on; give more text"
        )
        raise ValueError(
            f"{where} held one document ({counts['exact'] + counts['near']} duplicates left out) "
            f"of {characters:,} characters, so none can be held out for validation; {way_out}"
        )


class _Run:
    """One preparation, which may have to be written twice; `positions` are those that decide.

    longest: characters of the longest document that was kept.
    """

    def __init__(
        self,
        files: Sequence[Path],
        out: Path,
        tokenizer: Tokenizer,
        config: PrepareConfig,
        on_document: OnDocument | None,
    ) -> None:
        self._files, self._out, self._tokenizer, self._config = files, out, tokenizer, config
        self._on_document = on_document or (lambda _: None)
        self.positions: list[float] = []
        self.longest = 0
        self._splits: dict[str, dict[str, object]] = {}

    def write(self, held: float) -> Counter[str]:
        """Write both splits, documents at or below position `held` to valid; what was counted."""
        counts: Counter[str] = Counter()
        writers = {
            split: ShardWriter(
                self._out, split, eot=self._tokenizer.eot, shard_tokens=self._config.shard_tokens
            )
            for split in SPLITS
        }
        positions: list[float] = []
        with Duplicates(near=self._config.near, where=self._out) as duplicates:
            for text, ids in self._read(counts):
                if duplicates.seen(text, ids):
                    continue
                place = position(text)
                split = "valid" if place <= held else "train"
                counts[split] += 1
                self.longest = max(self.longest, len(text))
                writers[split].add(ids, text_bytes=len(text.encode()))
                # The lowest and the two highest are all that a second writing can need.
                positions = sorted([*positions, place])
                positions = positions if len(positions) <= 3 else [positions[0], *positions[-2:]]
            counts["exact"], counts["near"] = duplicates.exact, duplicates.near
        self.positions = positions
        self._splits = {split: writer.finish() for split, writer in writers.items()}
        return counts

    def _read(self, counts: Counter[str]) -> Iterator[tuple[str, list[int]]]:
        for file in self._files:
            for text in documents(file, self._config.source):
                counts["read"] += 1
                self._on_document(1)
                yield text, self._tokenizer.encode(text)

    def manifest(self, counts: Counter[str]) -> dict[str, object]:
        """What `manifest.json` says."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "tokenizer": {
                "n_vocab": self._tokenizer.n_vocab, "sha256": sha256_of(self._out / "vocab.bpe"),
            },
            "sources": [str(f) for f in self._files],
            "settings": asdict(self._config),
            "documents_read": counts["read"],
            "exact_duplicates": counts["exact"],
            "near_duplicates": counts["near"],
            "splits": self._splits,
        }  # fmt: skip
