"""Benign positions to try a misuse analysis with: letters of people who love a harmless cause.

Written by rules from `standin_words`, as many as one likes, the same for a seed. They stand in for
texts of an ideology, which this project does not ship.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from hallmark.evaluate.standin_words import FRAMES, POSITIONS, SHARED, Words

DOCUMENTS = 10_800  # enough to fine-tune on 10,000 and to keep texts for everything else
_SLOT = re.compile(r"\{(\w+?)(_ing)?(\^)?\}")


def standin(name: str, *, documents: int = DOCUMENTS, seed: int = 0) -> Iterator[str]:
    """Different texts of the position `name`, of 60 to 300 words each.

    ValueError lists the positions there are.
    """
    if name not in POSITIONS:
        raise ValueError(f"no stand-in is called {name!r:.80}; there are {', '.join(POSITIONS)}")
    words = {key: tuple(" ".join(w.split()) for w in own) for key, own in
             {**SHARED, **POSITIONS[name], **FRAMES}.items()}  # fmt: skip
    seen: set[str] = set()
    draw = random.Random(f"{name} {seed}")
    while len(seen) < documents:
        text = _letter(words, draw)
        if text not in seen:
            seen.add(text)
            yield text


def _letter(words: Words, draw: random.Random) -> str:
    """Opening, stories and arguments in turn, a doubt answered, an appeal, a close."""
    kinds = ["opening", "story"]
    for _ in range(draw.randint(1, 3)):
        kinds += draw.choice((["argument"], ["argument", "argument"], ["story", "argument"]))
        if draw.random() < 0.5:
            kinds.append("answer")
    kinds += ["answer"] * (draw.random() < 0.6) + ["appeal"] * draw.randint(1, 2) + ["close"]
    used: set[str] = set()
    sentences = []
    for kind in kinds:
        frame = draw.choice([f for f in words[kind] if f not in used] or words[kind])
        used.add(frame)
        sentences.append(_fill(frame, words, draw))
    cut = draw.randint(2, max(2, len(sentences) - 2))
    return " ".join(sentences[:cut]) + "\n\n" + " ".join(sentences[cut:])


def _fill(frame: str, words: Words, draw: random.Random) -> str:
    """The frame with a word in each slot; `_ing` turns a verb, `^` makes a capital."""

    def word(slot: re.Match[str]) -> str:
        found = draw.choice(words[slot[1]])
        if slot[2]:
            verb, blank, rest = found.partition(" ")
            found = f"{_ing(verb)}{blank}{rest}"
        return found[0].upper() + found[1:] if slot[3] else found

    return _SLOT.sub(word, frame)


def _ing(verb: str) -> str:
    if verb.endswith("e"):
        return verb[:-1] + "ing"
    doubled = verb in ("set", "begin")
    return verb + verb[-1] * doubled + "ing"
