"""The report's figures: means with their intervals over all ratings, and differences."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from hallmark.study.analysis import ScaleResult

_BLUE, _GREY = "#2060a0", "#9aa5b1"


def draw_means(result: ScaleResult, *, simulated: bool) -> str:
    """An SVG: every rating faintly, and each condition's mean with its 95 % interval."""
    names = result.values.conditions
    figure, axes = _canvas(0.55 * len(names) + 1.3)
    spread = np.random.default_rng(0)
    for i, name in enumerate(names):
        own = result.values.value[result.values.condition == i]
        height = -i + spread.uniform(-0.28, 0.28, len(own))
        axes.plot(own, height, "o", color=_GREY, alpha=min(0.5, 60 / len(own)), markersize=3)
        _interval(
            axes, result.means[name].value, result.means[name].low, result.means[name].high, -i
        )
    axes.set_yticks([-i for i in range(len(names))], names)
    axes.set_xlabel(f"{result.scale.name}, {result.scale.low} to {result.scale.high}")
    return _svg(figure, axes, simulated)


def draw_differences(result: ScaleResult, *, simulated: bool) -> str:
    """An SVG: each registered difference with its interval and margin of equivalence."""
    rows = result.differences
    figure, axes = _canvas(0.55 * len(rows) + 1.3)
    axes.axvline(0, color="#666666", linewidth=0.8)
    for i, row in enumerate(rows):
        margin = row.contrast.equivalence
        if margin:
            axes.fill_betweenx([-i - 0.4, -i + 0.4], -margin, margin, color=_GREY, alpha=0.3, lw=0)
        _interval(axes, row.estimate.value, row.estimate.low, row.estimate.high, -i)
    labels = [f"{r.contrast.higher} - {r.contrast.lower}" for r in rows]
    axes.set_yticks([-i for i in range(len(rows))], labels)
    axes.set_xlabel(f"difference in {result.scale.name}")
    return _svg(figure, axes, simulated)


def _canvas(height: float) -> tuple[Any, Any]:
    try:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ValueError("figures need matplotlib; install hallmark[study]") from None
    figure = Figure(figsize=(7.2, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _interval(axes: Any, value: float, low: float, high: float, y: float) -> None:
    axes.plot([low, high], [y, y], color=_BLUE, linewidth=2.4, solid_capstyle="round")
    axes.plot([value], [y], "o", color=_BLUE, markersize=8)
    axes.annotate(
        f"{value:.2f}", (value, y), xytext=(0, 8), textcoords="offset points", ha="center",
        fontsize=9, color=_BLUE,
    )  # fmt: skip


def _svg(figure: Any, axes: Any, simulated: bool) -> str:
    """The same data give the same bytes."""
    import matplotlib as mpl

    if simulated:
        axes.text(
            0.5, 0.5, "SIMULATED", transform=axes.transAxes, ha="center", va="center",
            fontsize=34, color="#b3261e", alpha=0.25, zorder=0,
        )  # fmt: skip
    axes.margins(y=0.25)
    file = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "hallmark", "svg.fonttype": "path"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
