"""What every detector is, and the kinds there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Scores = NDArray[np.float64]

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
    """Gives each text a score; higher is more synthetic, on any scale. Never thresholds."""

    def score(self, texts: Sequence[str]) -> Scores:
        """Scores (len(texts),); NaN where a text has nothing to score."""
        ...


class Trainable(Detector, Protocol):
    """A detector that learns from labelled texts and can be written to a folder."""

    def fit(self, texts: Sequence[str], labels: Sequence[int]) -> None:
        """Learn from texts with labels 0 (human) and 1 (synthetic)."""
        ...

    def save(self, folder: Path) -> None:
        """Write the detector's folder, manifest last. Nothing is pickled."""
        ...
