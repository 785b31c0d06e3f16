"""RAID's attacks on detectors (Dugan et al. 2024, section 4.3) as functions of a text and a seed.

Each changes a share of the places where it could, the strength that RAID gives it. The eleventh,
paraphrase, needs a model: `hallmark.lm.paraphrase`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hallmark.evaluate.attack_words import Swaps, british_spellings, misspellings, synonyms

FPR = 0.05  # that the threshold of an attack table aims at, as in RAID
Change = Callable[[str, random.Random, float], str]
_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_ARTICLE = re.compile(r"(?<= )(?:a|an|the) ")
_NUMBER = re.compile(r"\d+\.?\d*")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]?\s+(?=[\"'(\[]?[A-Z])")
_LOOKALIKES = {
    "a": "\u0430", "c": "\u0441", "e": "\u0435", "i": "\u0456", "o": "\u043e", "p": "\u0440",
    "x": "\u0445", "y": "\u0443", "A": "\u0410\u0391", "B": "\u0412\u0392", "C": "\u0421",
    "E": "\u0415\u0395", "H": "\u041d\u0397", "I": "\u0406\u0399", "K": "\u041a\u039a",
    "M": "\u041c\u039c", "N": "\u039d", "O": "\u041e\u039f", "P": "\u0420\u03a1",
    "T": "\u0422\u03a4", "X": "\u0425\u03a7", "Z": "\u0396",
}  # fmt: skip
_TYPO_LEAST = 4  # letters of a word that a slip of the keyboard may change


@dataclass(frozen=True)
class Attack:
    """A change of texts; `strength` is the share of the places that it changes, as in RAID."""

    name: str
    strength: float
    change: Change

    def __call__(self, text: str, seed: int) -> str:
        """The changed text; the same seed changes a text in the same way."""
        return self.change(text, random.Random(f"{self.name} {seed}"), self.strength)


def attacks(*, synonym_table: Swaps | None = None) -> dict[str, Attack]:
    """Ten of RAID's eleven attacks by name, at its strengths, in the order of its table."""
    spell, miss, alike = british_spellings(), misspellings(), synonym_table or synonyms()
    found: list[tuple[str, float, Change]] = [
        (
            "alternative-spelling",
            1.0,
            lambda text, draw, share: _swap_words(text, draw, share, spell),
        ),
        ("article-deletion", 0.5, delete_articles),
        ("paragraph-insertion", 0.5, insert_paragraphs),
        ("upper-lower", 0.05, flip_case),
        ("zero-width-space", 1.0, insert_zero_width),
        ("whitespace", 0.2, add_blanks),
        ("homoglyph", 1.0, swap_lookalikes),
        ("number-swap", 0.5, change_numbers),
        ("misspelling", 0.2, lambda text, draw, share: _misspell(text, draw, share, miss)),
        ("synonym", 0.5, lambda text, draw, share: _swap_all(text, draw, share, alike)),
    ]
    return {name: Attack(name, strength, change) for name, strength, change in found}


def delete_articles(text: str, draw: random.Random, share: float) -> str:
    """Without a share of a, an, the between blanks."""
    return _replace(text, _chosen(list(_ARTICLE.finditer(text)), draw, share), lambda _: "")


def insert_paragraphs(text: str, draw: random.Random, share: float) -> str:
    """An empty line before a share of the sentences."""
    ends = _chosen(list(_SENTENCE_END.finditer(text)), draw, share)
    return _replace(text, ends, lambda gap: f"{gap.rstrip()} \n\n")


def flip_case(text: str, draw: random.Random, share: float) -> str:
    """The first letters of a share of the words from upper to lower case, or the other way."""
    words = _chosen(list(_WORD.finditer(text)), draw, share)
    return _replace(text, words, lambda word: word[0].swapcase() + word[1:])


def insert_zero_width(text: str, draw: random.Random, share: float) -> str:
    """A zero-width space behind a share of the characters."""
    behind = set(draw.sample(range(len(text)), int(len(text) * share)))
    return "".join(f"{c}\u200b" if i in behind else c for i, c in enumerate(text))


def add_blanks(text: str, draw: random.Random, share: float) -> str:
    """Further blanks where blanks are, as many as a share of them; one place may get several."""
    words = text.split(" ")
    for i in draw.choices(range(len(words)), k=int(len(words) * share)):
        words[i] += " "
    return " ".join(words)


def swap_lookalikes(text: str, draw: random.Random, share: float) -> str:
    """Letters for Cyrillic and Greek ones that look like them."""
    return "".join(
        draw.choice(_LOOKALIKES[c]) if c in _LOOKALIKES and draw.random() < share else c
        for c in text
    )


def change_numbers(text: str, draw: random.Random, share: float) -> str:
    """Other digits in a share of the numbers."""
    numbers = _chosen(list(_NUMBER.finditer(text)), draw, share)
    return _replace(text, numbers, lambda n: re.sub(r"\d", lambda _: draw.choice("0123456789"), n))


def read_synonyms(path: Path) -> Swaps:
    """A table of one's own: on each line a word and what to put for it, between blanks.

    ValueError names a line with one word, and an empty file.
    """
    table: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        word, *others = line.lower().split() or [""]
        if word and not others:
            raise ValueError(f"{path}, line {number} has one word; give others behind it")
        if word:
            table[word] = (*table.get(word, ()), *others)
    if not table:
        raise ValueError(f"{path} is empty; give a word and its synonyms on each line")
    return table


def _swap_words(text: str, draw: random.Random, share: float, table: Swaps) -> str:
    """A share of the words in `table` for others."""
    known = [word for word in _WORD.finditer(text) if word.group().lower() in table]
    return _swap(text, _chosen(known, draw, share), draw, table)


def _swap_all(text: str, draw: random.Random, share: float, table: Swaps) -> str:
    """Words in `table` for others, as many as a share of all words if there are so many."""
    words = list(_WORD.finditer(text))
    known = [word for word in words if word.group().lower() in table]
    chosen = draw.sample(known, min(int(len(words) * share), len(known)))
    return _swap(text, sorted(chosen, key=lambda word: word.start()), draw, table)


def _swap(text: str, words: Sequence[re.Match[str]], draw: random.Random, table: Swaps) -> str:
    return _replace(text, words, lambda word: _cased(draw.choice(table[word.lower()]), word))


def _misspell(text: str, draw: random.Random, share: float, table: Swaps) -> str:
    """Misspelt words, as many as a share of all; those without a known misspelling get a typo."""
    words = list(_WORD.finditer(text))
    able = [w for w in words if w.group().lower() in table or len(w.group()) >= _TYPO_LEAST]
    chosen = draw.sample(able, min(int(len(words) * share), len(able)))

    def miswrite(word: str) -> str:
        known = table.get(word.lower())
        return _cased(draw.choice(known), word) if known else _typo(word, draw)

    return _replace(text, sorted(chosen, key=lambda word: word.start()), miswrite)


def _typo(word: str, draw: random.Random) -> str:
    """Two letters inside the word change places, or one is left out or doubled."""
    i = draw.randrange(1, len(word) - 1)
    kind = draw.randrange(3)
    if kind == 0 and word[i] != word[i + 1]:
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    return word[:i] + word[i + 1 :] if kind == 1 else word[:i] + word[i] + word[i:]


def _cased(new: str, old: str) -> str:
    """`new` with the capitals of `old`."""
    if old.isupper() and len(old) > 1:
        return new.upper()
    return new[:1].upper() + new[1:] if old[:1].isupper() else new


def _chosen(
    places: Sequence[re.Match[str]], draw: random.Random, share: float
) -> list[re.Match[str]]:
    """A share of the places, rounded down as in RAID, in order."""
    found = draw.sample(places, int(len(places) * share))
    return sorted(found, key=lambda place: place.start())


def _replace(text: str, places: Sequence[re.Match[str]], change: Callable[[str], str]) -> str:
    """The text with something else at `places`, which are in order."""
    pieces, at = [], 0
    for place in places:
        pieces += [text[at : place.start()], change(place.group())]
        at = place.end()
    return "".join([*pieces, text[at:]])
