"""The claims: which cells are compared, and what an interval allows to say."""

from __future__ import annotations

from hallmark.evaluate.cells import Cell
from hallmark.evaluate.claims import LARGER, MIXTURE, TRANSFER, Finding, findings
from hallmark.evaluate.crosstable import CrossTable
from hallmark.evaluate.plan import Column, rows_of
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
    larger = by[LARGER, "pure: 1M more accurate than 3M"]
    assert (larger.first.value, larger.second.value, larger.verdict) == (0.9, 0.8, "supported")
    assert by[LARGER, "k40: 1M more accurate than 3M"].verdict == "undecided"
    assert by[TRANSFER, "k40: from 3M to 1M better than back"].verdict == "contradicted"
    mixed = by[MIXTURE, "3M, worst sampling: mixed better than pure"]
    assert (mixed.first.value, mixed.second.value) == (0.7, 0.5)
    assert [f.claim for f in found] == [LARGER] * 2 + [TRANSFER] * 2 + [MIXTURE] * 2


def test_one_size_allows_no_claim_about_sizes() -> None:
    one = CrossTable(10, COLUMNS[:2], tuple(rows_of(COLUMNS[:2])), ("d",), ())
    assert findings(one) == []


def test_the_interval_decides() -> None:
    assert Finding(LARGER, "d", "", estimate(0.9), estimate(0.88)).verdict == "undecided"
