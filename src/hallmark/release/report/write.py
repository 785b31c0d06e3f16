"""The report of a release as one HTML page and as Markdown with figures, from result files.

The same files give the same bytes, so whoever has a release can make its report again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from hallmark.models.folder import write_text
from hallmark.outputs.names import TRIAL
from hallmark.release.report import claims, limits, tuning
from hallmark.release.report.cells import Cells
from hallmark.release.report.figures import standing_alone
from hallmark.release.report.page import Part, Sourced, to_html, to_markdown
from hallmark.release.report.results import Results, read_results
from hallmark.study.document import Heading, Paragraph, Picture, Table

Section = Callable[[Results], Iterator[Part]]
HTML, MARKDOWN, FIGURES = "report.html", "report.md", "figures"


def write_report(folder: Path, out: Path) -> list[str]:
    """Write report.html, report.md and figures/ of a release, or of result files, into `out`.

    Returns the names of the files. ValueError where there are no result files or no matplotlib.
    """
    results = read_results(folder)
    title = results.plan.title if results.plan else "A release in stages"
    parts = list(parts_of(results, title=title))
    pictures = [p.block for p in parts if isinstance(p, Sourced) and isinstance(p.block, Picture)]
    (out / FIGURES).mkdir(parents=True, exist_ok=True)
    linked = out.resolve() == folder.resolve()
    files = {picture.name: standing_alone(picture.svg) for picture in pictures}
    files[MARKDOWN] = to_markdown(parts)
    files[HTML] = to_html(parts, title=title, linked=linked)
    for name, text in files.items():
        write_text(out / name, text)
    return sorted(files)


def parts_of(results: Results, *, title: str) -> Iterator[Part]:
    """The report from top to bottom."""
    yield Heading(title, 1)
    stage = f" This folder releases {results.stage}." if results.stage else ""
    yield Paragraph(
        f"Stages: {', '.join(results.stages) or 'none named'}.{stage} Intervals are 95 %. The "
        "numbers are of these models, texts and detectors and of no others; what was published of "
        "GPT-2 stands in columns of its own."
    )
    if any(file.simulated for file in results.files.values()):
        yield Paragraph(claims.SIMULATED, warning=True)
    human = results.get("human.json")
    if human is not None and human.value.get("limit"):
        yield Paragraph(str(human.value["limit"]), warning=True)
    elif any(file.practice for file in results.files.values()):
        yield Paragraph(TRIAL, warning=True)
    for section in (
        _summary, claims.credibility, claims.size, claims.transfer, claims.sampling, tuning.misuse,
        limits.standalone, tuning.behaviour, limits.gates, limits.absent,
    ):  # fmt: skip
        yield from readable(section, results)


def readable(section: Section, results: Results) -> Iterator[Part]:
    """A section as far as its result files can be read: anybody may have written them."""
    try:
        yield from section(results)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        yield claims.missing(
            "a result file has not the form that this version reads here "
            f"({type(error).__name__}: {error}); measure it again"
        )


def _summary(results: Results) -> Iterator[Part]:
    """Each claim of the release in a line: what this evidence says of it."""
    yield Heading("In short")
    yield Table(("Claim of the release", "What was measured here"), list(_lines(results)))


def _lines(results: Results) -> Iterator[tuple[str, str]]:
    study = results.get("study/result.json")
    people = "simulated ratings only: people must say" if study and study.simulated else (
        "people's ratings, below" if study else "no study: people must say"
    )  # fmt: skip
    yield claims.CREDIBILITY, people
    table = results.get("matrix.json")
    for name in (claims.SIZE, claims.TRANSFER, claims.SAMPLING):
        found = [v for _, v, _ in Cells(table.value).verdicts(claims.NAMES[name])] if table else []
        counts = [f"{n} {verdict}" for verdict, n in claims.counted(found).items()]
        yield (
            f"{name}: {claims.NAMES[name]}",
            (f"of {len(found)} comparisons {', '.join(counts)}" if found else "not measured"),
        )
    yield tuning.MISUSE, tuning.summary(results)
    yield limits.STANDALONE, limits.standalone_summary(results)
