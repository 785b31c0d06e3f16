"""Whether a text is what the detectors were made for: running English prose that goes on.

Four counts, no model. Error rates were counted on prose, so they say nothing of other text;
`recipes/verdicts.py` measures how often each count turns prose and code away.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Sequence
from itertools import groupby

from hallmark.detect.words import Words

LEAST_KNOWN = 0.6  # share of the words that must be English words
LEAST_COMMON = 0.06  # share of the words that must be among COMMON; prose has .2 to .4
MOST_MARKS = 1.5  # marks of code for each common word; prose has about .1
MOST_REPEATED = 0.5  # share of word windows that have occurred before; prose has about 0
WINDOW = 8  # words
# The commonest words that no neighbouring language spells the same.
_COMMON = (
    "the and of to that for with it you this are be have from they at not but by we which or his "
    "their would been when there has were had what all can your if about more one out she said"
)
COMMON = frozenset(_COMMON.split())
CODE = frozenset("(){}[]<>=_;|\\*#/^`")


def out_of_scope(text: str, known: Container[str]) -> str:
    """Why no error rate holds for a normalised text, or nothing; `known` has English words."""
    words = Words(text)
    lower, n = words.lower, len(words.lower)
    if sum(word in known for word in lower) < LEAST_KNOWN * max(1, n):
        return "it is not running English text, the only kind this detector was made for"
    common = sum(word in COMMON for word in lower)
    if common < LEAST_COMMON * n:
        return (
            f"it is not running English text: {common} of its {n} words are among the commonest "
            "of English, as in other languages, lists and tables; the detector was made for prose"
        )
    marks = sum(mark in CODE for mark, _ in groupby(words.pieces))
    if marks > MOST_MARKS * common:
        return (
            f"it looks like code or markup: {marks} brackets, operators and the like beside "
            f"{common} of the commonest English words; the detector was made for prose"
        )
    share = repeated(lower)
    if share > MOST_REPEATED:
        return (
            f"it repeats itself: {share:.0%} of its runs of {WINDOW} words stood in it before; "
            "that would decide the score, and the detector was made for text that goes on"
        )
    return ""


def repeated(items: Sequence[Hashable], *, window: int = WINDOW) -> float:
    """Share, 0 to 1, of a text's runs of `window` words or tokens that occurred in it before."""
    runs = [tuple(items[i : i + window]) for i in range(len(items) - window + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0
