"""A cross table's figures as a paper prints them: heat map, length curves, ROC."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hallmark.data import write_atomically
from hallmark.evaluate.cells import ROC_AT, Cell
from hallmark.evaluate.contenders import AS_IT_IS
from hallmark.evaluate.crosstable import CrossTable
from hallmark.evaluate.plan import EVERYTHING

FORMATS = ("svg", "png")
# Okabe and Ito's colours, which people with any colour vision tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_PANEL = 3.4  # inches


def draw_all(table: CrossTable, folder: Path) -> list[Path]:
    """Write heat-DETECTOR, lengths and roc, each as SVG and PNG; ValueError without matplotlib."""
    figures = {f"heat-{name}": _heat(table, name) for name in table.detectors
               if len({c.row for c in table.cells if c.detector == name}) > 1}  # fmt: skip
    figures["lengths"] = _panels(table, _draw_lengths)
    figures["roc"] = _panels(table, _draw_roc)
    return [write_figure(figure, folder / f"{name}.{form}") for name, figure in figures.items()
            for form in FORMATS]  # fmt: skip


def new_figure(width: float, height: float) -> Any:
    """An empty figure that needs no screen; ValueError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ValueError("figures need matplotlib; install hallmark[plots]") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def write_figure(figure: Any, path: Path) -> Path:
    """Write a figure by the suffix of its name, the same bytes each time."""
    from matplotlib import rc_context

    date = {"Date": None} if path.suffix == ".svg" else {}
    with rc_context({"svg.hashsalt": "hallmark"}), write_atomically(path) as file:
        figure.savefig(file, format=path.suffix[1:], dpi=150, metadata=date)
    return path


def _heat(table: CrossTable, detector: str) -> Any:
    """Accuracy of every row on every column, in per cent."""
    rows = [r.name for r in table.rows if table.cell(detector, r.name, table.columns[0].name)]
    cells = [[table.cell(detector, row, c.name) for c in table.columns] for row in rows]
    values = [[100 * c.accuracy.value if c else float("nan") for c in line] for line in cells]
    figure = new_figure(max(5.0, 2.6 + 0.42 * len(table.columns)), 1.9 + 0.28 * len(rows))
    axes = figure.subplots()
    image = axes.imshow(values, vmin=50, vmax=100, cmap="cividis", aspect="auto")
    axes.set_xticks(range(len(table.columns)), [c.name for c in table.columns], rotation=60,
                    ha="right", rotation_mode="anchor", fontsize=8)  # fmt: skip
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    for y, line in enumerate(values):
        for x, value in enumerate(line):
            colour = "white" if value < 78 else "black"
            axes.text(x, y, f"{value:.0f}", ha="center", va="center", fontsize=7, color=colour)
    _divide(axes, [c.size for c in table.columns])
    axes.set(xlabel="tested on", ylabel="trained on",
             title=f"{detector}: accuracy (%) at {table.length} tokens")  # fmt: skip
    figure.colorbar(image, ax=axes, shrink=0.8, pad=0.01)
    return figure


def _divide(axes: Any, sizes: list[str]) -> None:
    """White lines between sizes."""
    for x in range(1, len(sizes)):
        if sizes[x] != sizes[x - 1]:
            axes.axvline(x - 0.5, color="white", linewidth=1.5)


def _panels(table: CrossTable, draw: Callable[[Any, CrossTable, str], None]) -> Any:
    """One panel a column of the largest trained size; in it a line a detector."""
    trained = [c for c in table.columns if c.trained]
    shown = [c.name for c in trained if c.size == trained[-1].size]
    figure = new_figure(_PANEL * len(shown), _PANEL)
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, shown, strict=True):
        draw(axes, table, name)
        axes.set_title(name, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    return figure


def _own_row(table: CrossTable, detector: str, column: str) -> str:
    """The row that was trained on the column, or on everything, or a saved one; "" if none was."""
    rows = {cell.row for cell in table.cells if cell.detector == detector}
    return next((row for row in (column, EVERYTHING, AS_IT_IS) if row in rows), "")


def _draw_lengths(axes: Any, table: CrossTable, column: str) -> None:
    for detector, colour in zip(table.detectors, COLOURS, strict=False):
        row = _own_row(table, detector, column)
        cells = sorted(
            (c for c in table.cells if (c.detector, c.row, c.column) == (detector, row, column)),
            key=lambda cell: cell.length,
        )
        lengths = [cell.length for cell in cells]
        found = [cell.accuracy for cell in cells]
        axes.plot(lengths, [100 * e.value for e in found], "o-", color=colour, markersize=3,
                  linewidth=1.2, label=detector)  # fmt: skip
        axes.fill_between(lengths, [100 * e.low for e in found], [100 * e.high for e in found],
                          color=colour, alpha=0.15, linewidth=0)  # fmt: skip
    ticks = sorted({cell.length for cell in table.cells})
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [str(n) for n in ticks], fontsize=8)
    axes.minorticks_off()
    axes.set(xlabel="tokens", ylim=(40, 101))
    if axes.get_subplotspec().is_first_col():
        axes.set_ylabel("accuracy (%)")
    if axes.get_subplotspec().is_last_col():
        axes.legend(frameon=False, fontsize=8)


def _draw_roc(axes: Any, table: CrossTable, column: str) -> None:
    axes.plot([0, 1], [0, 1], color="#aaaaaa", linewidth=0.8)
    for detector, colour in zip(table.detectors, COLOURS, strict=False):
        cell: Cell | None = table.cell(detector, _own_row(table, detector, column), column)
        if cell is not None:
            label = f"{detector}, {cell.auroc.value:.3f}"
            axes.plot(ROC_AT, cell.roc, color=colour, linewidth=1.2, label=label)
    if len(axes.get_lines()) > 1:
        axes.legend(frameon=False, fontsize=7, loc="lower right", title="area", title_fontsize=7)
    axes.set(xlabel="false-positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    if axes.get_subplotspec().is_first_col():
        axes.set_ylabel("true-positive rate")
