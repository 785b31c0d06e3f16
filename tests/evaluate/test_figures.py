"""What a cross table's figures draw."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from hallmark.evaluate import figures
from hallmark.evaluate.cells import Cell, cell_of, fit_thresholds
from hallmark.evaluate.contenders import AS_IT_IS
from hallmark.evaluate.crosstable import CrossTable
from hallmark.evaluate.plan import EVERYTHING, Column, rows_of

COLUMNS = (Column("a", "1M", "pure"), Column("b", "1M", "k40"))


def a_cell(detector: str, row: str, column: str, length: int = 32) -> Cell:
    human, synthetic = np.arange(40.0), np.arange(40.0) + 10
    return cell_of(
        human, synthetic, fit_thresholds(human, synthetic),
        detector=detector, row=row, column=column, length=length,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "drawn"),
    [
        (["1M k40", "1M pure"], "1M pure"),
        (["1M k40", EVERYTHING], EVERYTHING),
        ([AS_IT_IS], AS_IT_IS),
        (["1M k40", "1M mixed"], ""),
    ],
)
def test_a_line_is_drawn_of_a_row_that_saw_the_corpus_or_a_saved_one(
    rows: list[str], drawn: str
) -> None:
    cells = tuple(a_cell("tfidf", row, "1M pure", length) for row in rows for length in (16, 32))
    table = CrossTable(32, COLUMNS, tuple(rows_of(COLUMNS)), ("tfidf",), cells)
    assert figures._own_row(table, "tfidf", "1M pure") == drawn
    for draw, others in ((figures._draw_lengths, 0), (figures._draw_roc, 1)):
        axes = Figure().subplots()
        draw(axes, table, "1M pure")
        lines = [line for line in axes.get_lines() if len(line.get_xdata())]
        assert len(lines) - others == bool(drawn)


def test_a_detector_without_a_row_for_every_panel_draws_all_figures(tmp_path: Path) -> None:
    cells = [a_cell("tfidf", row, column.name) for row in ("1M pure", "1M k40")
             for column in COLUMNS]  # fmt: skip
    cells.append(a_cell("encoder", "1M pure", "1M pure"))
    table = CrossTable(32, COLUMNS, tuple(rows_of(COLUMNS)), ("tfidf", "encoder"), tuple(cells))
    written = {path.name for path in figures.draw_all(table, tmp_path)}
    assert written == {f"{n}.{f}" for n in ("heat-tfidf", "lengths", "roc") for f in ("svg", "png")}
