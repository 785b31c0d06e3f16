"""How surprising a text is, token by token: to the adaptive bigram model and to a network.

Each is a reduction of one record; the distribution's tail matters more than its mean, because
top-k sampling cuts exactly that tail.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hallmark.detect.background import CACHES, AdaptiveScores
from hallmark.detect.statistics import STATISTICS, gltr_shares
from hallmark.lm.score import TokenScores
from hallmark.stats import Floats

TAILS = (2, 4, 6, 7, 8, 9, 10, 11, 12)  # nats
HIGH = 8.5  # nats: a token that surprises
COMMON, RARE = -6.5, -9.0  # natural log of a token's share of the background
ROLL = 24  # tokens
CACHE_SHARE = 0.1


def tail_features(prefix: str, log_prob: Floats) -> dict[str, float]:
    """Mean, spread, tail shares, quantiles and movement of log-probabilities (T,), T >= 1."""
    v = np.asarray(log_prob, dtype=np.float64)
    centred = v - v.mean()
    variance = max(float(centred.var()), 1e-9)
    rolled = np.convolve(v, np.ones(ROLL) / ROLL, "valid") if len(v) > 2 * ROLL else v
    half = len(v) // 2
    low, fifth, median = np.quantile(v, (0.05, 0.2, 0.5))
    out = {
        "mean": v.mean(), "sd": v.std(), "q05": low, "q20": fifth, "q50": median,
        "roll_sd": rolled.std(), "roll_low": rolled.min(), "roll_high": rolled.max(),
        "autocorrelation": (centred[1:] * centred[:-1]).sum() / len(v) / variance,
        "skew": float((centred**3).mean()) / variance**1.5,
        "slope": v[half:].mean() - v[:half].mean() if half else 0.0,
    }  # fmt: skip
    out |= {f"tail_{nats}": math.sqrt((v < -nats).mean()) for nats in TAILS}
    return {f"{prefix}_{name}": float(value) for name, value in out.items()}


def class_features(
    prefix: str,
    log_prob: Floats,
    unigram: Floats,
    *,
    starts: NDArray[np.bool_],
    first: NDArray[np.bool_],
) -> dict[str, float]:
    """Mean and surprising share by kind of token: word start, first use, rarity; all (T,)."""
    v = np.asarray(log_prob, dtype=np.float64)
    kinds = {
        "start": starts, "inside": ~starts, "first": first, "again": ~first,
        "rare": unigram < RARE, "middle": (unigram >= RARE) & (unigram < COMMON),
        "common": unigram >= COMMON,
    }  # fmt: skip
    out: dict[str, float] = {}
    for name, chosen in kinds.items():
        n = int(chosen.sum())
        out[f"{prefix}_{name}"] = float((v[chosen].sum() + 10 * v.mean()) / (n + 10))
        out[f"{prefix}_{name}_high"] = math.sqrt((int((v[chosen] < -HIGH).sum()) + 0.5) / (n + 5))
    return out


def cache_features(adaptive: AdaptiveScores, first: NDArray[np.bool_]) -> dict[str, float]:
    """What the text's own past adds to the bigram model, and how often it has an answer."""
    length = len(adaptive.ids)
    rare = adaptive.unigram < -HIGH
    expected = float((1 - np.exp(-length * np.exp(adaptive.unigram))).sum())
    out = {
        "cache_first": float(first.mean()),
        "cache_types": float(first.sum()) / max(expected, 1e-9),
        "cache_gain": float((adaptive.mixture - adaptive.bigram).mean()),
    }
    for j, name in enumerate(CACHES):
        share = adaptive.caches[:, j]
        gain = np.log(1 - CACHE_SHARE + CACHE_SHARE * share / np.exp(adaptive.bigram))
        out[f"cache_{name}_gain"] = float(gain.mean())
        out[f"cache_{name}_hit"] = float((share > 0).mean())
        out[f"cache_{name}_rare"] = float(gain[rare].sum()) / length
        out[f"cache_{name}_common"] = float(gain[~rare].sum()) / length
    return out


def network_features(scores: TokenScores) -> dict[str, float]:
    """The zero-shot statistics and GLTR's shares of one network."""
    shares = gltr_shares(scores)
    curved = scores.log_prob + scores.entropy
    return {
        **{f"lm_{name}": statistic(scores) for name, statistic in STATISTICS.items()},
        **{f"lm_gltr_{i}": math.sqrt(share) for i, share in enumerate(shares)},
        "lm_curvature_mean": float(curved.mean()),
        "lm_log_rank_sd": float(np.log(scores.rank).std()),
        "lm_entropy_sd": float(scores.entropy.std()),
    }
