"""What may be said of a text: a band, a probability at a stated prior, and how often it errs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

BUNDLED_DETECTOR = "bundled"
PRIOR = 0.5


class Band(StrEnum):
    """How a text looks. None of them says who wrote it."""

    LIKELY_HUMAN = "likely human"
    CANNOT_TELL = "cannot tell"
    LIKELY_SYNTHETIC = "likely synthetic"


@dataclass(frozen=True)
class Citation:
    """The certificate that a verdict rests on: its hash, what it claims, and of what dates."""

    sha256: str
    target_fpr: float
    dates: str


@dataclass(frozen=True)
class Verdict:
    """`score` on the detector's scale (the bundled one's is nats); `probability` that the text is
    synthetic if `prior` of such texts are.

    `likelihood_ratio`: how much more common such a score is among synthetic texts than among
    human ones. `false_positive_rate`: at most this share (95 % bound) of human texts of this
    length score at least as high, from `false_positive_n` texts of the worst group.
    `false_negative_rate`: at most this share of synthetic texts of this length score as low or
    lower, from `false_negative_n` texts. Each is None where the detector abstains, or where its
    certificate does not give it; `reason` says why it cannot tell. `calibration` is the user's
    certificate, where one was used.

    `score` is that of the text as `cleaning.clean` repairs it and `raw_score` that of the text as
    it was given; `repairs` counts what was mended by kind, and `tampered` says that innocent texts
    do not need so much of it.
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
    raw_score: float | None = None
    tampered: bool = False
    repairs: Mapping[str, int] = field(default_factory=dict)
    calibration: Citation | None = None


def in_words(probability: float) -> str:
    """A probability in whole per cent, never as a certainty."""
    if probability > 0.99:
        return "over 99%"
    return "under 1%" if probability < 0.01 else f"{probability:.0%}"
