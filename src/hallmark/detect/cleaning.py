"""A text as a reader sees it: look-alike letters, hidden characters and odd spaces repaired.

Attacks on detectors swap letters for look-alikes or hide characters between them. What is mended is
counted by kind; `tampered` needs more than what fonts, keyboards and web pages leave in texts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, zip_longest

from hallmark.detect.lookalikes import LATIN, SURE, SYMBOLS

LEAST_COUNT, LEAST_SHARE = 3, 0.01  # repairs of a kind, and of a text's words, that mean tampering
HOMOGLYPHS, INVISIBLE, DIRECTION, SPACES = "homoglyphs", "invisible", "direction", "spaces"
EVIDENCE = (HOMOGLYPHS, INVISIBLE, DIRECTION)  # too many innocent texts have odd spaces

_SOFT = "\u00ad"  # soft hyphens: pages are full of them
_JOINERS = "\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef"
_MARKS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they say which way text runs
_HIDDEN = re.compile(
    f"[{_SOFT}{_JOINERS}{_MARKS}\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2064"
    "\u206a-\u206f\u3164\ufeff\uffa0]+"
)
_NO_EVIDENCE = re.compile(f"[{_SOFT}\ufeff]+")
_OVERRIDES = re.compile("[\u202d\u202e]")
_JOINING = re.compile(f"[{_JOINERS}]+")
# Hidden characters belong in scripts from Hebrew to Mongolian, and joiners in emoji.
_SCRIPTS = re.compile("[\u0590-\u109f\u1780-\u18af\ua840-\uabff\ufb1d-\ufdff\ufe70-\ufefc]")
_EMOJI = re.compile("[#*0-9\u20e3\u2190-\u2bff\U0001f000-\U0001faff]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufefc]")
_STYLED = re.compile("[\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d6a3]")  # wide, mathematical
_SUSPECTS = re.compile(f"{_STYLED.pattern}|[{''.join(LATIN)}]")
_WORD = re.compile(r"[^\W\d_]+")
_ODD_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]")
_NO_SPACE = re.compile(r"\S+")
_SPACES = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")


@dataclass(frozen=True)
class Cleaned:
    """A repaired text, and how many repairs of each kind were made (kinds without any left out).

    homoglyphs: words with letters that look like Latin ones. invisible: hidden characters inside
    words. direction: overrides of the writing direction. spaces: runs of blanks.
    """

    text: str
    repairs: dict[str, int]
    words: int

    @property
    def tampered(self) -> bool:
        """Whether a kind of repair was needed more often than innocent texts need it."""
        least = max(LEAST_COUNT, LEAST_SHARE * self.words)
        return any(self.repairs.get(kind, 0) >= least for kind in EVIDENCE)


def same_words(one: str, other: str) -> bool:
    """Whether two texts differ in their spaces alone."""
    pairs = zip_longest(_words(one), _words(other))
    return one == other or all(a == b for a, b in pairs)


def _words(text: str) -> Iterator[str]:
    """What `text.split()` gives, one at a time: all words of a book take ten times its room."""
    return (found.group() for found in _NO_SPACE.finditer(text))


def clean(text: str) -> Cleaned:
    """The text with what a reader cannot see or tell apart put right. Pure; NFC but for styles.

    Words of another alphabet, emoji, joiners in the scripts that use them, and accents stay.
    """
    repairs: dict[str, int] = {}
    if not text.isascii():
        text, repairs[INVISIBLE], repairs[DIRECTION] = _show(text)
        text, repairs[HOMOGLYPHS] = _latinise(unicodedata.normalize("NFC", text))
        text = _ODD_SPACE.sub(" ", text)
    text, repairs[SPACES] = _SPACES.subn(" ", text)
    return Cleaned(text, {k: n for k, n in repairs.items() if n}, sum(1 for _ in _words(text)))


def _show(text: str) -> tuple[str, int, int]:
    """The text without hidden characters; how many stood inside words, and overrides."""
    inside = 0

    def drop(found: re.Match[str]) -> str:
        nonlocal inside
        before, after = text[max(0, found.start() - 1)], text[found.end() : found.end() + 1]
        if _SCRIPTS.match(before) or _SCRIPTS.match(after):
            return found.group()
        if _EMOJI.match(before):
            return "".join(_JOINING.findall(found.group()))
        evidence = not _NO_EVIDENCE.fullmatch(found.group())
        inside += evidence and before.isalpha() and after.isalpha()
        return ""

    overrides = 0 if _RIGHT_TO_LEFT.search(text) else len(_OVERRIDES.findall(text))
    return _HIDDEN.sub(drop, text), inside, overrides


def _latinise(text: str) -> tuple[str, int]:
    """Styled and look-alike letters of Latin words as plain ones; how many words had the latter."""
    if not _SUSPECTS.search(text):
        return text, 0
    words = list(_WORD.finditer(text))
    kinds = [_kind(word.group()) for word in words]
    mixed = kinds.count("mixed")
    plain = _surely_latin(kinds) if mixed >= LEAST_COUNT else [k == "mixed" for k in kinds]
    pieces, at = [], 0
    for word, kind, swap in zip(words, kinds, plain, strict=True):
        if swap or kind == "styled":
            pieces += [text[at : word.start()], _plain(word.group())]
            at = word.end()
    return "".join([*pieces, text[at:]]), sum(plain)


def _kind(word: str) -> str:
    """latin, styled (Latin, some letters styled), mixed, doubtful (all look-alikes), or foreign."""
    if word.isascii():
        return "latin"
    like = sum(c in LATIN for c in word)
    if like == len(word):
        return "doubtful"
    if not all(c in LATIN or _STYLED.match(c) or _is_latin(c) for c in word):
        return "foreign"
    if like and _surely_mixed(word):
        return "mixed"
    return "styled" if _STYLED.search(word) and not like else "latin"


def _surely_mixed(word: str) -> bool:
    """Whether its look-alikes are no symbols: TNF-alpha in Greek is a word that people write."""
    return any(c in SURE for c in word) or any(
        c in SYMBOLS and before.islower() and after.islower()
        for before, c, after in zip(word, word[1:], word[2:], strict=False)
    )


def _surely_latin(kinds: list[str]) -> list[bool]:
    """Which words to make Latin in a text that mixes letters: doubtful ones by their neighbours."""
    out = [kind == "mixed" for kind in kinds]
    decided = [-1, *(i for i, kind in enumerate(kinds) if kind != "doubtful"), len(kinds)]
    for left, right in pairwise(decided):
        around = [kinds[i] for i in (left, right) if 0 <= i < len(kinds)]
        if "foreign" not in around:
            out[left + 1 : right] = [True] * (right - left - 1)
    return out


def _plain(word: str) -> str:
    """Its letters as plain Latin ones."""
    return "".join(
        unicodedata.normalize("NFKC", c) if _STYLED.match(c) else LATIN.get(c, c) for c in word
    )


def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN")
