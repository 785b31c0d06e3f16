"""What every detector is, and the kinds there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hallmark.stats import Floats

Scores = Floats

KINDS = {
    "combination": "hallmark.detect.combination:Combination",
    "encoder": "hallmark.detect.encoder:Encoder",
    "tfidf": "hallmark.detect.tfidf:Tfidf",
    "zero-shot": "hallmark.detect.zeroshot:ZeroShot",
}


@dataclass(frozen=True)
class Examined:
    """A text's score, the tokens it was read from, and why not to trust it (empty: no reason)."""

    score: float
    tokens_used: int
    tokens_total: int
    out_of_scope: str


class Detector(Protocol):
    """Gives each text a score; higher is more synthetic, on any scale. Never thresholds.

    Those that learn add `fit`, `save` and `load`, those with a calibration `examine`.
    """

    def score(self, texts: Sequence[str]) -> Scores:
        """Scores (len(texts),); NaN where a text has nothing to score."""
        ...


def check_labels(labels: Sequence[int]) -> None:
    """ValueError unless there are labels of both kinds and no others: what `fit` learns from."""
    if set(labels) != {0, 1}:
        raise ValueError("labels must be 0 (human) and 1 (synthetic), and both must occur")
