"""`hallmark detect`: how far a text looks like a language model's, or why nobody can tell."""

from __future__ import annotations

from pathlib import Path
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
    from hallmark.detect.certified import CertifiedJudge
    from hallmark.detect.judge import Judge

Calibration = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A certificate made by `hallmark calibrate`."),
]
Prior = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="Share of synthetic texts among those you judge.",
    ),
]


def detect(
    file: Source,
    detector: Detector = BUNDLED_DETECTOR,
    prior: Prior = PRIOR,
    precision: Precision = REFERENCE,
    calibration: Calibration = None,
    jsonl: AsJsonLines = False,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Judge whether a text looks synthetic, and how often that errs."""
    if jsonl:
        judge = load(detector, precision, calibration=calibration)
        judge_lines(file, judge, prior=prior, quiet=quiet)
        return
    text = read_text(file)
    judge = load(detector, precision, calibration=calibration)
    verdict = judge.judge([text], prior=prior)[0]
    if json:
        print_json({**as_record(verdict), **citation(judge)})
    else:
        print("\n".join([*sentences(verdict), *cited(judge)]))


def load(
    name: str, precision: str = REFERENCE, *, calibration: Path | None = None
) -> Judge | CertifiedJudge:
    """The detector of that name or folder; its thresholds were fitted on float32 readings."""
    if calibration is None:
        from hallmark.detect.judge import load_detector

        return load_detector(name, home=home(), precision=precision)
    from hallmark.detect.certified import CertifiedJudge
    from hallmark.detect.judge import open_detector

    loaded = open_detector(name, home=home(), precision=precision)
    return CertifiedJudge.load(calibration, loaded, home=home())


def citation(judge: Judge | CertifiedJudge) -> dict[str, Any]:
    """The field `calibration`: the certificate that a verdict rests on, where there is one."""
    certificate = getattr(judge, "certificate", None)
    if certificate is None:
        return {}
    about = {"sha256": certificate.sha256, "dates": certificate.facts["dates"]}
    return {"calibration": {**about, "target_fpr": certificate.config.target_fpr}}


def cited(judge: Judge | CertifiedJudge) -> list[str]:
    """The same as a line for people."""
    return [
        f"  Calibration: certificate {about['sha256'][:12]}, at most {about['target_fpr']:.1%} of "
        f"human texts flagged{', texts of ' + about['dates'] if about['dates'] else ''}."
        for about in citation(judge).values()
    ]


def judge_lines(source: str, judge: Judge | CertifiedJudge, *, prior: float, quiet: bool) -> None:
    """Judge JSON lines as they come and print one line for each, in order."""
    with progress("texts", quiet=quiet) as advance:
        for group in record_groups(source):
            verdicts = judge.judge([record.text for record in group], prior=prior)
            for record, verdict in zip(group, verdicts, strict=True):
                print_json({"id": record.id, **as_record(verdict), **citation(judge)})
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
    return lines


def weigh(ratio: float) -> str:
    """A likelihood ratio in words."""
    if ratio >= 1:
        return f"Likelihood ratio {ratio:.3g}: {ratio:.3g} times as common in synthetic text."
    inverse = f"{1 / ratio:.3g}" if ratio > 0 else "very many"
    return f"Likelihood ratio {ratio:.3g}: {inverse} times as common in human text."
