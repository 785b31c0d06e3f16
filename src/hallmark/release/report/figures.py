"""The report's figures as SVG: lines with intervals, heat maps, intervals on a line.

Text and axes take the colour of the page, so that one figure suits light, dark and print.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# Okabe and Ito's colours, which people with any colour vision tell apart, and shapes for print
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = "os^Dvp"
_INK = "#010203"  # becomes the colour of the text around the figure
_PANEL = (3.3, 2.9)  # inches
_STYLE: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "hallmark", "font.family": "sans-serif",
    "font.size": 9, "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _INK,
    "xtick.color": _INK, "ytick.color": _INK, "axes.facecolor": "none", "axes.titlesize": 9.5,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    "legend.fontsize": 8, "grid.color": "#808080", "grid.alpha": 0.3,
}  # fmt: skip


@dataclass(frozen=True)
class Point:
    """One measured value with its interval; `at` is where it stands."""

    at: float | str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Panel:
    """Lines by their names."""

    title: str
    lines: Mapping[str, Sequence[Point]]


def point(at: float | str, estimate: Mapping[str, Any], *, times: float = 1.0) -> Point:
    """An estimate of a result file as a point, `times` as large (100 for per cent)."""
    low, high = (estimate.get(k) for k in ("low", "high"))
    value = float(estimate["value"])
    found = (value, value if low is None else float(low), value if high is None else float(high))
    return Point(at, *(times * x for x in found))


def lines(
    name: str, panels: Sequence[Panel], *, x: str, y: str, log: bool = False,
    limits: tuple[float, float] | None = None, chance: float | None = None, simulated: bool = False,
) -> str:  # fmt: skip
    """One panel beside the other, a line with its 95 % band for each name."""
    with _drawing():
        figure, axes = _panels(len(panels), share=True)
        names = list(dict.fromkeys(n for panel in panels for n in panel.lines))
        for ax, panel in zip(axes, panels, strict=True):
            for line, points in panel.lines.items():
                _line(ax, line, points, names.index(line), numeric=log)
            _finish(ax, panel, x, log=log, chance=chance)
        axes[0].set_ylabel(y)
        if limits:
            axes[0].set_ylim(*limits)
        pairs = (zip(*ax.get_legend_handles_labels(), strict=True) for ax in axes)
        shown = {label: handle for own in pairs for handle, label in own}
        figure.legend(shown.values(), shown.keys(), loc="outside lower center",
                      ncols=min(len(shown), 5))  # fmt: skip
        return _svg(name, figure, simulated=simulated)


def _line(ax: Any, name: str, points: Sequence[Point], number: int, *, numeric: bool) -> None:
    at = [p.at if numeric else str(p.at) for p in points]
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    ax.plot(at, [p.value for p in points], marker=marker, color=colour, markersize=4,
            linewidth=1.3, label=name)  # fmt: skip
    low, high = [p.low for p in points], [p.high for p in points]
    if len(points) > 1:
        ax.fill_between(at, low, high, color=colour, alpha=0.18, linewidth=0)
    else:
        ax.vlines(at, low, high, color=colour)


def _finish(ax: Any, panel: Panel, x: str, *, log: bool, chance: float | None) -> None:
    ax.set_title(panel.title)
    ax.set_xlabel(x)
    ax.grid(visible=True)
    if chance is not None:
        ax.axhline(chance, color="#808080", linewidth=0.9, linestyle=":")
    if log:
        ticks = sorted({float(p.at) for line in panel.lines.values() for p in line})
        above = [t for t in ticks if t > 0]
        ax.set_xscale("symlog", base=2, linthresh=min(above, default=1.0))
        ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
        ax.minorticks_off()
    if len(ax.get_xticks()) > 3:
        ax.tick_params(axis="x", labelrotation=30)


def heats(
    name: str, panels: Sequence[tuple[str, Sequence[str], Sequence[str], Sequence[Sequence[float]]]]
) -> str:
    """Heat maps of accuracy in per cent, from 50 to 100: (title, rows, columns, values)."""
    with _drawing():
        figure, axes = _panels(len(panels), share=False)
        for ax, (title, rows, columns, values) in zip(axes, panels, strict=True):
            ax.pcolormesh(values, vmin=50, vmax=100, cmap="cividis", edgecolors="#808080",
                          linewidth=0.4)  # fmt: skip
            ax.invert_yaxis()
            ax.set_xticks([x + 0.5 for x in range(len(columns))], columns, rotation=40,
                          ha="right", rotation_mode="anchor")  # fmt: skip
            ax.set_yticks([y + 0.5 for y in range(len(rows))], rows)
            for row, line in enumerate(values):
                for column, value in enumerate(line):
                    ink = "#ffffff" if not value >= 78 else "#000000"
                    shown = "" if value != value else f"{value:.0f}"
                    ax.text(
                        column + 0.5,
                        row + 0.5,
                        shown,
                        ha="center",
                        va="center",
                        color=ink,
                        fontsize=8,
                    )
            ax.set_title(title)
            ax.set_xlabel("tested on")
        axes[0].set_ylabel("trained on")
        return _svg(name, figure, simulated=False)


def intervals(
    name: str, points: Sequence[Point], *, x: str, simulated: bool = False,
    published: Sequence[Point] = (),
) -> str:  # fmt: skip
    """A value with its interval on a line each; published ones in a panel of their own."""
    groups = [("this run", points), *([("published", published)] if published else [])]
    with _drawing():
        figure, axes = _panels(len(groups), share=False)
        for ax, (title, own) in zip(axes, groups, strict=True):
            for number, p in enumerate(own):
                ax.plot([p.low, p.high], [-number] * 2, color=COLOURS[0], linewidth=2.2)
                ax.plot([p.value], [-number], "o", color=COLOURS[0], markersize=6)
            ax.set_yticks([-n for n in range(len(own))], [str(p.at) for p in own])
            ax.set_title(title if published else "")
            ax.set_xlabel(x)
            ax.margins(y=0.2)
            ax.grid(axis="x", visible=True)
        return _svg(name, figure, simulated=simulated)


@contextmanager
def _drawing() -> Any:
    try:
        from matplotlib import rc_context
    except ModuleNotFoundError:
        raise ValueError("the report's figures need matplotlib; install hallmark[plots]") from None
    with rc_context(_STYLE):
        yield


def _panels(count: int, *, share: bool) -> tuple[Any, Sequence[Any]]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    width, height = _PANEL
    figure = Figure(figsize=(width * max(count, 1.4), height), layout="constrained")
    FigureCanvasSVG(figure)
    figure.patch.set_alpha(0)
    return figure, figure.subplots(1, count, sharey=share, squeeze=False)[0]


def _svg(name: str, figure: Any, *, simulated: bool) -> str:
    """The figure with ids of its own, the same bytes for the same data."""
    if simulated:
        figure.text(0.5, 0.5, "SIMULATED", ha="center", va="center", fontsize=34,
                    color="#c0392b", alpha=0.35, rotation=12)  # fmt: skip
    file = io.StringIO()
    empty = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(file, format="svg", metadata=empty)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)


def standing_alone(svg: str) -> str:
    """A figure as a file of its own, which has no text around it: dark on white."""
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    return head + svg.replace("<svg ", '<svg style="color:#1a1a1a;background:#fff" ', 1)
