"""A detector on labelled texts of one length: accuracy at log-odds 0, and AUROC, by corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hallmark.detect.cutting import cut_to
from hallmark.detect.detector import Detector
from hallmark.models.tokenizer import Tokenizer
from hallmark.stats import Estimate, auroc, balanced_accuracy


@dataclass(frozen=True)
class Measured:
    """One synthetic corpus against all human texts; accuracy is the mean of the classes'."""

    source: str
    tokens: int
    synthetic: int
    human: int
    accuracy: Estimate
    auroc: Estimate


def measure(
    detector: Detector,
    texts: Sequence[str],
    labels: Sequence[int],
    sources: Sequence[str],
    *,
    tokens: int,
    tokenizer: Tokenizer,
) -> Iterator[Measured]:
    """A row for each synthetic corpus: texts cut to `tokens`, shorter ones left out.

    ValueError where no human or no synthetic text is long enough.
    """
    cut = [cut_to(text, tokens, tokenizer) for text in texts]
    kept = [i for i, text in enumerate(cut) if text is not None]
    scores = detector.score([text for text in cut if text is not None])
    human = np.array([s for i, s in zip(kept, scores, strict=True) if labels[i] == 0])
    names = sorted({sources[i] for i in kept if labels[i] == 1})
    if not len(human) or not names:
        raise ValueError(f"texts of both kinds with {tokens} tokens are needed; give longer ones")
    for name in names:
        own = np.array(
            [s for i, s in zip(kept, scores, strict=True) if labels[i] and sources[i] == name]
        )
        yield Measured(
            name, tokens, len(own), len(human), balanced_accuracy(human, own, threshold=0.0),
            auroc(human, own),
        )  # fmt: skip
