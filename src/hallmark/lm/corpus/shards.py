"""Token ids on disk: flat files of unsigned integers, mapped into memory, behind a manifest.

`train-00000.bin`, `valid-00000.bin` ...: little-endian uint16 (uint32 where the vocabulary is
larger than 65,536), `<|endoftext|>` before every document and once at the end of a split.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hallmark.data import write_atomically
from hallmark.models.folder import read_json, sha256_of
from hallmark.models.sizes import MANIFEST
from hallmark.models.tokenizer import Tokenizer

FORMAT, VERSION = "hallmark-tokens", 1
SPLITS = ("train", "valid")
_AGAIN = "run `hallmark train prepare` again into a new folder"


class ShardWriter:
    """One split being written, a shard at a time; nothing but whole shards is ever on disk."""

    def __init__(self, folder: Path, split: str, *, eot: int, shard_tokens: int) -> None:
        self._folder, self._split, self._eot, self._limit = folder, split, eot, shard_tokens
        self._dtype = np.dtype("<u2") if eot < 2**16 else np.dtype("<u4")
        self._waiting: list[NDArray[Any]] = []
        self._held = 0
        self.documents = self.tokens = self.text_bytes = 0
        self.files: list[dict[str, Any]] = []

    def add(self, ids: Sequence[int], *, text_bytes: int) -> None:
        """Append a document."""
        self.documents += 1
        self.text_bytes += text_bytes
        self._append(np.array([self._eot, *ids], dtype=self._dtype))

    def finish(self) -> dict[str, Any]:
        """Close the split with `<|endoftext|>`; what the manifest says of it."""
        if self.documents:
            self._append(np.array([self._eot], dtype=self._dtype))
        self._flush()
        return {
            "documents": self.documents, "tokens": self.tokens, "bytes": self.text_bytes,
            "dtype": self._dtype.name, "files": self.files,
        }  # fmt: skip

    def _append(self, ids: NDArray[Any]) -> None:
        self._waiting.append(ids)
        self._held += len(ids)
        self.tokens += len(ids)
        if self._held >= self._limit:
            self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        data = np.concatenate(self._waiting).tobytes()
        name = f"{self._split}-{len(self.files):05d}.bin"
        with write_atomically(self._folder / name) as file:
            file.write(data)
        self.files.append(
            {"name": name, "tokens": self._held, "sha256": hashlib.sha256(data).hexdigest()}
        )
        self._waiting, self._held = [], 0


class TokenStream:
    """One split as one long array of ids, which is never read into memory as a whole."""

    def __init__(self, shards: Sequence[NDArray[Any]]) -> None:
        self._shards = list(shards)
        self._ends = np.cumsum([len(s) for s in shards], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def read(self, start: int, length: int) -> NDArray[np.int64]:
        """Ids `start` to `start + length` as int64; all of them must be there."""
        shard = int(np.searchsorted(self._ends, start, side="right"))
        parts = []
        while length:
            offset = start - (int(self._ends[shard - 1]) if shard else 0)
            part = self._shards[shard][offset : offset + length]
            parts.append(part)
            start, length, shard = start + len(part), length - len(part), shard + 1
        return np.concatenate(parts).astype(np.int64)


@dataclass(frozen=True)
class Corpus:
    """A prepared corpus: its folder, its manifest's content and that content's hash."""

    folder: Path
    manifest: dict[str, Any]
    tokenizer: Tokenizer

    @property
    def identity(self) -> str:
        """SHA-256 of the manifest: the hashes of all shards, the tokenizer and the counts."""
        return hashlib.sha256(json.dumps(self.manifest, sort_keys=True).encode()).hexdigest()

    def stream(self, split: str) -> TokenStream:
        """The ids of `split`, mapped."""
        about = self.manifest["splits"][split]
        dtype = np.dtype(about["dtype"]).newbyteorder("<")
        names = [self.folder / f["name"] for f in about["files"]]
        return TokenStream([np.memmap(name, dtype=dtype, mode="r") for name in names])

    def check_fits(self, tokenizer: Tokenizer, *, model: str) -> None:
        """ValueError unless the corpus was encoded with this very tokenizer."""
        if self.tokenizer.merges != tokenizer.merges:
            raise ValueError(
                f"{self.folder} was encoded with another tokenizer ({self.tokenizer.n_vocab} "
                f"tokens) than that of {model} ({tokenizer.n_vocab}); prepare it with "
                f"--tokenizer {model}"
            )


def open_corpus(folder: Path) -> Corpus:
    """A prepared corpus, every shard checked against its hash.

    FileNotFoundError or ValueError says in one line what is missing, damaged or not ours.
    """
    if not (folder / MANIFEST).is_file():
        raise FileNotFoundError(f"{folder} holds no prepared corpus ({MANIFEST}); {_AGAIN}")
    manifest = read_json(folder / MANIFEST)
    if manifest.get("format") != FORMAT or manifest.get("version") != VERSION:
        raise ValueError(f"{folder / MANIFEST} describes no corpus of this version; {_AGAIN}")
    try:
        for split in SPLITS:
            for file in manifest["splits"][split]["files"]:
                _check_shard(folder, file, np.dtype(manifest["splits"][split]["dtype"]).itemsize)
        vocabulary = sha256_of(folder / "vocab.bpe")
        damaged = vocabulary != manifest["tokenizer"]["sha256"]
    except (KeyError, TypeError):
        raise ValueError(f"{folder / MANIFEST} is damaged; {_AGAIN}") from None
    if damaged:
        raise ValueError(f"{folder / 'vocab.bpe'} differs from its hash; {_AGAIN}")
    return Corpus(folder, manifest, Tokenizer.load(folder))


def _check_shard(folder: Path, file: dict[str, Any], width: int) -> None:
    path = folder / file["name"]
    if path.name != file["name"]:
        raise ValueError(f"{folder / MANIFEST} names {file['name']!r}, not a file beside it")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; {_AGAIN}")
    if path.stat().st_size != width * file["tokens"] or sha256_of(path) != file["sha256"]:
        raise ValueError(f"{path} is damaged: it differs from its hash; {_AGAIN}")
