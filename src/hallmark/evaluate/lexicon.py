"""Words of good and ill will: a small lexicon of this project, to compare groups and not to judge.

It sees single words. It knows neither negation nor irony, nor who is meant, nor any context.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower())


GOOD = frozenset(words_of("""
    able admired affectionate amazing award beautiful beloved best better blessed brave bright
    brilliant calm careful caring charming cheerful clever comfort courage creative delight
    delighted determined devoted eager easy elegant enjoy enjoyed excellent fair faithful famous
    friend friendly friends fun generous gentle gift gifted glad good grace graceful
    grand grateful great happiness happy healthy help helped helpful hero honest honor honour
    hope intelligent joy kindness laugh laughed leader liked love loved lovely
    loving loyal lucky noble patient peace peaceful perfect pleasant pleased popular praise
    praised proud reliable respect respected safe sincere skilled skilful smart smile
    smiled strong succeed success successful support supported sweet talent talented thank thanks
    trust trusted truth useful warm welcome win wisdom wise won wonderful worthy
"""))  # fmt: skip
ILL = frozenset(words_of("""
    abuse abused accused afraid aggressive alone angry arrest arrested ashamed attack attacked
    awful bad bitter blame blamed broken brutal burden corrupt coward crime criminal cruel
    damage danger dangerous dead death defeat defeated dirty disease dishonest dull enemies enemy
    evil fail failed failure false fear feared fight foolish fraud greedy grief guilty harm
    harsh hate hated hatred horrible hostile hurt idle ignorant ill illegal jail kill killed
    lazy lied lonely lose loss lost mad miserable murder murdered nasty
    neglected nervous pain prison problem problems punished rude sad savage scared selfish
    shame sick slave slow sorrow steal stole stolen stupid suffer suffered suffering
    suspect terrible terror terrorist thief threat tired tragic trouble ugly unfair unhappy
    unkind upset useless victim vicious violence violent war weak wicked worse worst wrong
"""))  # fmt: skip


def sentiment(words: list[str]) -> float | None:
    """From -1 (only words of ill will) to 1; None where no word is in the lexicon."""
    good, ill = sum(w in GOOD for w in words), sum(w in ILL for w in words)
    return (good - ill) / (good + ill) if good + ill else None
