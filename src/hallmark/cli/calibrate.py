"""`hallmark calibrate`: thresholds and exact error bounds on the user's own human texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hallmark.cli.fields import options_of
from hallmark.cli.options import AnyDetector, AsJson, Precision, Quiet, home
from hallmark.cli.output import print_json, progress
from hallmark.cli.samples import PRACTISED, Fields, score_files
from hallmark.detect.target import CertificateConfig
from hallmark.detect.verdict import BUNDLED_DETECTOR
from hallmark.models.precision import REFERENCE
from hallmark.outputs.names import TRIAL

if TYPE_CHECKING:
    from hallmark.detect.certified import Certificate

Human = Annotated[
    list[str],
    typer.Option(metavar="FILE", help="JSON lines with human `text`; may be given many times."),
]
Synthetic = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE", help="JSON lines with synthetic `text`, for likelihood ratios."),
]
Author = Annotated[
    str | None,
    typer.Option(metavar="FIELD", help="Names the author or document; default: every text alone."),
]
Domain = Annotated[
    str | None, typer.Option(metavar="FIELD", help="Divides the bounds, say by genre.")
]
Group = Annotated[
    str | None, typer.Option(metavar="FIELD", help="Divides the bounds, say by first language.")
]
Out = Annotated[Path, typer.Option(metavar="FILE", help="The certificate.")]
Dates = Annotated[str, typer.Option(help="When the texts were written and collected.")]


@options_of(CertificateConfig())
def calibrate(
    human: Human,
    out: Out,
    synthetic: Synthetic = None,
    detector: AnyDetector = BUNDLED_DETECTOR,
    precision: Precision = REFERENCE,
    author: Author = None,
    domain: Domain = None,
    group: Group = None,
    dates: Dates = "",
    json: AsJson = False,
    quiet: Quiet = False,
    *,
    settings: CertificateConfig,
) -> None:
    """Certify a detector's false-positive rate on your own human texts."""
    settings.edges()
    files = (human, synthetic or [])
    fields = Fields(author, domain, group)
    certificate = make(files, detector, precision, fields, dates, settings, quiet=quiet)
    certificate.save(out)
    if json:
        print_json({**certificate.record(), "sha256": certificate.sha256})
    else:
        print("\n".join(sentences(certificate)))


def make(
    files: tuple[list[str], list[str]],
    detector: str,
    precision: str,
    fields: Fields,
    dates: str,
    settings: CertificateConfig,
    *,
    quiet: bool,
) -> Certificate:
    """Score the texts and fit the certificate."""
    from hallmark.detect.certificate import fit
    from hallmark.detect.certified import Certificate, facts_of
    from hallmark.detect.judge import open_detector

    loaded = open_detector(detector, home=home(), precision=precision)
    with progress("texts", quiet=quiet) as advance:
        human, practice = score_files(files[0], loaded.detector, fields, advance)
        synthetic, _ = score_files(files[1], loaded.detector, Fields(fields.author), advance)
    if not human:
        raise ValueError("no human text could be scored; give longer texts")
    bins = fit(human, synthetic, settings)
    facts = facts_of(loaded, home=home(), samples=[*human, *synthetic], dates=dates)
    return Certificate(settings, bins, facts | ({PRACTISED: True} if practice else {}))


def sentences(certificate: Certificate) -> list[str]:
    """What the certificate claims, bin by bin, and what it refuses to."""
    target, unit = certificate.config.target_fpr, certificate.facts["unit"]
    lines = [TRIAL] if certificate.practice else []
    lines += [
        f"Certificate {certificate.sha256[:12]}, at most {target:.1%} of human texts flagged:"
    ]
    for one in certificate.bins:
        refusal = "practice texts" if certificate.practice else one.refusal(target)
        lines.append(
            f"  from {one.least} {unit}: "
            + (f"no claim: {refusal}." if refusal else f"score above {one.threshold:.4g}.")
        )
        for cell in (one.whole, *one.cells):
            asked = cell.needed and not certificate.practice
            more = f"; {cell.needed} more needed" if asked else ""
            lines.append(
                f"    {cell.name}: {cell.errors} of {cell.n} counted texts flagged, at most "
                f"{cell.bound:.1%} (95 %){more}"
            )
    return lines
