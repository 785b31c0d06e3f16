"""The library's records as the API shows them. Numbers that have no value are null."""

from __future__ import annotations

import dataclasses
import math

from hallmark.data import finite
from hallmark.detect.judge import Judge
from hallmark.detect.statistics import GLTR_BUCKETS, STATISTICS, gltr_shares
from hallmark.detect.verdict import Verdict
from hallmark.lm.model import LanguageModel
from hallmark.lm.score import TokenScores
from hallmark.web.schemas import Json


def verdict_view(verdict: Verdict, judge: Judge) -> Json:
    """Every field of the verdict, and how the calibration texts of its length fared."""
    fields: Json = finite(dataclasses.asdict(verdict))
    return fields | {"flags": flags(verdict, judge)}


def flags(verdict: Verdict, judge: Judge) -> Json | None:
    """How many calibration texts of this length score at least as high; None where it abstains."""
    if verdict.score is None:
        return None
    calibration = judge.detector.calibration
    reference = calibration.references[calibration.at(verdict.tokens_used)]
    human = [float(own) for scores in reference.human.values() for own in scores]
    return {
        "human": len(human),
        "human_as_high": sum(own >= verdict.score for own in human),
        "synthetic": len(reference.synthetic),
        "synthetic_as_high": int((reference.synthetic >= verdict.score).sum()),
    }


def detector_view(verdict: Verdict) -> Json:
    """The answer of GPT-2's detector of 2019 (`detector/server.py` there)."""
    fake = verdict.probability
    return {
        "all_tokens": verdict.tokens_total,
        "used_tokens": verdict.tokens_used,
        "real_probability": None if fake is None else 1 - fake,
        "fake_probability": fake,
    }


def score_view(scores: TokenScores, model: LanguageModel) -> Json:
    """Each token's numbers, and the zero-shot statistics of them all."""
    ids = [int(token) for token in scores.tokens]
    size = len(model.tokenizer.decode_bytes(ids))
    view: Json = {
        "tokens_used": len(ids),
        "tokens_total": scores.tokens_total,
        "bits_per_byte": -float(scores.log_prob.sum()) / math.log(2) / size if size else None,
        "statistics": statistics(scores) if ids else {},
        "tokens": texts_of(ids, model),
        "log_prob": scores.log_prob.tolist(),
        "rank": scores.rank.tolist(),
        "entropy": scores.entropy.tolist(),
    }
    found: Json = finite(view)
    return found


def statistics(scores: TokenScores) -> dict[str, float]:
    """The zero-shot statistics, and GLTR's shares as `rank-at-most-N` and `rank-beyond`."""
    names = [f"rank-at-most-{most}" for most in GLTR_BUCKETS] + ["rank-beyond"]
    shares = dict(zip(names, gltr_shares(scores).tolist(), strict=True))
    return {name: statistic(scores) for name, statistic in STATISTICS.items()} | shares


def texts_of(ids: list[int], model: LanguageModel) -> list[str]:
    """The text of each token; they join to the text. A character of several tokens is given
    whole to the last of them.
    """
    out, held = [], b""
    for token in ids:
        held += model.tokenizer.decode_bytes([token])
        try:
            out.append(held.decode("utf-8"))
            held = b""
        except UnicodeDecodeError:
            cut = len(held) >= 4
            out.append(held.decode("utf-8", errors="replace") if cut else "")
            held = b"" if cut else held
    if held and out:
        out[-1] += held.decode("utf-8", errors="replace")
    return out
