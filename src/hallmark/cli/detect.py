"""`hallmark detect`: how far a text looks like a language model's, or why nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hallmark.cli.inputs import read_text, record_groups
from hallmark.cli.options import (
    AsJson,
    AsJsonLines,
    Detector,
    Precision,
    Quiet,
    Source,
    home,
)
from hallmark.cli.output import print_json, progress
from hallmark.detect.verdict import BUNDLED_DETECTOR, PRIOR, Verdict
from hallmark.models.precision import REFERENCE

if TYPE_CHECKING:
    from hallmark.detect.judge import Judge

Prior = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="Share of synthetic texts among those you judge.",
    ),
]
REPAIRS = {
    "homoglyphs": "words with letters that only look Latin",
    "invisible": "hidden characters inside words",
    "direction": "overrides of the writing direction",
}


def detect(
    file: Source,
    detector: Detector = BUNDLED_DETECTOR,
    prior: Prior = PRIOR,
    precision: Precision = REFERENCE,
    jsonl: AsJsonLines = False,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Judge whether a text looks synthetic, and how often that errs."""
    if jsonl:
        judge_lines(file, load(detector, precision), prior=prior, quiet=quiet)
        return
    text = read_text(file)
    verdict = load(detector, precision).judge([text], prior=prior)[0]
    if json:
        print_json(as_record(verdict))
    else:
        print("\n".join(sentences(verdict)))


def load(name: str, precision: str = REFERENCE) -> Judge:
    """The detector of that name or folder; its thresholds were fitted on float32 readings."""
    from hallmark.detect.judge import load_detector

    return load_detector(name, home=home(), precision=precision)


def judge_lines(source: str, judge: Judge, *, prior: float, quiet: bool) -> None:
    """Judge JSON lines as they come and print one line for each, in order."""
    with progress("texts", quiet=quiet) as advance:
        for group in record_groups(source):
            verdicts = judge.judge([record.text for record in group], prior=prior)
            for record, verdict in zip(group, verdicts, strict=True):
                print_json({"id": record.id, **as_record(verdict)})
            advance(len(group))


def as_record(verdict: Verdict) -> dict[str, Any]:
    """The verdict as JSON knows it."""
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
        "reason": verdict.reason,
        **tampering(verdict),
    }


def tampering(verdict: Verdict) -> dict[str, Any]:
    """What was repaired before the text was scored, as JSON knows it."""
    return {
        "raw_score": verdict.raw_score,
        "tampered": verdict.tampered,
        "repairs": dict(verdict.repairs),
    }


def sentences(verdict: Verdict) -> list[str]:
    """The verdict for people: never who wrote a text, only how it looks and how often that errs."""
    lines = [f"{str(verdict.band).capitalize()}."]
    if verdict.reason:
        lines.append(f"  Why: {verdict.reason}")
    if verdict.probability is not None:
        lines.append(
            f"  Probability synthetic: {verdict.probability:.0%}, if {verdict.prior:.0%} of such "
            "texts are synthetic before this one is read."
        )
    if verdict.likelihood_ratio is not None:
        lines.append(f"  {weigh(verdict.likelihood_ratio)}")
    if verdict.false_positive_rate is not None:
        lines.append(
            f"  Human texts of this length that score as high: at most "
            f"{verdict.false_positive_rate:.1%} (95 % bound, n = {verdict.false_positive_n})."
        )
    lines.append(f"  Tokens used: {verdict.tokens_used} of {verdict.tokens_total}.")
    return lines + repaired(verdict)


def repaired(verdict: Verdict) -> list[str]:
    """What was repaired in a text that was tampered with, for people; nothing of any other."""
    if not verdict.tampered:
        return []
    counts = [f"{n} {REPAIRS[kind]}" for kind, n in verdict.repairs.items() if kind in REPAIRS]
    line = f"  Tampered with: {'; '.join(counts)}. Repaired before it was judged."
    if verdict.score is not None and verdict.raw_score is not None:
        line += f" Score {verdict.score:.2f}, unrepaired {verdict.raw_score:.2f}."
    return [line]


def weigh(ratio: float) -> str:
    """A likelihood ratio in words."""
    if ratio >= 1:
        return f"Likelihood ratio {ratio:.3g}: {ratio:.3g} times as common in synthetic text."
    inverse = f"{1 / ratio:.3g}" if ratio > 0 else "very many"
    return f"Likelihood ratio {ratio:.3g}: {inverse} times as common in human text."
