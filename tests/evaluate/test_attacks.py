"""Each attack changes what it says, as much as it says, and the same seed in the same way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallmark.evaluate.attack_words import british_spellings, misspellings, synonyms
from hallmark.evaluate.attacks import attacks, read_synonyms

TEXT = (
    "The center of the town had a theater in 1905, and 400 people came. They organized a big "
    "meeting there because the government had made a new law. An honored neighbor said that it "
    "would change 12.5 percent of the prices. Everyone believed him, and the color of an old car "
    "was 7 shades of gray. "
) * 4
ATTACKS = attacks()
STRENGTHS = {
    "alternative-spelling": 1.0, "article-deletion": 0.5, "paragraph-insertion": 0.5,
    "upper-lower": 0.05, "zero-width-space": 1.0, "whitespace": 0.2, "homoglyph": 1.0,
    "number-swap": 0.5, "misspelling": 0.2, "synonym": 0.5,
}  # fmt: skip


def differing(one: str, other: str) -> int:
    """Words that differ, of two texts of as many."""
    return sum(a != b for a, b in zip(one.split(), other.split(), strict=True))


def test_strengths_are_raids() -> None:
    assert {name: attack.strength for name, attack in ATTACKS.items()} == STRENGTHS


@pytest.mark.parametrize("name", STRENGTHS)
def test_the_seed_decides(name: str) -> None:
    attack = ATTACKS[name]
    assert attack(TEXT, 1) == attack(TEXT, 1) != TEXT
    certain = ("alternative-spelling", "zero-width-space", "synonym")  # all that can be
    assert (attack(TEXT, 1) == attack(TEXT, 2)) == (name in certain)
    assert attack("", 1) == ""


@pytest.mark.parametrize("name", STRENGTHS)
@given(text=st.text(max_size=60))
def test_any_text_can_be_attacked(name: str, text: str) -> None:
    assert isinstance(ATTACKS[name](text, 0), str)


def test_half_of_the_articles_go() -> None:
    count = re.compile(" (?:a|an|the) ").findall
    before, after = len(count(TEXT)), len(count(ATTACKS["article-deletion"](TEXT, 0)))
    assert after == before - before // 2


def test_half_of_the_sentences_begin_a_paragraph() -> None:
    attacked = ATTACKS["paragraph-insertion"](TEXT, 0)
    assert attacked.count("\n\n") == 15 // 2
    assert attacked.split() == TEXT.split()


def test_case_flips_in_one_word_of_twenty() -> None:
    attacked = ATTACKS["upper-lower"](TEXT, 0)
    assert differing(TEXT, attacked) == int(len(re.findall("[A-Za-z]+", TEXT)) * 0.05)
    assert attacked.lower() == TEXT.lower()


def test_every_character_gets_a_zero_width_space() -> None:
    assert ATTACKS["zero-width-space"](TEXT, 0) == "".join(f"{c}\u200b" for c in TEXT)


def test_a_fifth_of_the_blanks_are_added() -> None:
    attacked = ATTACKS["whitespace"](TEXT, 0)
    assert len(attacked) - len(TEXT) == len(TEXT.split(" ")) // 5
    assert attacked.split() == TEXT.split()


def test_no_letter_that_has_a_look_alike_is_left() -> None:
    attacked = ATTACKS["homoglyph"](TEXT, 0)
    assert not set("aceiopxyABCEHIKMNOPTXZ") & set(attacked)
    assert len(attacked) == len(TEXT)


def test_half_of_the_numbers_get_other_digits() -> None:
    attacked = ATTACKS["number-swap"](TEXT, 0)
    assert re.sub(r"\d", "#", attacked) == re.sub(r"\d", "#", TEXT)
    assert 0 < differing(TEXT, attacked) <= 8  # of 16; a drawn digit may be the old one


def test_a_fifth_of_the_words_are_misspelt() -> None:
    attacked = ATTACKS["misspelling"](TEXT, 0)
    words = len(re.findall("[A-Za-z]+", TEXT))
    assert 0.15 * words < differing(TEXT, attacked) <= 0.2 * words


def test_spellings_become_british_with_their_capitals() -> None:
    attacked = ATTACKS["alternative-spelling"]("Center, ORGANIZED Neighbors; the gray center.", 0)
    assert attacked == "Centre, ORGANISED Neighbours; the grey centre."


def test_synonyms_are_those_of_the_table(tmp_path: Path) -> None:
    attacked = ATTACKS["synonym"](TEXT, 0)
    table = synonyms()
    pairs = zip(re.findall("[A-Za-z]+", TEXT), re.findall("[A-Za-z]+", attacked), strict=True)
    changed = [(a, b) for a, b in pairs if a != b]
    assert len(changed) > 20
    assert all(b.lower() in table[a.lower()] for a, b in changed)
    own = tmp_path / "own.txt"
    own.write_text("town village hamlet\n\nPeople folk\n", encoding="utf-8")
    mine = attacks(synonym_table=read_synonyms(own))["synonym"]("The town. People of a town", 3)
    assert re.fullmatch("The (village|hamlet). Folk of a (village|hamlet)", mine)


@pytest.mark.parametrize(("text", "said"), [("town\n", "line 1 has one word"), ("", "is empty")])
def test_a_wrong_table_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        read_synonyms(path)


@pytest.mark.parametrize("table", [british_spellings(), misspellings(), synonyms()])
def test_tables_change_every_word_that_they_hold(table) -> None:
    assert all(word == word.lower() and others and word not in others
               for word, others in table.items())  # fmt: skip
