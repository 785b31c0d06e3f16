"""The report of a study: what was found, in words and tables, and the files beside it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from hallmark.data import finite, write_atomically
from hallmark.stats import Estimate
from hallmark.study.analysis import PairsResult, Result, ScaleResult
from hallmark.study.definition import Scale
from hallmark.study.document import Block, Heading, Paragraph, Picture, Table, to_html, to_markdown
from hallmark.study.few import FEWEST_RATERS, TOO_FEW, is_bare, raters_in_words
from hallmark.study.figures import draw_differences, draw_means
from hallmark.study.mixed import apart
from hallmark.study.ratings import Answer, Rater, to_csv

SIMULATED = (
    "SIMULATED DATA: bots gave these answers. They say nothing about people, and no figure here "
    "is a finding."
)
_CODEBOOK = (
    ("rater", "One rater, under a name made for this table"),
    ("text", "Id of the text, as in the plan"),
    ("condition", "Where the text comes from"),
    ("question", "SCALE or SCALE.ITEM"),
    ("value", "Points of a rating; 0 human, 1 machine of a detection; sentence of a boundary"),
    ("position", "Which page of this rater it was, from 1"),
    ("seconds", "Seconds between the page and its answer"),
    ("words", "Length of the text"),
    ("label", "Who wrote the text: human or machine"),
    ("truth", "The right value, where there is one"),
    ("simulated", "1 where a bot answered"),
    ("status", "raters.csv: completed, screened out, dropped out or active"),
    ("attention_failed", "raters.csv: how many attention checks were failed"),
)


def blocks_of(result: Result) -> Iterator[Block]:
    """The report from top to bottom."""
    yield Heading(result.title, 1)
    if result.simulated:
        yield Paragraph(SIMULATED, warning=True)
    yield from _headline(result)
    yield Heading("Who took part")
    yield Table(("Step", "Raters"), [(name, f"{n:,}") for name, n in result.flow.steps()])
    if result.flow.simulated and not result.simulated:
        bots = result.flow.simulated
        yield Paragraph(f"Simulated, and set aside first: {raters_in_words(bots)}.")
    for scale in result.scales:
        yield from _scale(scale, simulated=result.simulated)
    yield from _telling(result)
    if result.pairs:
        yield from _pairs(result.pairs)
    yield Heading("Method")
    yield Paragraph(
        "Intervals are 95 %. Those of means count raters and texts as samples of more raters and "
        "more texts: variance = bootstrap over raters + over texts - over ratings (Cameron, "
        "Gelbach & Miller 2011), t quantiles with Satterthwaite's degrees of freedom. Other "
        "intervals redraw raters whole (Krippendorff's alpha: texts). With fewer than "
        f"{FEWEST_RATERS} raters there is no interval and no test. Contrasts were named in the "
        "study file; p is two-sided and Holm's correction covers all contrasts of a scale. A step "
        "counts as small where two one-sided tests reject that it reaches the margin."
    )
    yield Paragraph(f"Study file, SHA-256: {result.study}")


def _headline(result: Result) -> Iterator[Block]:
    if result.flow.analysed < FEWEST_RATERS:
        yield Paragraph(
            f"{TOO_FEW.capitalize()}: {raters_in_words(result.flow.analysed)} analysed, and at "
            f"least {FEWEST_RATERS} are needed for a headline, an interval or a test. Figures "
            "below describe these answers and no others.", warning=True,
        )  # fmt: skip
    if result.headline is None:
        return
    scale = result.scales[0].scale
    said = "; ".join(f"{name} {_interval(e)}" for name, e in result.headline.items())
    yield Paragraph(f"Mean {scale.name}, from {scale.low} to {scale.high}: {said}.")


def _file_name(scale: str) -> str:
    """What a scale's figures are called; no two scales the same."""
    name = re.sub(r"[^\w-]", "-", scale)
    same = name == scale.replace(" ", "-")
    return name if same else f"{name}-{hashlib.sha256(scale.encode()).hexdigest()[:6]}"


def _scale(result: ScaleResult, *, simulated: bool) -> Iterator[Block]:
    mark = " (simulated)" if simulated else ""
    yield Heading(f"{result.scale.name.capitalize()}{mark}")
    yield Paragraph(
        f"{result.ratings:,} ratings of {result.texts:,} texts by "
        f"{raters_in_words(result.raters)}, from {result.scale.low} to {result.scale.high}."
    )
    rows = [(name, f"{e.value:.2f}", _range(e), str(e.n)) for name, e in result.means.items()]
    yield Table((f"Condition{mark}", "Mean", "95 % interval", "Ratings"), rows)
    name = _file_name(result.scale.name)
    yield Picture(
        f"figures/{name}-means.svg", draw_means(result, simulated=simulated),
        "Mean by condition: " + "; ".join(f"{r[0]} {r[1]} ({r[2]})" for r in rows),
    )  # fmt: skip
    if result.differences:
        yield from _differences(result, f"figures/{name}-differences.svg", simulated=simulated)
    yield from _models(result)
    yield from _reliability(result)
    for note in result.notes:
        yield Paragraph(f"Not computed: {note}.")


def _differences(result: ScaleResult, name: str, *, simulated: bool) -> Iterator[Block]:
    yield Heading("Registered contrasts", 3)
    rows = []
    for d in result.differences:
        small = "-"
        if d.equivalence_p is not None:
            verdict = "yes" if d.equivalent else "not shown"
            small = f"{verdict} (margin {d.contrast.equivalence:g}, p {_p(d.equivalence_p)})"
        rows.append(
            (
                f"{d.contrast.higher} - {d.contrast.lower}", f"{d.estimate.value:.2f}",
                _range(d.estimate), "-" if math.isnan(d.d) else f"{d.d:.2f}", _p(d.p), _p(d.holm),
                small,
            )
        )  # fmt: skip
    header = ("Contrast", "Difference", "95 % interval", "Cohen's d", "p", "p (Holm)", "Small?")
    yield Table(header, rows)
    yield Paragraph(
        "This is the registered primary analysis: whether a difference was found is answered here, "
        "by p (Holm)."
    )
    alt = "Differences: " + "; ".join(f"{r[0]} {r[1]} ({r[2]})" for r in rows)
    yield Picture(name, draw_differences(result, simulated=simulated), alt)


def _models(result: ScaleResult) -> Iterator[Block]:
    if result.linear is None:
        return
    yield Heading("Mixed models (secondary)", 3)
    linear, ordinal = result.linear, result.ordinal
    yield Paragraph(
        "The registered contrasts above count; these models look at the same answers another way "
        "and replace nothing. Their intervals are normal and take the variances of raters and "
        "texts as known. A contrast's t interval allows for few raters or texts (here "
        f"{raters_in_words(result.raters)}, {result.texts:,} texts) and is often wider, so the two "
        "may differ."
        if result.differences
        else "No contrast was registered: these differences are exploratory."
    )
    yield from (Paragraph(line, warning=True) for line in apart(linear, result.differences))
    logits = ordinal.effects if ordinal else [None] * len(linear.effects)
    yield Table(
        ("Condition", f"Points above {linear.conditions[0]} (linear)", "Logits (ordinal)"),
        [
            (name, _interval(e), _interval(o) if o else "-")
            for name, e, o in zip(linear.conditions[1:], linear.effects, logits, strict=True)
        ],
    )
    yield Table(
        ("Standard deviation", "Linear", "Ordinal"),
        [
            ("Raters", f"{linear.sd_rater:.2f}", f"{ordinal.sd_rater:.2f}" if ordinal else "-"),
            ("Texts", f"{linear.sd_item:.2f}", f"{ordinal.sd_item:.2f}" if ordinal else "-"),
            ("Residual", f"{linear.sd_residual:.2f}", "-"),
        ],
    )


def _reliability(result: ScaleResult) -> Iterator[Block]:
    rows = [
        (name, _interval(e))
        for name, e in (
            ("Cronbach's alpha of the items", result.alpha),
            ("McDonald's omega of the items", result.omega),
            ("Krippendorff's alpha of raters (interval)", result.krippendorff),
        )
        if e is not None
    ]
    if rows:
        yield Heading("Reliability", 3)
        yield Table(("Measure", "Value and 95 % interval"), rows)


def _telling(result: Result) -> Iterator[Block]:
    mark = " (simulated)" if result.simulated else ""
    for name, found in result.detection.items():
        yield Heading(f"Human or machine: {name}{mark}")
        not_there = f"not computed: no {found.lacks} texts"
        yield Table(
            ("Measure", "Value and 95 % interval"),
            [
                (f"Accuracy (n = {raters_in_words(found.accuracy.n)})", _interval(found.accuracy)),
                ("d'", _interval(found.d_prime) if found.d_prime else not_there),
                ("Criterion", _interval(found.criterion) if found.criterion else not_there),
            ],
        )  # fmt: skip
    for name, spot in result.boundary.items():
        yield Heading(f"Where the machine began: {name}{mark}")
        yield Table(
            ("Measure", "Value and 95 % interval"),
            [
                (f"Exact sentence (n = {raters_in_words(spot.exact.n)})", _interval(spot.exact)),
                ("Sentences off, mean", _interval(spot.distance)),
            ],
        )


def _pairs(found: PairsResult) -> Iterator[Block]:
    yield Heading("Preferences")
    yield Paragraph(f"{found.n:,} choices between two texts; a tie is no preference in a share.")
    yield Table(
        ("System", "Preferred", "Bradley-Terry strength (log)"),
        [
            (name, _interval(e, as_percent=True), _interval(found.strengths[name]))
            for name, e in found.shares.items()
        ],
    )


def _range(e: Estimate) -> str:
    return TOO_FEW if is_bare(e) else f"{e.low:.2f} to {e.high:.2f}"


def _interval(e: Estimate, *, as_percent: bool = False) -> str:
    value, low, high = (f"{x:.1%}" if as_percent else f"{x:.2f}" for x in (e.value, e.low, e.high))
    return f"{value} ({TOO_FEW} for an interval)" if is_bare(e) else f"{value} [{low}, {high}]"


def _p(p: float) -> str:
    if math.isnan(p):
        return "-"
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def record(result: Result) -> dict[str, Any]:
    """The result as JSON has it."""
    scales = [replace(s, values=None) for s in result.scales]  # type: ignore[arg-type]
    plain = asdict(replace(result, scales=tuple(scales)))
    for scale in plain["scales"]:
        del scale["values"]
    return plain


def write_report(
    result: Result, answers: Sequence[Answer], raters: Sequence[Rater], folder: Path
) -> None:
    """report.md, report.html, result.json, figures, and the tidy tables with their codebook."""
    blocks = list(blocks_of(result))
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    names = anonymous([r.rater for r in raters] or [a.rater for a in answers])
    files: dict[str, bytes] = {b.name: b.svg.encode() for b in blocks if isinstance(b, Picture)}
    files["report.html"] = to_html(blocks, title=result.title).encode()
    files["report.md"] = to_markdown(blocks).encode()
    files["result.json"] = json.dumps(finite(record(result)), indent=1).encode()
    about = SIMULATED if result.simulated else "Every name of a rater was made for these tables."
    files["codebook.md"] = codebook([s.scale for s in result.scales], about).encode()
    files["answers.csv"] = to_csv([replace(a, rater=names[a.rater]) for a in answers], Answer)
    files["raters.csv"] = to_csv([replace(r, rater=names[r.rater]) for r in raters], Rater)
    for name, data in files.items():
        with write_atomically(folder / name) as file:
            file.write(data)


def anonymous(raters: Sequence[str]) -> dict[str, str]:
    """New names in an order that tells nothing: that of a hash salted with all of them."""
    known = sorted(set(raters))
    salt = hashlib.sha256("\0".join(known).encode()).digest()
    order = sorted(known, key=lambda r: hashlib.sha256(salt + r.encode()).digest())
    return {rater: f"r{i:04d}" for i, rater in enumerate(order, start=1)}


def codebook(scales: Sequence[Scale], about: str) -> str:
    """What each column of the tables means, in Markdown."""
    rows = [*_CODEBOOK]
    for scale in scales:
        rows += [(f"question = {q}", f"{scale.low} to {scale.high}") for q in scale.questions]
    return to_markdown(
        [Heading("Codebook", 1), Paragraph(about), Table(("Column", "Meaning"), rows)]
    )
