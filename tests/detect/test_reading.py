"""One pass over a text, its prefixes, and features that hold for any text."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hallmark.detect import reading as module
from hallmark.detect.background import Background
from hallmark.detect.normalise import normalise
from hallmark.detect.reading import MAX_TOKENS, Reader, count_tokens, first_uses
from hallmark.lm.model import LanguageModel
from hallmark.models.tokenizer import Tokenizer

ODD = [
    "word", "ab", "!?!... -- ;;", "12345 678 9", "\U0001f600\U0001f601\U0001f600", "a" * 700,
    "\u4e2d\u6587\u5b57", '"', "The The", "\x00\x01", "e\u0301" * 9, "A. B. C.", "don't " * 300,
]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_features_of_odd_texts_are_finite_and_always_the_same(reader: Reader, text: str) -> None:
    (reading,) = reader.read([text + " x" if len(text) == 1 else text])
    assert len(reading) >= 2
    found = reader.features(reading)
    assert [name for name, value in found.items() if not math.isfinite(value)] == []
    assert tuple(found) == reader.names()
    assert reader.features(reader.read([reading.text])[0]) == found


def test_names_are_distinct_strings(reader: Reader) -> None:
    names = reader.names()
    assert len(set(names)) == len(names) > 300


def test_texts_together_read_as_they_do_alone(reader: Reader, prose: str) -> None:
    texts = [prose, "", prose[:50], "The ship."]
    together = reader.read(texts)
    assert [len(r) for r in together][1] == 0
    for text, reading in zip(texts, together, strict=True):
        (alone,) = reader.read([text])
        assert (alone.network.tokens == reading.network.tokens).all()
        assert_allclose(alone.network.log_prob, reading.network.log_prob, atol=1e-5)
        assert_allclose(alone.adaptive.mixture, reading.adaptive.mixture)
        assert alone.tokens_total == reading.tokens_total


def test_a_prefix_is_the_reading_of_the_first_tokens(reader: Reader, prose: str) -> None:
    tokenizer = reader.model.tokenizer
    (whole,) = reader.read([prose])
    for n in (10, 64, 150):
        cut = whole.prefix(n, tokenizer)
        (own,) = reader.read([tokenizer.decode(whole.network.tokens[:n].tolist())])
        assert (own.network.tokens == cut.network.tokens).all()
        assert own.text == cut.text
        assert own.tokens_total == cut.tokens_total == n
        one, other = reader.features(own), reader.features(cut)
        assert list(one) == list(other)
        assert_allclose(list(one.values()), list(other.values()), rtol=1e-3, atol=1e-4)


def test_a_long_text_is_cut_and_counted_whole(reader: Reader, prose: str) -> None:
    text = prose * 12
    (reading,) = reader.read([text])
    assert len(reading) == MAX_TOKENS
    assert reading.tokens_total == len(reader.model.tokenizer.encode(normalise(text)))
    assert text.startswith(reading.text)
    (short,) = reader.read([prose])
    assert len(short) == short.tokens_total == len(reader.model.tokenizer.encode(prose.strip()))


def test_blanks_before_a_text_do_not_hide_it(reader: Reader, prose: str) -> None:
    (plain,), (blank,) = reader.read([prose]), reader.read([" \n" * 40_000 + prose])
    assert blank.text == plain.text
    assert blank.tokens_total == plain.tokens_total


@pytest.mark.parametrize("size", [7, 40, 64])
def test_tokens_are_counted_exactly_in_pieces(
    tokenizer: Tokenizer, prose: str, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    texts = [
        prose, "  " * 60 + prose, prose.replace(". ", ".\n\n\n  "), prose + " " * 99, " " * 99, "",
        "caf\u0065\u0301 \u201cna\u00efve\u201d \u00b4 \u00a8 " * 9,
    ]  # fmt: skip
    monkeypatch.setattr(module, "_PIECE", 10**9)
    whole = [count_tokens(t, tokenizer) for t in texts]
    assert whole == [len(tokenizer.encode(normalise(t))) for t in texts]
    if size > 10:  # below it some words are longer than a piece
        monkeypatch.setattr(module, "_PIECE", size)
        assert [count_tokens(t, tokenizer) for t in texts] == whole
    monkeypatch.setattr(module, "_PIECE", size)
    assert count_tokens("a" * 1000, tokenizer) > 0


def test_first_uses() -> None:
    assert first_uses(np.array([5, 5, 2, 5, 2, 9])).tolist() == [1, 0, 1, 0, 0, 1]
    assert first_uses(np.zeros(0, dtype=np.int64)).tolist() == []


def test_a_background_of_another_vocabulary_is_refused(
    background: Background, model: LanguageModel
) -> None:
    other = Background(
        words=background.words, unigram=background.unigram[:9],
        starts=np.zeros(10, dtype=np.int64), followers=background.followers[:0],
        counts=background.counts[:0], weights=background.weights,
    )  # fmt: skip
    with pytest.raises(ValueError, match="the background counts"):
        Reader(model, other)
