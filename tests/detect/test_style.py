"""Shares of marks and words, by hand."""

from __future__ import annotations

import math

import pytest

from hallmark.detect.style import FUNCTION_WORDS, MARKS, style_features
from hallmark.detect.words import Words


def test_a_small_text_by_hand() -> None:
    found = style_features(Words('He paid 30 (or 30)! "The OLD one, the best?" I don\'t know.'))
    # He paid 30 ( or 30 ) ! " The OLD one , the best ? " I don't know .
    pieces, words, lengths = 21, 11, [8, 9, 4]
    assert found["mark_comma"] == pytest.approx(math.sqrt(1 / pieces))
    assert found["mark_quote"] == pytest.approx(math.sqrt(2 / pieces))
    assert found["mark_semicolon"] == 0
    assert found["word_the"] == pytest.approx(math.sqrt(2 / words))
    assert found["numbers"] == pytest.approx(2 / pieces)
    assert found["numbers_again"] == pytest.approx(1 / 2)
    assert found["capitals"] == pytest.approx(1 / words)
    assert found["contractions"] == pytest.approx(1 / words)
    assert found["unbalanced_brackets"] == 0
    assert found["odd_quotes"] == 0
    assert found["sentence_most"] == pytest.approx(math.log1p(max(lengths)), abs=0.2)


def test_sentence_lengths() -> None:
    found = style_features(Words("One two. One two three four."))
    assert found["sentence_mean"] == pytest.approx(math.log1p(4))
    assert found["sentence_sd"] == pytest.approx(math.log1p(1))
    assert found["sentence_most"] == pytest.approx(math.log1p(5))


def test_marks_that_do_not_match() -> None:
    found = style_features(Words('("a ((b'))
    assert found["unbalanced_brackets"] == pytest.approx(3 / 6 * 100)
    assert found["odd_quotes"] == 1
    assert style_features(Words("\u20ac a"))["mark_other"] == pytest.approx(1 / 2)


def test_names_of_features_are_fixed() -> None:
    assert len(set(FUNCTION_WORDS)) == len(FUNCTION_WORDS)
    assert len(set(MARKS.values())) == len(MARKS)
    assert list(style_features(Words(""))) == list(style_features(Words("The one (1).")))
