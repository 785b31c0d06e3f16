"""The texts that raters read: taken from JSON lines, cut at sentence ends, matched in length.

Reads `text` and, for boundary questions, `prompt` and `text` as the two parts. Knows no models.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from hallmark.data import check_text, read_jsonl_file
from hallmark.study.definition import BOUNDARY, HUMAN, MACHINE, Condition, Study

_SENTENCE_END = re.compile(r"""(?<=[.!?]["')\]])\s+|(?<=[.!?])\s+""")
_ENDS = (".", "!", "?", '"', "'", ")", "]", "\u201d", "\u2019")
_MOST_READ = 20_000  # texts of one file that are looked at


@dataclass(frozen=True)
class Stimulus:
    """One text; `id` is opaque, so that nothing a browser gets names the condition.

    `boundary` is the number of the first sentence a machine wrote, from 1; 0 where unknown.
    """

    id: str
    condition: str
    text: str
    words: int
    label: str
    source_id: str
    boundary: int = 0


def sentences(text: str) -> list[str]:
    """The text at the ends of its sentences; joined by spaces they are the text again."""
    return [s for s in _SENTENCE_END.split(" ".join(text.split())) if s]


def cut(text: str, *, min_words: int, max_words: int) -> str | None:
    """The longest beginning of whole sentences within the limits; None where there is none.

    A text that stops within a sentence, as a model's often do, loses that sentence.
    """
    kept, words = [], 0
    for sentence in sentences(text):
        words += len(sentence.split())
        if words > max_words:
            break
        kept.append(sentence)
    if kept and not kept[-1].endswith(_ENDS):
        kept.pop()
    found = " ".join(kept)
    return found if found and len(found.split()) >= min_words else None


def choose(study: Study, folder: Path) -> list[Stimulus]:
    """Texts for every condition with as nearly as possible the same lengths in each.

    Lengths to aim at are drawn from the condition with the fewest texts; each condition then
    gives its unused text nearest to each. ValueError where a file has too few.
    """
    pools = [_pool(study, condition, folder) for condition in study.conditions]
    wanted = study.design.texts_per_condition
    for condition, pool in zip(study.conditions, pools, strict=True):
        if len(pool) < wanted:
            read = sum(1 for _ in _read(folder / condition.texts))
            raise ValueError(too_few(study, condition, len(pool), f" (of {read} read)"))
    smallest = min(pools, key=len)
    aims = sorted(t.words for t in smallest[:wanted])
    chosen = []
    for pool in pools:
        left = list(pool)
        for aim in aims:
            best = min(left, key=lambda t, aim=aim: abs(t.words - aim))  # type: ignore[misc]
            left.remove(best)
            chosen.append(best)
    return chosen


def usable(study: Study, folder: Path) -> dict[str, int | None]:
    """How many texts of each condition a plan can choose from; None where there is no file yet."""
    return {
        c.name: len(_pool(study, c, folder)) if (folder / c.texts).is_file() else None
        for c in study.conditions
    }


def too_few(study: Study, condition: Condition, there: int, of: str = "") -> str:
    """That a condition has fewer usable texts than the design asks for, and the ways out."""
    limits = study.design
    return (
        f"{condition.texts} has {there} texts of {limits.min_words} to {limits.max_words} words in "
        f"whole sentences{of}, not {limits.texts_per_condition}; give more or longer texts "
        "(--max-tokens of `hallmark outputs build`), lower min_words or raise max_words, or lower "
        "texts_per_condition"
    )


def lengths(texts: list[Stimulus] | tuple[Stimulus, ...]) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of the words of each condition's texts."""
    found: dict[str, list[int]] = {}
    for text in texts:
        found.setdefault(text.condition, []).append(text.words)
    return {name: (mean(w), stdev(w) if len(w) > 1 else 0.0) for name, w in found.items()}


def _pool(study: Study, condition: Condition, folder: Path) -> list[Stimulus]:
    """Every usable text of a condition, shuffled by the seed, each text once."""
    boundary = any(s.kind == BOUNDARY for s in study.scales)
    found: dict[str, Stimulus] = {}
    for name, prompt, text in _read(folder / condition.texts):
        first = len(sentences(prompt)) if boundary and prompt else 0
        whole = f"{prompt} {text}" if first else text
        limits = study.design
        shown = cut(whole, min_words=limits.min_words, max_words=limits.max_words)
        if shown is None or (first and len(sentences(shown)) <= first):
            continue
        key = f"{limits.seed}/{condition.name}/{name}/{shown}"
        found[shown] = Stimulus(
            id=f"t{hashlib.sha256(key.encode()).hexdigest()[:12]}", condition=condition.name,
            text=shown, words=len(shown.split()), label=HUMAN if condition.human else MACHINE,
            source_id=name, boundary=first + 1 if first else 0,
        )  # fmt: skip
    pool = list(found.values())
    random.Random(f"texts/{study.design.seed}/{condition.name}").shuffle(pool)
    return pool


def _read(path: Path) -> Iterator[tuple[str, str, str]]:
    """(id, prompt, text) of each line."""
    for number, record in enumerate(read_jsonl_file(path), start=1):
        if number > _MOST_READ:
            return
        where = f"{path}, record {number}"
        text = check_text(record.get("text"), where=f'"text" of {where}')
        prompt = check_text(record.get("prompt") or "", where=f'"prompt" of {where}')
        yield str(record.get("id", number)), prompt, text
