"""The three claims of GPT-2's release, as differences between cells with intervals.

Larger models are harder to detect; a detector trained on a larger model's outputs transfers to a
smaller one's; training on mixed sampling is more robust than on one sampling method.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hallmark.evaluate.cells import Cell, difference
from hallmark.evaluate.crosstable import CrossTable
from hallmark.evaluate.plan import MIXED
from hallmark.stats import Estimate

FEWEST = 30  # texts of either kind in a cell: fewer decide no claim
LARGER, TRANSFER, MIXTURE = "larger is harder", "training on larger transfers", "mixed is robust"


@dataclass(frozen=True)
class Finding:
    """One comparison of accuracies: the claim says that `first` is above `second`.

    n: texts of the kind that has the fewest, in the cell that has fewer.
    """

    claim: str
    detector: str
    what: str
    first: Estimate
    second: Estimate
    n: int

    @property
    def difference(self) -> Estimate:
        """`first` minus `second`."""
        return difference(self.first, self.second)

    @property
    def verdict(self) -> str:
        """What the interval of the difference allows to say, from `FEWEST` texts of a kind on."""
        if self.n < FEWEST:
            return f"too few (n {self.n})"
        if self.difference.low > 0:
            return "supported"
        return "contradicted" if self.difference.high < 0 else "undecided"


def findings(table: CrossTable) -> list[Finding]:
    """Every comparison that the table allows, claim after claim."""
    found: list[Finding] = []
    for detector in table.detectors:
        found += [*_larger(table, detector), *_transfer(table, detector), *_mixed(table, detector)]
    order = (LARGER, TRANSFER, MIXTURE)
    return sorted(found, key=lambda one: order.index(one.claim))


def _ends(table: CrossTable) -> tuple[str, str] | None:
    """The smallest and the largest size that detectors are trained on."""
    sizes = list(dict.fromkeys(column.size for column in table.columns if column.trained))
    return (sizes[0], sizes[-1]) if len(sizes) > 1 else None


def _samplings(table: CrossTable) -> list[str]:
    return list(dict.fromkeys(column.sampling for column in table.columns if column.trained))


def _larger(table: CrossTable, detector: str) -> Iterator[Finding]:
    """Each trained on its own corpus: the smallest size's accuracy above the largest's.

    At the table's length and at a middle one, where no detector is near its ceiling.
    """
    lengths = sorted({cell.length for cell in table.cells})
    if ends := _ends(table):
        for length in sorted({table.length, lengths[(len(lengths) - 1) // 2]}, reverse=True):
            for sampling in _samplings(table):
                small, large = (f"{size} {sampling}" for size in ends)
                what = f"{sampling}, {length} tokens: {ends[0]} more accurate than {ends[1]}"
                yield from _compare(
                    LARGER, detector, what, table.cell(detector, small, small, length),
                    table.cell(detector, large, large, length),
                )  # fmt: skip


def _transfer(table: CrossTable, detector: str) -> Iterator[Finding]:
    """From largest to smallest against the way back."""
    if ends := _ends(table):
        for sampling in _samplings(table):
            small, large = (f"{size} {sampling}" for size in ends)
            what = f"{sampling}: from {ends[1]} to {ends[0]} better than back"
            yield from _compare(
                TRANSFER, detector, what, table.cell(detector, large, small),
                table.cell(detector, small, large),
            )  # fmt: skip


def _mixed(table: CrossTable, detector: str) -> Iterator[Finding]:
    """On the largest size: the worst column of mixed training above that of each single one."""
    if not (sizes := [column.size for column in table.columns if column.trained]):
        return
    size = sizes[-1]
    mixed = _worst(table, detector, f"{size} {MIXED}", size)
    for sampling in _samplings(table):
        what = f"{size}, worst sampling: mixed better than {sampling}"
        single = _worst(table, detector, f"{size} {sampling}", size)
        yield from _compare(MIXTURE, detector, what, mixed, single)


def _worst(table: CrossTable, detector: str, row: str, size: str) -> Cell | None:
    """The least accurate cell of a row on one size's columns."""
    names = [column.name for column in table.columns if column.size == size]
    cells = [cell for name in names if (cell := table.cell(detector, row, name))]
    return min(cells, key=lambda cell: cell.accuracy.value) if cells else None


def _compare(
    claim: str, detector: str, what: str, first: Cell | None, second: Cell | None
) -> Iterator[Finding]:
    if first and second:
        n = min(count for c in (first, second) for count in (c.n_human, c.n_synthetic))
        yield Finding(claim, detector, what, first.accuracy, second.accuracy, n)
