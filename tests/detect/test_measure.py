"""Texts cut to one length, and each synthetic corpus against all human texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from hallmark.detect.detector import Scores
from hallmark.detect.measure import measure
from hallmark.models.tokenizer import Tokenizer
from hallmark.stats import auroc, balanced_accuracy


class Stand:
    """Scores a text by its z's above its a's, and remembers what it saw."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def score(self, texts: Sequence[str]) -> Scores:
        self.seen += texts
        return np.array([float(t.count("z") - t.count("a")) for t in texts])


def test_a_row_for_each_synthetic_corpus() -> None:
    texts = ["aaaa", "aazzzz", "za", "zzaa", "zzzzaa", "aaaaa", "zzz", "aaaazzzz"]
    labels = [0, 0, 0, 1, 1, 1, 1, 0]
    sources = ["h", "h", "h", "x", "x", "y", "y", "g"]
    stand = Stand()
    rows = list(measure(stand, texts, labels, sources, tokens=4, tokenizer=Tokenizer([])))
    assert stand.seen == ["aaaa", "aazz", "zzaa", "zzzz", "aaaa", "aaaa"]  # "za", "zzz" are short
    human = [-4.0, 0.0, -4.0]
    for row, (source, own) in zip(rows, {"x": [0.0, 4.0], "y": [-4.0]}.items(), strict=True):
        assert (row.source, row.tokens, row.synthetic, row.human) == (source, 4, len(own), 3)
        assert row.accuracy == balanced_accuracy(human, own, threshold=0.0)
        assert row.auroc == auroc(human, own)
    with pytest.raises(ValueError, match="both kinds with 9 tokens are needed"):
        list(measure(stand, texts, labels, sources, tokens=9, tokenizer=Tokenizer([])))
