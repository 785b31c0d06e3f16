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
