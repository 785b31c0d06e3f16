"""The claims: which cells are compared, and what an interval allows to say."""

from __future__ import annotations

from dataclasses import replace

from hallmark.evaluate.cells import Cell
from hallmark.evaluate.claims import LARGER, MIXTURE, TRANSFER, Finding, findings
from hallmark.evaluate.contenders import AS_IT_IS
from hallmark.evaluate.crosstable import CrossTable
from hallmark.evaluate.plan import Column, rows_of
from hallmark.evaluate.report import summary
from hallmark.stats import Estimate

COLUMNS = tuple(Column(f"{s}-{k}", s, k) for s in ("1M", "3M") for k in ("pure", "k40"))


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.02, value + 0.02, 100)


def table(accuracies: dict[tuple[str, str], float]) -> CrossTable:
    rows = tuple(rows_of(COLUMNS))
    half = estimate(0.5)
    cells = tuple(
        Cell(
            "d", row.name, column.name, 10, 50, 50,
            estimate(accuracies.get((row.name, column.name), 0.7)), half, (half,) * 2,
            (half,) * 2, (),
        )
        for row in rows
        for column in COLUMNS
    )  # fmt: skip
    return CrossTable(10, COLUMNS, rows, ("d",), cells)


def test_each_claim_compares_its_cells() -> None:
    found = findings(
        table({
            ("1M pure", "1M pure"): 0.9, ("3M pure", "3M pure"): 0.8,
            ("1M k40", "3M k40"): 0.9, ("3M k40", "1M k40"): 0.6,
            ("3M pure", "3M k40"): 0.5, ("3M mixed", "3M pure"): 0.75,
        })
    )  # fmt: skip
    by = {(f.claim, f.what): f for f in found}
    larger = by[LARGER, "pure, 10 tokens: 1M more accurate than 3M"]
    assert (larger.first.value, larger.second.value, larger.verdict) == (0.9, 0.8, "supported")
    assert by[LARGER, "k40, 10 tokens: 1M more accurate than 3M"].verdict == "undecided"
    assert by[TRANSFER, "k40: from 3M to 1M better than back"].verdict == "contradicted"
    mixed = by[MIXTURE, "3M, worst sampling: mixed better than pure"]
    assert (mixed.first.value, mixed.second.value) == (0.7, 0.5)
    assert [f.claim for f in found] == [LARGER] * 2 + [TRANSFER] * 2 + [MIXTURE] * 2


def test_one_size_allows_no_claim_about_sizes() -> None:
    one = CrossTable(10, COLUMNS[:2], tuple(rows_of(COLUMNS[:2])), ("d",), ())
    assert findings(one) == []


def test_the_interval_decides() -> None:
    assert Finding(LARGER, "d", "", estimate(0.9), estimate(0.88), 50).verdict == "undecided"


def test_few_texts_decide_nothing_whatever_the_interval() -> None:
    enough, few = (Finding(LARGER, "d", "", estimate(0.9), estimate(0.5), n) for n in (30, 29))
    assert (enough.verdict, few.verdict) == ("supported", "too few (n 29)")
    assert few.difference == enough.difference


def test_the_kind_with_fewer_texts_counts() -> None:
    made = table({("1M pure", "1M pure"): 0.9})
    cells = tuple(
        replace(cell, n_synthetic=5) if cell.column == "3M pure" else cell for cell in made.cells
    )
    verdicts = {f.what: f.verdict for f in findings(replace(made, cells=cells))}
    assert verdicts["pure, 10 tokens: 1M more accurate than 3M"] == "too few (n 5)"
    assert verdicts["k40, 10 tokens: 1M more accurate than 3M"] == "undecided"


def test_the_best_detector_in_a_line() -> None:
    made = table({("1M pure", "1M pure"): 0.9})
    better = tuple(replace(cell, detector="e", accuracy=estimate(0.95)) for cell in made.cells)
    length = tuple(replace(cell, detector="length", accuracy=estimate(1.0)) for cell in made.cells)
    assert summary(replace(made, cells=made.cells + better + length)) == (
        "best at 10 tokens: e, accuracy 0.950 to 0.950, each corpus by its own detector "
        "(fewest texts: 50 synthetic + 50 human)"
    )
    assert summary(made).startswith("best at 10 tokens: d, accuracy 0.700 to 0.900, each")
    saved = tuple(replace(cell, row=AS_IT_IS) for cell in better)
    assert "0.950, as it is (" in summary(replace(made, cells=saved))
