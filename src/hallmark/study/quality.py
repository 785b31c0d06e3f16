"""What looks odd about how a rater answered: for the researcher to look at, excluding nobody.

Pure: knows neither stores nor pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

FASTEST = 600.0  # words a minute; few adults read prose as fast (Brysbaert 2019: 238 on average)
LONGEST = 600.0  # seconds on one page
LEAST = 4  # texts before sameness says anything


@dataclass(frozen=True)
class Seen:
    """One page that was answered: seconds until then, words of its text, answers by question."""

    seconds: float
    words: int
    values: Mapping[str, int]


def flags(pages: Sequence[Seen], *, attention_failed: int = 0) -> list[str]:
    """What to look at, in words."""
    found = []
    if attention_failed:
        found.append("failed an attention check")
    if pages and median(p.words / max(p.seconds, 0.01) * 60 for p in pages) > FASTEST:
        found.append("faster than reading")
    if any(p.seconds > LONGEST for p in pages):
        found.append("long away")
    if len(pages) >= LEAST and len({tuple(sorted(p.values.items())) for p in pages}) == 1:
        found.append("always the same answers")
    return found
