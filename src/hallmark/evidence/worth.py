"""What a review is worth before it is made: the order of the queue."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hallmark.evidence.cases import Answer


@dataclass(frozen=True)
class Rates:
    """How often each answer is given, by what is true: {answer: (of human, of synthetic)}.

    n: gold cases behind it; 0 says that it is assumed.
    """

    of: Mapping[Answer, tuple[float, float]]
    n: int = 0


ASSUMED = Rates(
    {Answer.HUMAN: (0.6, 0.2), Answer.UNSURE: (0.2, 0.2), Answer.SYNTHETIC: (0.2, 0.6)}
)  # not measured: people who are told right three times as often as wrong


def value_of_review(
    posterior: float, *, reviews: int, rates: Rates = ASSUMED, missed: float, wrong: float
) -> float:
    """What reviewing a case is expected to save, in the unit of `missed`.

    Without reviews nothing is done about an account and a synthetic one costs `missed`. After them,
    people may act, where a human account would cost `wrong`. With answers a to `reviews` people,
    independent given the truth, it is the sum over a of
    max(0, P(a | synthetic) p missed - P(a | human) (1 - p) wrong): the expected value of sample
    information (Raiffa and Schlaifer 1961), against the act "leave it". 0 where no answers could
    make acting worth it.
    """
    both = {0: (1.0, 1.0)}
    for _ in range(reviews):
        fresh: dict[int, tuple[float, float]] = {}
        for total, (human, synthetic) in both.items():
            for answer, (h, s) in rates.of.items():
                old = fresh.get(total + answer.score, (0.0, 0.0))
                fresh[total + answer.score] = (old[0] + human * h, old[1] + synthetic * s)
        both = fresh
    return math.fsum(
        max(0.0, synthetic * posterior * missed - human * (1 - posterior) * wrong)
        for human, synthetic in both.values()
    )
