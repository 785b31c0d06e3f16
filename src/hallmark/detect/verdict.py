"""What may be said of a text: a band, a probability at a stated prior, and how often it errs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BUNDLED_DETECTOR = "bundled"
PRIOR = 0.5


class Band(StrEnum):
    """How a text looks. None of them says who wrote it."""

    LIKELY_HUMAN = "likely human"
    CANNOT_TELL = "cannot tell"
    LIKELY_SYNTHETIC = "likely synthetic"


@dataclass(frozen=True)
class Verdict:
    """`score` in nats; `probability` that the text is synthetic if `prior` of such texts are.

    `likelihood_ratio`: how much more common such a score is among synthetic texts than among
    human ones. `false_positive_rate`: at most this share (95 % bound) of human texts of this
    length score at least as high, from `false_positive_n` texts of the worst group.
    `false_negative_rate`: at most this share of synthetic texts of this length score as low or
    lower, from `false_negative_n` texts. All of these are None where the detector abstains;
    `reason` says why it cannot tell.
    """

    band: Band
    score: float | None
    probability: float | None
    prior: float
    likelihood_ratio: float | None
    false_positive_rate: float | None
    false_positive_n: int | None
    tokens_used: int
    tokens_total: int
    reason: str
    false_negative_rate: float | None = None
    false_negative_n: int | None = None
