"""A misuse analysis for people: Markdown, and the curve as a paper prints it.

Reads the record of misuse.json alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hallmark.evaluate.figures import COLOURS, FORMATS, new_figure, write_figure
from hallmark.evaluate.report import shown_value, table_lines
from hallmark.outputs.names import TRIAL

Record = Mapping[str, Any]
_NONE = 3  # on the logarithmic axis, where the model stands that was not fine-tuned


def markdown(record: Record) -> str:
    """Tables of the curve, what the losses are made of, and what is not shown."""
    trial = [f"**{TRIAL}**", ""] if record.get("practice") else []
    lines = ["# Misuse analysis", "", *trial, *_preface(record)]
    lines += ["", "## Recognition, fluency, copying", ""]
    lines += table_lines(*_texts(record))
    lines += ["", "## Detection at equal lengths", "", *table_lines(*_equal(record))]
    lines += ["", "## Detection at lengths of their own", "", *table_lines(*_own(record))]
    published = record["published"]
    lines += [
        "", f"The release, for comparison ({published['what']}): {published['base']:.1%}, after "
        f"fine-tuning {published['tuned']:.1%}, about half of the loss by length. Another model, "
        "another corpus, other lengths: the two stand side by side, and measure different things.",
        "", "## What this does not show", "",
    ]  # fmt: skip
    lines += [f"- {sentence}" for sentence in record["not_shown"]]
    return "\n".join(lines) + "\n"


def _preface(record: Record) -> Iterator[str]:
    corpus, settings, human = record["corpus"], record["settings"], record["human"]
    yield (
        f"{record['model']}, fine-tuned on growing amounts of `{corpus['name']}`: {corpus['pool']} "
        f"documents to fine-tune on, {corpus['select']} that choose the best step, "
        f"{corpus['judge']} that teach the classifier, {corpus['held']} held out for comparison; "
        f"no text is in two of these. {corpus['exact_duplicates']} exact and "
        f"{corpus['near_duplicates']} near duplicates were left out. Human texts of "
        f"{settings['length']} tokens: train {human['train']}, valid {human['valid']}, test "
        f"{human['test']}. Samples: {settings['samples']} of each model, {settings['sampling']}, "
        f"at most {settings['most']} tokens, seed {record['seed']}. Brackets are 95 % intervals."
    )


def _texts(record: Record) -> tuple[list[str], list[list[str]]]:
    length, copied = record["settings"]["length"], record["settings"]["copied"]
    head = ["documents", "steps (passes)", "mean tokens", f"n at {length} tokens", "recognised",
            "bits per byte, judge", "bits per byte, own, held out", "repeated",
            f"{copied} tokens copied", "longest run: median, most", "near duplicates"]  # fmt: skip
    rows = [_row(point) for point in record["curve"]]
    last = record["final"]
    for name, label in (("held_out", "the position's held-out documents"), ("human", "human text")):
        fluency = (last["fluency"][name], last["fluency"][f"model_{name}"])
        rows.append([
            label, "-", "-", str(last["copying"][name]["copied"]["n"]),
            shown_value(last["recognition"][name]), *map(shown_value, fluency), "-",
            *_copied(last["copying"][name]),
        ])  # fmt: skip
    return head, rows


def _row(point: Record) -> list[str]:
    training, samples, fluency = point["training"], point["samples"], point["fluency"]
    return [
        str(point["documents"]),
        f"{training['steps']} ({training['passes']:.1f})" if training else "-",
        f"{samples['mean_tokens']:.0f}", str(samples["reaching"]),
        shown_value(point["recognition"]["share"]), shown_value(fluency["samples"]),
        shown_value(fluency["model_held_out"]), shown_value(fluency["repeated"]),
        *_copied(point["copying"]["samples"]),
    ]  # fmt: skip


def _copied(found: Record) -> list[str]:
    near, longest = found.get("near_duplicates"), found["longest"]
    return [
        shown_value(found["copied"]), f"{longest['median']:.0f}, {longest['max']}",
        shown_value(near) if near else "-",
    ]  # fmt: skip


def _equal(record: Record) -> tuple[list[str], list[list[str]]]:
    head = ["detector", "documents", "accuracy", "AUROC", "TPR at 5 % FPR", "FPR met",
            "accuracy lost", "AUROC lost", "TPR lost", "held-out documents flagged"]  # fmt: skip
    names = (
        "accuracy",
        "auroc",
        "tpr",
        "fpr",
        "accuracy_lost",
        "auroc_lost",
        "tpr_lost",
        "held_out_flagged",
    )
    rows = [
        [one["detector"], str(documents), *(shown_value(one[name]) for name in names)]
        for documents, one in _by_detector(record)
    ]
    return head, rows


def _own(record: Record) -> tuple[list[str], list[list[str]]]:
    head = ["detector", "documents", "accuracy on the base", "base cut to the same lengths",
            "fine-tuned", "lost", "of that, by length", "and the rest"]  # fmt: skip
    names = ("base", "base_cut", "tuned", "lost", "by_length", "by_rest")
    rows = [
        [
            one["detector"],
            str(documents),
            *(shown_value(one["own_lengths"][name]) for name in names),
        ]
        for documents, one in _by_detector(record)
        if documents
    ]
    return head, rows


def _by_detector(record: Record) -> Iterator[tuple[int, Any]]:
    for i in range(len(record["final"]["detection"])):
        for point in record["curve"]:
            yield point["documents"], point["detection"][i]


def draw(record: Record, folder: Path) -> list[Path]:
    """Write misuse-curve and misuse-lengths as SVG and PNG; ValueError without matplotlib."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"misuse-curve": _curve(record), "misuse-lengths": _lengths(record)}
    return [write_figure(figure, folder / f"{name}.{form}") for name, figure in figures.items()
            for form in FORMATS]  # fmt: skip


def _curve(record: Record) -> Any:
    """Four panels over the number of documents: recognition, copying, fluency, detection."""
    figure = new_figure(9.6, 6.4)
    axes = figure.subplots(2, 2).ravel()
    points = record["curve"]
    held, human = "held-out documents", "human text"
    _lines(axes[0], points, {
        "samples": lambda p: p["recognition"]["share"],
        held: lambda p: p["recognition"]["held_out"], human: lambda p: p["recognition"]["human"],
    }, "recognised as the position (%)", percent=True)  # fmt: skip
    _lines(axes[1], points[1:], {
        "samples": lambda p: p["copying"]["samples"]["copied"],
        held: lambda p: p["copying"]["held_out"]["copied"],
        human: lambda p: p["copying"]["human"]["copied"],
    }, f"with {record['settings']['copied']} tokens copied (%)", percent=True)  # fmt: skip
    _lines(axes[2], points, {
        "samples": lambda p: p["fluency"]["samples"], held: lambda p: p["fluency"]["held_out"],
        human: lambda p: p["fluency"]["human"],
    }, "bits per byte, by the judge")  # fmt: skip
    names = [one["detector"] for one in record["final"]["detection"]]
    _lines(
        axes[3],
        points,
        {name: lambda p, i=i: p["detection"][i]["accuracy"] for i, name in enumerate(names)},
        f"accuracy, {record['settings']['length']} tokens (%)",
        percent=True,
    )
    return figure


def _lines(
    axes: Any, points: Sequence[Record], series: Mapping[str, Any], label: str, *,
    percent: bool = False,
) -> None:  # fmt: skip
    scale = 100 if percent else 1
    x = [point["documents"] or _NONE for point in points]
    for (name, pick), colour in zip(series.items(), COLOURS, strict=False):
        found = [pick(point) for point in points]
        axes.plot(x, [scale * e["value"] for e in found], "o-", color=colour, markersize=3,
                  linewidth=1.2, label=name)  # fmt: skip
        axes.fill_between(x, [scale * e["low"] for e in found], [scale * e["high"] for e in found],
                          color=colour, alpha=0.15, linewidth=0)  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(x, [str(p["documents"] or "none") for p in points], fontsize=8)
    axes.minorticks_off()
    axes.set(xlabel="documents fine-tuned on", ylabel=label)
    if percent:
        axes.set_ylim(-3, 103)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8)


def _lengths(record: Record) -> Any:
    """At the largest size: accuracy on the base, on the base cut, and on the fine-tuned."""
    detection = record["final"]["detection"]
    figure = new_figure(6.4, 3.4)
    axes = figure.subplots()
    kinds = {"base": "base model", "base_cut": "base model, cut to the fine-tuned lengths",
             "tuned": "fine-tuned"}  # fmt: skip
    for k, ((kind, label), colour) in enumerate(zip(kinds.items(), COLOURS, strict=False)):
        found = [one["own_lengths"][kind] for one in detection]
        value = [100 * e["value"] for e in found]
        error = [[100 * (e["value"] - e["low"]) for e in found],
                 [100 * (e["high"] - e["value"]) for e in found]]  # fmt: skip
        axes.bar([i + 0.27 * (k - 1) for i in range(len(found))], value, 0.25, yerr=error,
                 color=colour, label=label, capsize=2, error_kw={"linewidth": 0.8})  # fmt: skip
    axes.set_xticks(range(len(detection)), [one["detector"] for one in detection])
    axes.set(ylim=(0, 128), yticks=range(0, 101, 20), ylabel="accuracy (%)",
             title=f"After {record['final']['documents']} documents")  # fmt: skip
    axes.axhline(50, color="#888888", linewidth=0.8, linestyle=":")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return figure
