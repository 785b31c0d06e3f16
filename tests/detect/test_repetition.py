"""Reuse by rarity, counted by hand on texts of a few words."""

from __future__ import annotations

import math

import pytest

from hallmark.detect.background import Background
from hallmark.detect.repetition import repetition_features
from hallmark.detect.words import Words

# Words unknown to the background are all of one class of rarity, whichever that is.
TEXT = "blorp zing. Blorp zing; quux blorp"


@pytest.fixture
def features(background: Background) -> dict[str, float]:
    return repetition_features(Words(TEXT), background)


@pytest.fixture
def k(features: dict[str, float]) -> int:
    """The class that the unknown words are in."""
    (found,) = [i for i in range(6) if features[f"share_{i}"]]
    return found


def test_reuse_of_rare_words(features: dict[str, float], k: int) -> None:
    assert features[f"share_{k}"] == 1
    assert features[f"reuse_{k}"] == pytest.approx((3 + 0.3) / (6 + 1))  # blorp twice, zing once
    assert features[f"near_{k}"] == pytest.approx(3 / 6)
    assert features[f"middle_{k}"] == features[f"far_{k}"] == 0
    assert features[f"types_{k}"] == pytest.approx(3 / 6)
    assert features[f"pairs_{k}"] == pytest.approx(math.log1p(10 * (3 + 1) / 6))
    assert features[f"triples_{k}"] == pytest.approx(math.log1p(10 * 1 / 6))
    assert features[f"most_{k}"] == pytest.approx(math.log1p(3))
    assert features[f"once_{k}"] == pytest.approx(1 / 3)


def test_type_token_ratio_of_a_short_text(features: dict[str, float]) -> None:
    assert features["types_log"] == pytest.approx(math.log(4) / math.log(7))
    assert features["mattr_25"] == pytest.approx(3 / 6)
    assert features["mattr_sd_25"] == 0


def test_repeated_ngrams_fold_case_and_count_marks(features: dict[str, float]) -> None:
    # blorp zing . blorp zing ; quux blorp: of 7 pairs one is a repetition, of 6 triples none
    assert features["repeated_2grams"] == pytest.approx(math.log1p(100 * 1 / 7))
    assert features["repeated_3grams"] == 0


def test_names_are_capitals_inside_sentences(background: Background) -> None:
    found = repetition_features(
        Words("The men saw Ward. Ward saw Oslo and Oslo saw I."), background
    )
    assert found["names"] == pytest.approx(3 / 11)  # Ward, Oslo, Oslo; not the second Ward
    assert found["names_types"] == pytest.approx(2 / 11)
    assert found["names_most"] == pytest.approx(math.log1p(2))


def test_halves_overlap(background: Background) -> None:
    both = repetition_features(Words("blorp zing quux blorp zing quux"), background)
    none = repetition_features(Words("blorp zing quux flim flam frob"), background)
    assert (both["halves_overlap"], none["halves_overlap"]) == (1, 0)


def test_repetition_compresses(background: Background) -> None:
    once = repetition_features(Words("blorp"), background)
    often = repetition_features(Words("blorp " * 100), background)
    assert often["compression"] < 0.1 < once["compression"]
