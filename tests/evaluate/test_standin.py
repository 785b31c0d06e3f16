"""Stand-ins are the same for a seed, differ among themselves, and have no slot left open."""

from __future__ import annotations

from itertools import islice

import pytest

from hallmark.evaluate.standin import standin
from hallmark.evaluate.standin_words import POSITIONS


@pytest.mark.parametrize("name", POSITIONS)
def test_texts_are_whole_and_different(name: str) -> None:
    texts = list(standin(name, documents=300))
    assert len(set(texts)) == 300
    assert not any(mark in text for text in texts for mark in "{}|^")
    assert all(40 <= len(text.split()) <= 350 for text in texts)
    assert texts == list(islice(standin(name, documents=301), 300))
    assert texts[0] != next(standin(name, seed=1))


def test_positions_use_words_of_their_own() -> None:
    sundials, maps = (" ".join(standin(name, documents=50)) for name in ("sundials", "maps"))
    assert "gnomon" in sundials
    assert "gnomon" not in maps


def test_an_unknown_name_lists_the_others() -> None:
    with pytest.raises(ValueError, match="there are sundials, walking, maps, letters"):
        next(standin("flat earth"))
