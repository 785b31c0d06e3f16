"""Zero-shot statistics of a language model: small pure functions of one TokenScores.

All are oriented as published, higher for text that the model finds likely, which under top-k
sampling means more synthetic. Pure samples are *less* likely than human text, so the sign of
most of them flips with the sampling method; `docs/detectors.md` shows by how much.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hallmark.lm.score import TokenScores

Statistic = Callable[[TokenScores], float]
GLTR_BUCKETS = (10, 100, 1000)


def log_likelihood(scores: TokenScores) -> float:
    """Mean log-probability of a token, nats (Solaiman et al. 2019; GLTR)."""
    return float(np.mean(scores.log_prob))


def rank(scores: TokenScores) -> float:
    """Minus the mean rank of a token, 1 being the likeliest (GLTR, Gehrmann et al. 2019)."""
    return -float(np.mean(scores.rank))


def log_rank(scores: TokenScores) -> float:
    """Minus the mean natural logarithm of the rank (DetectGPT, Mitchell et al. 2023)."""
    return -float(np.mean(np.log(scores.rank)))


def entropy(scores: TokenScores) -> float:
    """Minus the mean entropy of the model's predictions, nats (Lavergne et al. 2008)."""
    return -float(np.mean(scores.entropy))


def lrr(scores: TokenScores) -> float:
    """Log-likelihood over log-rank, both as positive sums (Su et al. 2023, LRR).

    A text whose every token is the likeliest has no log-rank: it gets the ratio at a mean
    log-rank of 1e-3.
    """
    return -log_likelihood(scores) / max(-log_rank(scores), 1e-3)


def gltr_shares(scores: TokenScores) -> NDArray[np.float64]:
    """Shares of tokens with rank up to 10, 100, 1000 and beyond; they sum to 1 (GLTR)."""
    bucket = np.searchsorted(GLTR_BUCKETS, scores.rank, side="left")
    return np.bincount(bucket, minlength=4) / max(1, len(scores))


def gltr_top10(scores: TokenScores) -> float:
    """Share of tokens among the model's ten likeliest (GLTR's green)."""
    return float(gltr_shares(scores)[0])


def fast_detectgpt(scores: TokenScores) -> float:
    """Conditional probability curvature (Bao et al. 2024, equation 5; analytic, one model).

    Sum of log-probability above its expectation under the model's own distribution, over the
    square root of the summed variance: in standard deviations.
    """
    excess = float(np.sum(scores.log_prob + scores.entropy))
    return excess / math.sqrt(max(float(np.sum(scores.variance)), 1e-12))


def binoculars(scores: TokenScores, cross_entropy: NDArray[np.float32]) -> float:
    """Minus perplexity over cross-perplexity, both as logarithms (Hans et al. 2024, equation 4).

    `scores` are the performer's, `cross_entropy` (T,) the observer's expectation of the
    performer's surprise in nats.
    """
    return log_likelihood(scores) / max(float(np.mean(cross_entropy)), 1e-12)


STATISTICS: dict[str, Statistic] = {
    "log-likelihood": log_likelihood,
    "rank": rank,
    "log-rank": log_rank,
    "entropy": entropy,
    "lrr": lrr,
    "gltr-top10": gltr_top10,
    "fast-detectgpt": fast_detectgpt,
}
