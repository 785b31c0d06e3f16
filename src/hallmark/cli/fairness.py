"""`hallmark fairness`: whose human texts a detector flags more often, at the same length."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from hallmark.cli.calibrate import Human
from hallmark.cli.detect import Calibration, load
from hallmark.cli.options import AsJson, Detector, Precision, Quiet
from hallmark.cli.output import note, print_json, progress
from hallmark.cli.samples import PRACTISED, Fields, read_texts
from hallmark.detect.target import CertificateConfig
from hallmark.detect.verdict import BUNDLED_DETECTOR, PRIOR, Band
from hallmark.models.precision import REFERENCE
from hallmark.outputs.names import TRIAL

if TYPE_CHECKING:
    from hallmark.detect.judge import Judge
    from hallmark.evaluate.fairness import Judged

_BATCH = 16
Group = Annotated[str, typer.Option(metavar="FIELD", help="The field that names a text's group.")]
Lengths = Annotated[str, typer.Option(help="Shortest length of every bin, with commas.")]


def fairness(
    human: Human,
    group: Group,
    detector: Detector = BUNDLED_DETECTOR,
    precision: Precision = REFERENCE,
    calibration: Calibration = None,
    lengths: Lengths = CertificateConfig.lengths,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Table false-positive rates on human texts by group and length."""
    from hallmark.evaluate.fairness import markdown, measure

    edges = CertificateConfig(lengths=lengths).edges()
    judge = load(detector, precision, calibration=calibration)
    check(judge)
    texts, practice = judged(human, group, judge, quiet=quiet)
    found = measure(texts, lengths=edges)
    if json:
        print_json(({PRACTISED: True} if practice else {}) | asdict(found))
    else:
        print(*([f"**{TRIAL}**\n"] if practice else []), markdown(found), sep="\n")
    few = sum(rate.says_little for rate in found.rates)
    note(f"hallmark: {few} of {len(found.rates)} cells are too small to say much", quiet=quiet)


def check(judge: Judge) -> None:
    """ValueError where it claims nothing of any text, so that no rate could be measured."""
    from hallmark.detect.certified import CertifiedJudge

    if isinstance(judge, CertifiedJudge) and judge.certificate.practice:
        raise ValueError(
            "the certificate was made with practice texts, through which nothing is ever flagged; "
            "calibrate on human texts of your own"
        )


def judged(files: list[str], group: str, judge: Judge, *, quiet: bool) -> tuple[list[Judged], bool]:
    """Every text with whether the detector calls it likely synthetic; and whether any is one to
    practise with.
    """
    from hallmark.evaluate.fairness import Judged

    out: list[Judged] = []
    practice = False
    with progress("texts", quiet=quiet) as advance:
        for source in files:
            lines = read_texts(source, Fields(group=group))
            while batch := list(islice(lines, _BATCH)):
                verdicts = judge.judge([text for text, _ in batch], prior=PRIOR)
                for (_, known), verdict in zip(batch, verdicts, strict=True):
                    practice |= PRACTISED in known
                    flagged = verdict.band == Band.LIKELY_SYNTHETIC
                    out.append(Judged(known["group"], verdict.tokens_used, flagged))
                advance(len(batch))
    return out, practice
