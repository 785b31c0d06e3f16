"""A run's curves as a figure: training and held-out loss, bits per byte, learning rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hallmark.data import write_atomically
from hallmark.lm.training.log import read_log

KINDS = (".svg", ".png", ".pdf")
_BLUE, _RED, _GREY = "#2060a0", "#c04020", "#808080"


def draw(run: Path, out: Path) -> None:
    """Draw the log of the run in `run` to the file `out`; its ending says the format.

    ValueError where matplotlib is missing, the ending is unknown or nothing was logged yet.
    """
    if out.suffix.lower() not in KINDS:
        raise ValueError(f"{out} ends in none of {', '.join(KINDS)}; give another name")
    log = read_log(run)
    steps = [line for line in log if "loss" in line]
    if not steps:
        raise ValueError(f"{run} has no step in its log yet; train first")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ValueError(
            "plots need matplotlib; install hallmark[plots] (in a clone: pip install -e '.[plots]')"
        ) from None
    figure = Figure(figsize=(8, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    _draw_losses(upper, steps, [line for line in log if "valid_loss" in line], run.name)
    numbers = [line["step"] for line in steps]
    lower.plot(numbers, [line["lr"] for line in steps], color=_BLUE)
    lower.set(xlabel="step", ylabel="learning rate")
    norms = lower.twinx()
    norms.plot(numbers, [line["norm"] for line in steps], color=_GREY, linewidth=0.8)
    norms.set_ylabel("gradient norm", color=_GREY)
    with write_atomically(out) as file:
        figure.savefig(file, format=out.suffix[1:].lower(), dpi=120, metadata=_no_date(out))


def _draw_losses(
    axes: Any, steps: list[dict[str, Any]], valid: list[dict[str, Any]], name: str
) -> None:
    numbers = [line["step"] for line in steps]
    losses = [line["loss"] for line in steps]
    axes.plot(numbers, losses, color=_BLUE, linewidth=0.6, alpha=0.35)
    axes.plot(numbers, _smooth(losses), color=_BLUE, label="training (running mean)")
    if valid:
        places = [line["step"] for line in valid]
        axes.plot(places, [v["valid_loss"] for v in valid], "o-", color=_RED, label="held out")
        best = min(valid, key=lambda line: float(line["valid_loss"]))
        _label(axes, valid[0], side="left", offset=(9, -3))
        if best is not valid[0]:
            _label(axes, best, side="right", offset=(0, 9))
    axes.set(ylabel="nats a token", title=name)
    axes.margins(x=0.04)
    axes.legend(frameon=False)


def _label(axes: Any, line: dict[str, Any], *, side: str, offset: tuple[int, int]) -> None:
    """Write the bits per byte beside the point of a validation."""
    if line["bits_per_byte"] is None:
        return
    axes.annotate(
        f"{line['bits_per_byte']:.3f} bits per byte", (line["step"], line["valid_loss"]),
        xytext=offset, textcoords="offset points", fontsize=9, color=_RED, ha=side,
    )  # fmt: skip


def _smooth(values: list[float]) -> list[float]:
    """Exponential running mean over about 7 steps, started without bias."""
    found, mean, weight = [], 0.0, 0.0
    for value in values:
        mean, weight = 0.85 * mean + 0.15 * value, 0.85 * weight + 0.15
        found.append(mean / weight)
    return found


def _no_date(out: Path) -> dict[str, None]:
    """So that the same log gives the same file."""
    key = {".svg": "Date", ".pdf": "CreationDate"}.get(out.suffix.lower())
    return {key: None} if key else {}
