"""Texts as an encoder's ids: its tokens, and the special ones around and in place of them.

Two kinds: the ladder's byte-level BPE, and what Hugging Face's `tokenizers` reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hallmark.detect.cutting import TOKEN_CHARACTERS
from hallmark.models.folder import read_bytes, write_text
from hallmark.models.tokenizer import Tokenizer, from_merges

Ids = NDArray[np.int32]
MERGES, TOKENIZER = "vocab.bpe", "tokenizer.json"
ROBERTA_IDS = 4  # ids before the first token in a RoBERTa's vocabulary: <s> <pad> </s> <unk>


@dataclass(frozen=True)
class Specials:
    """Ids before and after every text, in padding, and in place of a hidden token."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    pad: int
    hidden: int


class Vocabulary(Protocol):
    """Text to ids, without special tokens; `file` is what `save` writes."""

    specials: Specials
    file: str

    def encode(self, texts: Sequence[str], *, most: int) -> list[Ids]:
        """The first `most` ids of each text."""
        ...

    def save(self, folder: Path) -> None:
        """Write `file`."""
        ...


class Bpe:
    """GPT-2's kind of BPE; every id is `shift` higher than its own."""

    file = MERGES

    def __init__(self, tokenizer: Tokenizer, specials: Specials, *, shift: int) -> None:
        self.tokenizer, self.specials, self.shift = tokenizer, specials, shift

    @classmethod
    def for_rung(cls, tokenizer: Tokenizer) -> Bpe:
        """A GPT-2's own ids; `<|endoftext|>` before a text, as in its training."""
        eot = tokenizer.eot
        return cls(tokenizer, Specials((eot,), (), eot, eot), shift=0)

    @classmethod
    def for_roberta(cls, tokenizer: Tokenizer) -> Bpe:
        """RoBERTa's order: its four special ids first."""
        return cls(tokenizer, Specials((0,), (2,), 1, 3), shift=ROBERTA_IDS)

    def encode(self, texts: Sequence[str], *, most: int) -> list[Ids]:
        """The first `most` ids of each text."""
        cut = (text[: TOKEN_CHARACTERS * most] for text in texts)
        ids = (self.tokenizer.encode(text)[:most] for text in cut)
        return [np.array(own, dtype=np.int32) + np.int32(self.shift) for own in ids]

    def save(self, folder: Path) -> None:
        """Write the merges."""
        write_text(folder / MERGES, self.tokenizer.merge_lines())


class HuggingFace:
    """A fast tokenizer of Hugging Face's, held by the `tokenizers` library alone."""

    file = TOKENIZER

    def __init__(self, text: str, specials: Specials, *, where: Path) -> None:
        tokenizers = load_tokenizers()
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(text)
        except Exception as error:  # the library raises nothing narrower
            raise ValueError(f"{where} is no tokenizer ({error!s:.80}); fetch it again") from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True  # "<s>" in a text is text
        self._text, self.specials = text, specials

    def encode(self, texts: Sequence[str], *, most: int) -> list[Ids]:
        """The first `most` ids of each text."""
        cut = [text[: TOKEN_CHARACTERS * most] for text in texts]
        found = self._tokenizer.encode_batch_fast(cut, add_special_tokens=False)
        return [np.array(own.ids[:most], dtype=np.int32) for own in found]

    def save(self, folder: Path) -> None:
        """Write tokenizer.json."""
        write_text(folder / TOKENIZER, self._text)


def load_tokenizers() -> Any:
    """The `tokenizers` library; ValueError says how to get it."""
    try:
        import tokenizers
    except ModuleNotFoundError:
        raise ValueError("this encoder needs transformers; install hallmark[encoder]") from None
    return tokenizers


def as_config(vocabulary: Vocabulary) -> dict[str, Any]:
    """What a detector's config.json keeps of a vocabulary beside its file."""
    shift = vocabulary.shift if isinstance(vocabulary, Bpe) else None
    return {"file": vocabulary.file, "shift": shift, **asdict(vocabulary.specials)}


def from_config(values: Any, folder: Path) -> Vocabulary:
    """The vocabulary that `as_config` and `save` wrote; ValueError where they do not fit."""
    try:
        before, after = (tuple(int(i) for i in values[name]) for name in ("before", "after"))
        specials = Specials(before, after, int(values["pad"]), int(values["hidden"]))
        file, shift = values["file"], values["shift"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"vocabulary is damaged ({error})") from None
    if file == MERGES and type(shift) is int and shift >= 0:
        return Bpe(from_merges(folder / MERGES), specials, shift=shift)
    if file != TOKENIZER:
        raise ValueError(f"vocabulary names the file {file!r:.40}, not {MERGES} or {TOKENIZER}")
    text = read_bytes(folder / TOKENIZER).decode("utf-8", errors="replace")
    return HuggingFace(text, specials, where=folder / TOKENIZER)
