"""Vocabulary and features against scikit-learn's, with any Unicode and any limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.feature_extraction.text import TfidfVectorizer

from hallmark.detect import ngrams
from hallmark.detect.logistic import margins
from hallmark.detect.ngrams import Vocabulary, learn_vocabulary
from hallmark.detect.normalise import normalise
from hallmark.detect.tokens import WordIndex, prepare

LETTERS = st.sampled_from(
    [*"ab1_ .'\n", "é", "ﬁ", "İ", "Σ", "ß", "\u2019", "…", "\u0301", "中", "\U0001d518"]
)
TEXTS = st.lists(st.text(LETTERS, max_size=30) | st.text(max_size=20), min_size=4, max_size=12)


def check(texts: list[str], *, min_df: int = 1, max_features: int = 2**21) -> None:
    """The same names in number, the same TF-IDF values of every text."""
    peer = TfidfVectorizer(ngram_range=(1, 2), min_df=min_df, max_features=max_features)
    try:
        expected = peer.fit_transform([normalise(t) for t in texts]).toarray()
    except ValueError:
        with pytest.raises(ValueError, match="no word is in"):
            learn(texts, min_df=min_df, max_features=max_features)
        return
    vocabulary, seen = learn(texts, min_df=min_df, max_features=max_features)
    order = np.argsort(vocabulary.names())
    assert sorted(vocabulary.names()) == peer.get_feature_names_out().tolist()
    idf = np.log((1 + len(texts)) / (1 + seen)) + 1
    assert_allclose(idf[order], peer.idf_, rtol=1e-12)
    rows = list(vocabulary.read(texts))
    for column, feature in enumerate(order):
        weights = np.zeros(len(vocabulary))
        weights[feature] = 1.0
        found = np.concatenate([margins(r, idf, weights) for r in rows])
        assert_allclose(found, expected[:, column], atol=1e-12)


def learn(texts: list[str], **limits: int) -> tuple[Vocabulary, np.ndarray]:
    words = WordIndex()
    streams = list(words.read(map(prepare, texts), learn=True))
    return learn_vocabulary(streams, words, **limits)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_equal_to_scikit_learn_for_any_text(texts: list[str]) -> None:
    check(texts)


def random_texts(n: int, *, words: int, length: int) -> list[str]:
    rng = np.random.default_rng(0)
    names = [f"w{i}" for i in range(words)]
    return [" ".join(np.array(names)[rng.geometric(0.08, length) % words]) for _ in range(n)]


@pytest.mark.parametrize(
    "limits", [{"min_df": 3}, {"max_features": 40}, {"min_df": 4, "max_features": 55}]
)
def test_equal_to_scikit_learn_where_features_are_left_out(limits: dict[str, int]) -> None:
    check(random_texts(30, words=40, length=20), **limits)


def test_equal_in_small_batches_and_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hallmark.detect.tokens._BATCH", 500)
    monkeypatch.setattr(ngrams, "_TOKENS_A_PART", 100)
    check(random_texts(60, words=50, length=30), min_df=2)


def test_tables_grow_and_long_words_and_many_uses_are_kept() -> None:
    long = " ".join(f"word{i}" for i in range(3000))
    check([long, "x" * 10_000 + " " + long[:5000], "so " * 1000 + "it is", "so it is"], min_df=2)


def test_a_vocabulary_of_names_reads_as_the_one_that_was_learnt() -> None:
    texts = random_texts(30, words=40, length=20)
    learnt, _ = learn(texts, min_df=2, max_features=2**21)
    again = Vocabulary.of(learnt.names())
    for one, other in zip(learnt.read(texts), again.read(texts), strict=True):
        assert one.entries.tolist() == other.entries.tolist()
        assert one.ends.tolist() == other.ends.tolist()


@pytest.mark.parametrize("names", [["one two three"], ["a"], ["sea", ""], ["sea", "wind", "sea"]])
def test_names_that_are_no_features(names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"neither a word nor two|the same words"):
        Vocabulary.of(names)
