from __future__ import annotations

from hallmark.detect.cutting import cut_to, decoded
from hallmark.models.tokenizer import Tokenizer


def test_cut_texts_are_whole_characters() -> None:
    assert cut_to("ab  cé", 5, Tokenizer([])) == "ab c"  # é is two tokens here
    assert cut_to("ab  cé", 6, Tokenizer([])) == "ab cé"
    assert cut_to("ab  cé", 7, Tokenizer([])) is None


def test_half_a_character_is_left_out() -> None:
    ids = Tokenizer([]).encode("aé")
    assert [decoded(ids[:n], Tokenizer([])) for n in (1, 2, 3)] == ["a", "a", "aé"]
