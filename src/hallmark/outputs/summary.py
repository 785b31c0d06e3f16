"""Numbers about each file of an output set: sizes, lengths, how often texts end, repetition.

One pass over each file; the words of its beginning, and 16 bytes a text, are all that is kept.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from hallmark.data import Document
from hallmark.outputs.outputset import OutputSet
from hallmark.stats import Estimate, wilson

WORDS = 50_000  # distinct words grow with the text, so that many are looked at in each file


@dataclass(frozen=True)
class Summary:
    """One split of one corpus.

    ended: share of texts that came to their end, with Wilson's 95 % interval. duplicates: texts
    that stood before in the file. distinct_1, distinct_2: different words and pairs of words as
    a share of all among the first `words` words (Li et al. 2016); None where there are none.
    """

    source: str
    split: str
    documents: int
    tokens: int
    mean_length: float
    median_length: float
    ended: Estimate
    duplicates: int
    words: int
    distinct_1: float | None
    distinct_2: float | None


def summarise(outputs: OutputSet) -> Iterator[Summary]:
    """A summary of each file, in the manifest's order."""
    for part in outputs.parts:
        documents = outputs.documents(part.source, part.split)
        yield summary_of(documents, source=part.source, split=part.split)


def summary_of(documents: Iterable[Document], *, source: str, split: str) -> Summary:
    """The summary of some documents."""
    lengths: list[int] = []
    ended = 0
    seen: set[bytes] = set()
    words = _Words()
    for document in documents:
        lengths.append(document.length or 0)
        ended += bool(document.ended)
        seen.add(fingerprint(document.text))
        words.add(document.text)
    n = len(lengths)
    return Summary(
        source, split, n, sum(lengths),
        statistics.fmean(lengths) if n else 0.0, statistics.median(lengths) if n else 0.0,
        wilson(ended, n), n - len(seen), words.count,
        words.share(words.single, words.count), words.share(words.double, words.pairs),
    )  # fmt: skip


def fingerprint(text: str) -> bytes:
    """16 bytes that two different texts do not share."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class _Words:
    """Different words and pairs among the first WORDS words; pairs do not cross documents."""

    def __init__(self) -> None:
        self.count = self.pairs = 0
        self.single: set[str] = set()
        self.double: set[tuple[str, str]] = set()

    def add(self, text: str) -> None:
        """Count a text's words while there is room."""
        found = text.split()[: WORDS - self.count] if self.count < WORDS else []
        self.count += len(found)
        self.single.update(found)
        pairs = list(pairwise(found))
        self.pairs += len(pairs)
        self.double.update(pairs)

    @staticmethod
    def share(different: set[str] | set[tuple[str, str]], count: int) -> float | None:
        """Different ones of all."""
        return len(different) / count if count else None
