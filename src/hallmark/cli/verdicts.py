"""A verdict as JSON and as sentences: never who wrote a text, only how it looks and how often
that errs.

The lines never say more than the band: where nothing is claimed, no probability is shown, but in
the reason where the reader's own prior outweighs the score.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from hallmark.detect.verdict import Band, Citation, Verdict, in_words

EVIDENCE = "A verdict is evidence, and no ground for an accusation on its own."
_MILLION = 10**6
_REPAIRS = {
    "homoglyphs": "words with letters that only look Latin",
    "invisible": "hidden characters inside words",
    "direction": "overrides of the writing direction",
}


def as_record(verdict: Verdict) -> dict[str, Any]:
    """The verdict as JSON knows it; docs/detectors.md says what each field is."""
    return {
        "score": verdict.score,
        "probability": verdict.probability,
        "likelihood_ratio": verdict.likelihood_ratio,
        "band": str(verdict.band),
        "tokens_used": verdict.tokens_used,
        "tokens_total": verdict.tokens_total,
        "prior": verdict.prior,
        "false_positive_rate": verdict.false_positive_rate,
        "false_positive_n": verdict.false_positive_n,
        "false_negative_rate": verdict.false_negative_rate,
        "false_negative_n": verdict.false_negative_n,
        "reason": verdict.reason,
        "raw_score": verdict.raw_score,
        "tampered": verdict.tampered,
        "repairs": dict(verdict.repairs),
        **({"calibration": asdict(verdict.calibration)} if verdict.calibration else {}),
    }


def sentences(verdict: Verdict) -> list[str]:
    """The verdict for people, a band and what stands behind it."""
    lines = [f"{str(verdict.band).capitalize()}."]
    if verdict.band is Band.CANNOT_TELL:
        lines.append(f"  Why: {verdict.reason}.")
        if verdict.probability is not None:
            lines.append("  Nothing is claimed; the numbers behind this are in --json.")
    else:
        lines += claimed(verdict)
    if verdict.calibration:
        lines.append(f"  {cited(verdict.calibration)}")
    lines += [f"  {tokens(verdict)}", *repaired(verdict)]
    return [*lines, f"  {EVIDENCE}"]


def repaired(verdict: Verdict) -> list[str]:
    """What was repaired in a text that was tampered with; nothing of any other."""
    if not verdict.tampered:
        return []
    counts = [f"{n} {_REPAIRS[kind]}" for kind, n in verdict.repairs.items() if kind in _REPAIRS]
    line = f"  Tampered with: {'; '.join(counts)}. Repaired before it was judged."
    if verdict.score is not None and verdict.raw_score is not None:
        line += f" Score {verdict.score:.2f}, unrepaired {verdict.raw_score:.2f}."
    return [line]


def claimed(verdict: Verdict) -> list[str]:
    """What a claim rests on: probability, ratio, and how often such a claim errs."""
    synthetic = verdict.band is Band.LIKELY_SYNTHETIC
    lines = []
    if verdict.probability is not None:
        lines.append(
            f"  Probability synthetic: {in_words(verdict.probability)}, if "
            f"{100 * verdict.prior:.3g}% of such texts are synthetic before this one is read."
        )
    if verdict.likelihood_ratio is not None:
        lines.append(f"  {weigh(verdict.likelihood_ratio)}")
    rate = verdict.false_positive_rate if synthetic else verdict.false_negative_rate
    n = verdict.false_positive_n if synthetic else verdict.false_negative_n
    if rate is not None:
        kind, side = ("Human", "high") if synthetic else ("Synthetic", "low")
        lines.append(
            f"  {kind} texts of this length that score as {side}: at most {percent(rate)} "
            f"(95 % bound, n = {n})."
        )
    return lines


def cited(certificate: Citation) -> str:
    """The user's certificate in a line."""
    dates = f" (texts of {certificate.dates})" if certificate.dates else ""
    return (
        f"Calibration: certificate {certificate.sha256[:12]}{dates}, which asks that at most "
        f"{percent(certificate.target_fpr)} of human texts be flagged."
    )


def tokens(verdict: Verdict) -> str:
    """How much of the text was read, and what was left out."""
    used = f"Tokens used: {verdict.tokens_used} of {verdict.tokens_total}"
    if verdict.tokens_used < verdict.tokens_total:
        return f"{used}. Only the beginning was read; the rest may look otherwise."
    return f"{used}."


def percent(rate: float) -> str:
    """A bound on a rate, to a tenth of a per cent."""
    return "0.1%" if rate < 0.001 else f"{rate:.1%}"


def weigh(ratio: float) -> str:
    """A likelihood ratio in words, as times of the side that it speaks for."""
    side, other = ("synthetic", "human") if ratio >= 1 else ("human", "synthetic")
    times = max(ratio, 1 / ratio) if ratio > 0 else math.inf
    return f"Such a score is {rounded(times)} times as common in {side} as in {other} text."


def rounded(times: float) -> str:
    """A number of at least 1 to two figures, as one says it."""
    if times > _MILLION:
        return "over a million"
    figures = float(f"{times:.2g}")
    return f"about {figures:,.0f}" if figures >= 10 else f"about {figures:.1f}"
