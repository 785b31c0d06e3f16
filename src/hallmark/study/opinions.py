"""What simulated raters think: numbers drawn from the study file's expectation. No person's.

Knows neither pages nor stores. The same seed, rater and text give the same opinion.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from hallmark.study.definition import BOUNDARY, DETECTION, MACHINE, Expectation, Scale, Study
from hallmark.study.texts import Stimulus, sentences


@dataclass(frozen=True)
class Habits:
    """Shares of raters: who misreads the instructions at first, skims an attention check, leaves
    on the way; how often a machine's and a human's text is called a machine's; points by which
    the items of an index differ within one rating (standard deviation).
    """

    misreads: float = 0.1
    skims: float = 0.05
    leaves: float = 0.05
    hit: float = 0.6
    alarm: float = 0.35
    sd_items: float = 0.8


class Opinions:
    """One rater's."""

    def __init__(
        self, study: Study, rater: int, *, seed: int = 0, habits: Habits | None = None
    ) -> None:
        self.study, self.seed, self.habits = study, seed, habits or Habits()
        self.expected = study.expected or Expectation({})
        self.draw = random.Random(f"opinions/{seed}/{rater}")
        self.misreads = self.draw.random() < self.habits.misreads
        self.skims = self.draw.random() < self.habits.skims
        self.leaves = self.draw.random() < self.habits.leaves
        self.mood = self.draw.gauss(0, self.expected.sd_rater)

    def of(self, text: Stimulus) -> dict[str, int]:
        """An answer to every question about the text."""
        values: dict[str, int] = {}
        liking = self.mood + self.draw.gauss(0, self.expected.sd_residual) + self._appeal(text)
        for scale in self.study.scales:
            if scale.kind == DETECTION:
                share = self.habits.hit if text.label == MACHINE else self.habits.alarm
                values[scale.name] = int(self.draw.random() < share)
            elif scale.kind == BOUNDARY:
                values[scale.name] = self._place(text)
            else:
                values |= {q: self._points(scale, text, liking) for q in scale.questions}
        return values

    def _appeal(self, text: Stimulus) -> float:
        """What all raters find of this text: drawn from the text alone."""
        return random.Random(f"appeal/{self.seed}/{text.id}").gauss(0, self.expected.sd_item)

    def _points(self, scale: Scale, text: Stimulus, liking: float) -> int:
        """Points on a scale; expectations are in points of the study's index."""
        index = self.study.index or scale
        middle = (index.low + index.high) / 2
        point = self.expected.means.get(text.condition, middle) + liking
        if len(scale.questions) > 1:
            point += self.draw.gauss(0, self.habits.sd_items)
        share = (point - index.low) / (index.high - index.low)
        found = round(scale.low + share * (scale.high - scale.low))
        return min(max(found, scale.low), scale.high)

    def _place(self, text: Stimulus) -> int:
        """The sentence from which on a machine is taken to have written; 0 for none."""
        last = len(sentences(text.text))
        if text.boundary:
            return min(max(text.boundary + self.draw.randint(-1, 1), 1), last)
        return self.draw.randint(0, last)
