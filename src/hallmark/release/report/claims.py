"""The sections on the release's claims: what was measured of each, or that people must say.

From result files alone. Published numbers stand in columns of their own with their protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hallmark.release.decide import ONLY_PEOPLE
from hallmark.release.report import figures, published
from hallmark.release.report.cells import MIXED, Cells
from hallmark.release.report.page import Part, Sourced
from hallmark.release.report.results import Result, Results
from hallmark.study.document import Heading, Paragraph, Picture, Table

CREDIBILITY = "Credibility by size"
SIZE = "Detectability by size"
TRANSFER = "Transfer from size to size"
SAMPLING = "Sampling"
NAMES = {
    SIZE: "larger is harder", TRANSFER: "training on larger transfers", SAMPLING: "mixed is robust",
}  # fmt: skip
SIMULATED = f"SIMULATED: bots gave these ratings. They say nothing about readers; {ONLY_PEOPLE}."
_PUBLISHED = ("Published of", "Published", "Its protocol")


def missing(what: str) -> Paragraph:
    """What is not there, said plainly."""
    return Paragraph(f"Not measured: {what}.", warning=True)


def shown(estimate: Mapping[str, Any], *, times: float = 1.0, digits: int = 3) -> str:
    """A value with its interval."""
    value: Any = estimate.get("value")
    low: Any = estimate.get("low")
    high: Any = estimate.get("high")
    if value is None:
        return "-"
    known = low is not None and high is not None
    form = f"z.{digits}f"  # z: no minus before a zero
    between = f" [{times * low:{form}},\u00a0{times * high:{form}}]" if known else ""
    return f"{times * value:{form}}{between}"


def credibility(results: Results) -> Iterator[Part]:
    """Means of the study by stage, the steps between them, and what the study could have seen."""
    yield Heading(CREDIBILITY)
    yield Paragraph(
        "The release asked whether readers find the text of a larger model more credible. Nothing "
        "that a program computes can answer that."
    )
    study = results.get("study/result.json")
    if study is None:
        yield missing(f"there is no study (evidence study/result.json); {ONLY_PEOPLE}")
    else:
        yield from _study(study)
    power = results.get("study-power.json")
    if power is not None:
        yield from _power(power)
    yield _beside(
        [(name, f"{mean:.2f} of 10", published.READERS) for name, mean in published.CREDIBILITY]
    )


def _beside(rows: Sequence[tuple[str, str, str]]) -> Table:
    return Table(_PUBLISHED, rows)


def _study(study: Result) -> Iterator[Part]:
    mark = " (simulated)" if study.simulated else ""
    if study.simulated:
        yield Paragraph(SIMULATED, warning=True)
    for scale in study.value.get("scales", ())[:1]:
        name = scale["scale"]["name"]
        means = [figures.point(stage, e) for stage, e in scale["means"].items()]
        svg = figures.intervals("credibility", means, x=f"mean {name}{mark}",
                                simulated=study.simulated)  # fmt: skip
        said = "; ".join(f"{k} {shown(e, digits=2)}" for k, e in scale["means"].items())
        yield Sourced(
            Picture("figures/credibility.svg", svg, f"Mean {name}{mark}: {said}"),
            f"Mean {name} by stage with 95 % intervals over raters and texts{mark}.", (study,),
            f"scales[scale.name={name}].means",
        )  # fmt: skip
        if scale["differences"]:
            yield _steps(study, scale, mark)
    for kind, found in study.value.get("detection", {}).items():
        yield Sourced(
            Table(("Measure", f"Value{mark}"), [
                ("Accuracy", shown(found["accuracy"])),
                ("d'", shown(found["d_prime"] or {}, digits=2)),
                ("Criterion", shown(found["criterion"] or {}, digits=2)),
            ]),
            f"Human or machine, told by raters{mark}.", (study,), f"detection.{kind}",
        )  # fmt: skip


def _steps(study: Result, scale: Mapping[str, Any], mark: str) -> Sourced:
    rows = []
    for step in scale["differences"]:
        margin = step["contrast"]["equivalence"]
        small = "-" if step["equivalent"] is None else "yes" if step["equivalent"] else "not shown"
        names = f"{step['contrast']['higher']} - {step['contrast']['lower']}"
        rows.append((names, shown(step["estimate"], digits=2), f"{small} (margin {margin:g})"))
    return Sourced(
        Table(("Step", f"Difference{mark}", "Shown to be small?"), rows),
        f"The registered steps between stages{mark}.", (study,),
        f"scales[scale.name={scale['scale']['name']}].differences",
    )  # fmt: skip


def _power(power: Result) -> Iterator[Part]:
    rows = []
    for c in power.value["contrasts"]:
        needed = c.get("raters_for_80")
        rows.append((
            f"{c['higher']} - {c['lower']}", f"{c['difference']:.2f}", f"{c['raters']:,}",
            shown(c["simulated"]) if c.get("simulated") else f"{c['closed']:.3f}",
            f"{needed:,}" if needed else "none: more texts are needed",
        ))  # fmt: skip
    yield Sourced(
        Table(("Step", "Expected", "Raters", "Chance to find it", "Raters for 80 %"), rows),
        "What this design could see, if people answered it and the step were as expected.",
        (power,), "contrasts",
    )  # fmt: skip


def counted(verdicts: Sequence[str]) -> dict[str, int]:
    """How many comparisons each verdict has, and of how many no interval says anything, if any."""
    counts = {name: verdicts.count(name) for name in ("supported", "undecided", "contradicted")}
    rest = len(verdicts) - sum(counts.values())
    return counts | ({"no finding (too few texts, or practice texts)": rest} if rest else {})


def _verdict_table(table: Result, cells: Cells, section: str) -> Iterator[Part]:
    """How many comparisons an interval decides, by detector; then each of them."""
    found = cells.verdicts(NAMES[section])
    if not found:
        yield missing("the cross table has fewer than two of what must be compared")
        return
    heads = tuple(counted([verdict for _, verdict, _ in found]))
    rows: list[tuple[str, ...]] = []
    for detector in dict.fromkeys(d for d, _, _ in found):
        counts = counted([v for d, v, _ in found if d == detector])
        rows.append((detector, *(str(counts.get(head, 0)) for head in heads)))
    yield Sourced(
        Table(("Detector", *heads), rows), f"What intervals decide of: {NAMES[section]}.",
        (table,), f"claims[claim={NAMES[section]}]",
    )  # fmt: skip
    each = [
        (d, c["what"], shown(c["first"]), shown(c["second"]), shown(c["difference"]), v)
        for d, v, c in found
    ]
    yield Sourced(
        Table(
            ("Detector", "Comparison of accuracy", "First", "Second", "Difference", "Supported?"),
            each,
        ),
        "Each comparison. Both sides see the same human texts, so the intervals are wide.",
        (table,), f"claims[claim={NAMES[section]}]",
    )  # fmt: skip


def size(results: Results) -> Iterator[Part]:
    """Accuracy by size, and by length for the largest."""
    yield Heading(SIZE)
    yield Paragraph("The release found the text of larger models harder to tell from people's.")
    table = results.get("matrix.json")
    if table is None:
        yield missing("there is no cross table (evidence matrix.json)")
        return
    cells = Cells(table.value)
    if len(cells.sizes) > 1:
        yield _by_size(table, cells)
    yield from _verdict_table(table, cells, SIZE)
    yield _by_length(table, cells)
    yield Paragraph("What was published, by another protocol and of other models:")
    rows = [
        (name, f"{pure} % at temperature 1, {k40} % at top-k 40", published.BASELINE)
        for name, (pure, k40) in published.TFIDF.items()
    ]
    yield _beside([*rows, ("length", published.LENGTHS, published.BASELINE)])


def _by_size(table: Result, cells: Cells) -> Sourced:
    panels, said = [], []
    for detector in cells.compared:
        lines: dict[str, list[figures.Point]] = {}
        for sampling in cells.samplings:
            for stage in cells.sizes:
                if cell := cells.own(detector, stage, sampling):
                    point = figures.point(
                        stage.removeprefix("ladder-"), cell["accuracy"], times=100
                    )
                    lines.setdefault(sampling, []).append(point)
                    said.append(f"{detector} {stage} {sampling} {shown(cell['accuracy'])}")
        panels.append(figures.Panel(detector, lines))
    svg = figures.lines("by-size", panels, x="size", y="accuracy (%)", limits=(40, 101), chance=50)
    return Sourced(
        Picture("figures/by-size.svg", svg, "Accuracy by size: " + "; ".join(said)),
        f"Accuracy (mean of both classes, 95 % intervals) of detectors trained and tested on each "
        f"size and sampling, at {cells.length} tokens.", (table,),
        f"cells[length={cells.length},row=SIZE SAMPLING,column=SIZE SAMPLING].accuracy",
    )  # fmt: skip


def _by_length(table: Result, cells: Cells) -> Sourced:
    largest, panels, said = cells.sizes[-1], [], []
    for sampling in cells.samplings:
        lines: dict[str, list[figures.Point]] = {}
        for detector in cells.detectors:
            for length in cells.lengths:
                if cell := cells.own(detector, largest, sampling, length):
                    point = figures.point(length, cell["accuracy"], times=100)
                    lines.setdefault(detector, []).append(point)
                    said.append(f"{sampling} {detector} {length} {shown(cell['accuracy'])}")
        panels.append(figures.Panel(sampling, lines))
    svg = figures.lines("by-length", panels, x="tokens", y="accuracy (%)", log=True,
                        limits=(40, 101), chance=50)  # fmt: skip
    return Sourced(
        Picture("figures/by-length.svg", svg, f"Accuracy on {largest}: {'; '.join(said)}"),
        f"Accuracy on {largest} by the number of tokens read, with 95 % intervals. The line "
        "called length sees how long the uncut document is, and nothing else: where it is high, "
        "uncut documents differ in length, which the others, reading equal lengths, cannot see.",
        (table,),
        f"cells[row={largest} SAMPLING,column={largest} SAMPLING].accuracy",
    )  # fmt: skip


def transfer(results: Results) -> Iterator[Part]:
    """Trained on one size and tested on another."""
    yield Heading(TRANSFER)
    yield Paragraph(
        "The release found detectors that learn from a larger model's text to be the more robust."
    )
    table = results.get("matrix.json")
    if table is None or len((cells := Cells(table.value)).sizes) < 2:
        yield missing("it takes a cross table of two sizes at least")
        return
    detector = cells.compared[0]
    panels = [
        (sampling, *_square(cells, detector, [f"{size} {sampling}" for size in cells.sizes],
                            [s.removeprefix("ladder-") for s in cells.sizes]))
        for sampling in cells.samplings
    ]  # fmt: skip
    yield _heat(table, "transfer", detector, panels, "size to size, one panel a sampling", cells)
    yield from _verdict_table(table, cells, TRANSFER)
    yield _beside([("all sizes", published.TRANSFER, published.REPORT)])


def sampling(results: Results) -> Iterator[Part]:
    """Trained under one sampling and tested under another, and the mixture of all."""
    yield Heading(SAMPLING)
    yield Paragraph(
        "The release found accuracy to depend on how text is drawn in training and in testing, and "
        "training across samplings to be the more reliable."
    )
    table = results.get("matrix.json")
    if table is None or len((cells := Cells(table.value)).samplings) < 2:
        yield missing("it takes a cross table of two samplings at least")
        return
    panels = []
    for detector in cells.compared:
        largest = cells.sizes[-1]
        rows = [f"{largest} {s}" for s in (*cells.samplings, MIXED)]
        columns = [f"{largest} {s}" for s in cells.samplings]
        values = [[cells.accuracy(detector, r, c) for c in columns] for r in rows]
        panels.append((detector, (*cells.samplings, MIXED), cells.samplings, values))
    yield _heat(table, "sampling", "each detector", panels,
                f"sampling to sampling on {cells.sizes[-1]}, a panel each", cells)  # fmt: skip
    yield from _verdict_table(table, cells, SAMPLING)
    yield _beside([("1.5B", published.SAMPLING, published.REPORT)])


def _square(
    cells: Cells, detector: str, names: Sequence[str], shown_as: Sequence[str]
) -> tuple[Sequence[str], Sequence[str], list[list[float]]]:
    values = [[cells.accuracy(detector, row, column) for column in names] for row in names]
    return shown_as, shown_as, values


def _heat(
    table: Result, name: str, detector: str, panels: Sequence[Any], what: str, cells: Cells
) -> Sourced:
    said = "; ".join(
        f"{title}: " + ", ".join(f"{row} to {column} {value:.0f}"
                                 for row, own in zip(rows, values, strict=True)
                                 for column, value in zip(columns, own, strict=True))
        for title, rows, columns, values in panels
    )  # fmt: skip
    return Sourced(
        Picture(f"figures/{name}.svg", figures.heats(name, panels), f"Accuracy (%): {said}"),
        f"Accuracy (%) of {detector} from {what}, at {cells.length} tokens; 50 is chance, and less "
        "is a threshold that other texts do not keep, as one learnt from few texts may be. Every "
        "cell's n and interval are in the file.", (table,),
        f"cells[length={cells.length},row=TRAINED ON,column=TESTED ON].accuracy",
    )  # fmt: skip
