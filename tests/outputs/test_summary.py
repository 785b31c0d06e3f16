"""Numbers about a corpus, by hand."""

from __future__ import annotations

import pytest

from hallmark.data import Document
from hallmark.outputs import summary as module
from hallmark.outputs.summary import summary_of
from hallmark.stats import wilson


def test_counts_by_hand() -> None:
    texts = [("a b a", 3, True), ("a b", 2, False), ("a b a", 3, True), ("", 0, True)]
    documents = [Document(str(i), t, length=n, ended=e) for i, (t, n, e) in enumerate(texts)]
    found = summary_of(documents, source="s", split="train")
    assert (found.documents, found.tokens, found.mean_length, found.median_length) == (4, 8, 2, 2.5)
    assert found.ended == wilson(3, 4)
    assert (found.duplicates, found.words) == (1, 8)
    assert found.distinct_1 == pytest.approx(2 / 8)
    assert found.distinct_2 == pytest.approx(2 / 5)  # a b and b a, of 2 + 1 + 2 pairs


def test_no_documents() -> None:
    found = summary_of([], source="s", split="train")
    assert (found.documents, found.mean_length) == (0, 0)
    assert found.distinct_1 is found.distinct_2 is None
    assert found.ended.n == 0


def test_only_the_beginning_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORDS", 3)
    documents = [Document("0", "a b"), Document("1", "a c d e"), Document("2", "f")]
    found = summary_of(documents, source="s", split="train")
    assert (found.words, found.distinct_1, found.distinct_2) == (3, 2 / 3, 1.0)
