"""`hallmark detect`: how far a text looks like a language model's, or why nobody can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hallmark.cli.answers import Tally, answer_lines, one_format
from hallmark.cli.inputs import STANDARD_INPUT, name_of, read_text
from hallmark.cli.options import (
    AsJson,
    AsJsonLines,
    Detector,
    Precision,
    Quiet,
    home,
)
from hallmark.cli.output import note, print_json
from hallmark.cli.verdicts import as_record, sentences
from hallmark.data import json_object
from hallmark.detect.verdict import BUNDLED_DETECTOR, PRIOR, Verdict
from hallmark.models.precision import REFERENCE

if TYPE_CHECKING:
    from hallmark.detect.judge import Judge

Look = Callable[[list[str]], list[Verdict]]


def check_prior(value: float) -> float:
    """The option's value; a usage error where it is no share that a probability can start from."""
    if not 0 < value < 1:
        raise typer.BadParameter(f"must lie above 0 and below 1, not {value}")
    return value


Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE", help="Files of UTF-8 text, or - for standard input."),
]
Calibration = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A certificate made by `hallmark calibrate`."),
]
Prior = Annotated[
    float,
    typer.Option(
        callback=check_prior,
        help="Share of synthetic texts among those you judge, above 0 and below 1.",
    ),
]


def detect(
    files: Files,
    detector: Detector = BUNDLED_DETECTOR,
    prior: Prior = PRIOR,
    precision: Precision = REFERENCE,
    calibration: Calibration = None,
    jsonl: AsJsonLines = False,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Judge whether a text looks synthetic, and how often that errs.

    A verdict is evidence, and no ground for an accusation on its own. The bundled detector reads
    the first 1024 tokens of its own model, white space and quotes made plain, so `hallmark score`
    counts other numbers of tokens.
    """
    check_usage(files, json=json, jsonl=jsonl)
    texts = [] if jsonl or len(files) > 1 else [read_one(files[0])]
    judge = load(detector, precision, calibration=calibration)

    def look(texts: list[str]) -> list[Verdict]:
        return judge.judge(texts, prior=prior)

    if jsonl:
        judge_lines(files, look, quiet=quiet)
    elif texts:
        show(look(texts)[0], json=json)
    else:
        judge_files(files, look, json=json, quiet=quiet)


def check_usage(files: list[str], *, json: bool, jsonl: bool) -> None:
    """A usage error for two formats at once, or for standard input named twice."""
    one_format(json=json, jsonl=jsonl)
    if files.count(STANDARD_INPUT) > 1:
        raise typer.BadParameter("standard input (-) can be read once only")


def read_one(file: str) -> str:
    """A whole text; ValueError also for JSON lines, which would be judged as one."""
    text = read_text(file)
    try:
        record = json_object(text.lstrip().partition("\n")[0].encode(), where=file)
    except ValueError:
        return text
    if "text" in record:
        raise ValueError(f"{name_of(file)} holds JSON lines, not one text; use --jsonl")
    return text


def load(name: str, precision: str = REFERENCE, *, calibration: Path | None = None) -> Judge:
    """The detector of that name or folder; its thresholds were fitted on float32 readings."""
    if calibration is None:
        from hallmark.detect.judge import load_detector

        return load_detector(name, home=home(), precision=precision)
    from hallmark.detect.certified import CertifiedJudge

    return CertifiedJudge.load(calibration, name, home=home(), precision=precision)


def show(verdict: Verdict, *, json: bool) -> None:
    """One verdict."""
    if json:
        print_json(as_record(verdict))
    else:
        print("\n".join(sentences(verdict)))


def judge_lines(files: list[str], look: Look, *, quiet: bool) -> None:
    """Judge JSON lines as they come and print one line for each, in order."""

    def answer(texts: list[str]) -> Iterator[dict[str, Any]]:
        return map(as_record, look(texts))

    for file in files:
        answer_lines(file, answer, quiet=quiet, more={"file": file} if len(files) > 1 else {})


def judge_files(files: list[str], look: Look, *, json: bool, quiet: bool) -> None:
    """Judge several files; one that cannot be read is said and passed over.

    ValueError, at the end, where there were such files.
    """
    tally, found = Tally(), []
    for file in files:
        try:
            (verdict,) = look([read_one(file)])
        except (ValueError, OSError) as error:
            note(f"hallmark: {error}", quiet=json)
            found.append({"file": file, "error": str(error)})
        else:
            found.append({"file": file, **as_record(verdict)})
            if not json:
                print(f"{file}:", *sentences(verdict), sep="\n  ", flush=True)
        tally.count(bad="error" in found[-1])
    if json:
        print_json({"verdicts": found})
    tally.close("files")
