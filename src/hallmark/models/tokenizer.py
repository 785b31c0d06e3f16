"""GPT-2's byte-level BPE, run by tiktoken and built offline from a list of merges.

Knows the three places where merges are published (`vocab.bpe`, `merges.txt`,
`tokenizer.json`); ids follow from the merges alone: 256 bytes, the merges in order, then
`<|endoftext|>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import tiktoken

from hallmark.models.folder import read_bytes, read_json

END_OF_TEXT = "<|endoftext|>"
PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
MERGE_FILES = ("vocab.bpe", "merges.txt", "tokenizer.json")
VOCABULARY_FILES = ("encoder.json", "vocab.json")
# The look-ahead in PATTERN overflows tiktoken's stack on runs of white space that are longer
# than about half a million, so runs over this length are cut out beforehand, where PATTERN
# would cut them too. `re`'s \s counts four control characters that Unicode does not.
_LONG_SPACE = re.compile(r"[^\S\x1c-\x1f]{10000,}")

Merge = tuple[bytes, bytes]


def bytes_to_unicode() -> dict[int, str]:
    """GPT-2's printable stand-in for each byte, in the order in which ids are given."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in set(printable)]
    return {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(hidden)}


class Tokenizer:
    """Text to GPT-2 token ids and back; total on any string.

    `merges` are pairs of byte strings in order of rank. `n_vocab` counts the 256 bytes, the
    merges and `<|endoftext|>`, whose id `eot` is the last.
    """

    def __init__(self, merges: Sequence[Merge]) -> None:
        ranks = {bytes([b]): i for i, b in enumerate(bytes_to_unicode())}
        for left, right in merges:
            if left not in ranks or right not in ranks:
                raise ValueError(f"merge {left!r} + {right!r} joins a piece that none before made")
            ranks[left + right] = len(ranks)
        if len(ranks) != 256 + len(merges):
            raise ValueError("two merges make the same token: this is not a GPT-2 merge list")
        self.merges = list(merges)
        self.eot = len(ranks)
        self.n_vocab = self.eot + 1
        self._ranks = ranks
        self._core = self._encoding(PATTERN)

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Read the merges in `folder`, and check them against the vocabulary beside them, if any.

        FileNotFoundError where none of MERGE_FILES is there; ValueError where one is damaged.
        """
        for name in MERGE_FILES:
            path = folder / name
            if path.is_file():
                tokenizer = from_merges(path)
                tokenizer.check_vocabulary(folder)
                return tokenizer
        raise FileNotFoundError(f"{folder} holds no tokenizer: one of {', '.join(MERGE_FILES)}")

    def check_vocabulary(self, folder: Path) -> None:
        """ValueError where `folder` has a vocabulary in which tokens have other ids."""
        for name in VOCABULARY_FILES:
            path = folder / name
            if path.is_file() and read_json(path) != self.encoder():
                raise ValueError(
                    f"{path} does not give the ids that its merges do; GPT-2's are the bytes, the "
                    f"merges in order, then {END_OF_TEXT}; fetch the model again"
                )

    def encode(self, text: str) -> list[int]:
        """Ids of `text`; `<|endoftext|>` in it is ordinary text. Lone surrogates become U+FFFD."""
        ids: list[int] = []
        for piece, is_whole in _pieces(text):
            ids += (self._single if is_whole else self._core).encode_ordinary(piece)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Text of `ids`; bytes that are not UTF-8 (a character cut in two) become U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The exact bytes of `ids`; ValueError names an id outside the vocabulary."""
        ids = list(ids)
        for i in ids:
            if not 0 <= i < self.n_vocab:
                raise ValueError(f"token {i} is outside the vocabulary of {self.n_vocab}")
        return self._core.decode_bytes(ids)

    def encoder(self) -> dict[str, int]:
        """GPT-2's `encoder.json` (`vocab.json`): token in stand-in characters to id."""
        shown = bytes_to_unicode()
        table = {"".join(shown[b] for b in piece): i for piece, i in self._ranks.items()}
        return table | {END_OF_TEXT: self.eot}

    def merge_lines(self) -> str:
        """GPT-2's `vocab.bpe` (`merges.txt`)."""
        shown = bytes_to_unicode()
        lines = (" ".join("".join(shown[b] for b in side) for side in pair) for pair in self.merges)
        return "\n".join(["#version: 0.2", *lines, ""])

    @cached_property
    def _single(self) -> tiktoken.Encoding:
        """Merges a whole string as one piece; built only for a text with a long run of space."""
        return self._encoding(r"(?s:.+)")

    def _encoding(self, pattern: str) -> tiktoken.Encoding:
        special = {END_OF_TEXT: self.eot}
        return tiktoken.Encoding(
            "gpt2-bpe", pat_str=pattern, mergeable_ranks=self._ranks, special_tokens=special
        )


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """`text` in parts that tokenise alone, each with whether it is one run of white space.

    PATTERN takes a run of white space whole at the end of the text, and else all but its last
    character, which it may join to what follows.
    """
    start = 0
    for run in _LONG_SPACE.finditer(text) if len(text) >= 10_000 else ():
        end = run.end() if run.end() == len(text) else run.end() - 1
        yield text[start : run.start()], False
        yield text[run.start() : end], True
        start = end
    yield text[start:], False


def from_merges(path: Path) -> Tokenizer:
    """The tokenizer of one merge file; ValueError names the file where it is damaged."""
    merges = read_merges(path)
    try:
        tokenizer = Tokenizer(merges)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; fetch it again") from None
    if path.suffix == ".json":
        content = read_json(path)
        try:
            table = dict(content["model"]["vocab"])
            table |= {t["content"]: t["id"] for t in content.get("added_tokens", ())}
        except (KeyError, TypeError, ValueError):
            table = {}
        if table != tokenizer.encoder():
            raise ValueError(f"{path} gives ids that do not follow from its merges; fetch it again")
    return tokenizer


def read_merges(path: Path) -> list[Merge]:
    """Merges of a `vocab.bpe`, `merges.txt` or `tokenizer.json`, as pairs of byte strings."""
    try:
        if path.suffix == ".json":
            pairs = read_json(path)["model"]["merges"]
            pairs = [p.split(" ") if isinstance(p, str) else p for p in pairs]
        else:
            lines = read_bytes(path).decode("utf-8").splitlines()
            if lines and lines[0].startswith("#version"):
                del lines[0]
            pairs = [line.split(" ") for line in lines if line]
        byte_of = {c: b for b, c in bytes_to_unicode().items()}
        return [
            (bytes(byte_of[c] for c in left), bytes(byte_of[c] for c in right))
            for left, right in pairs
        ]
    except FileNotFoundError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a GPT-2 merge list ({error}); fetch it again") from None
