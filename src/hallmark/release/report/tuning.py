"""The sections on fine-tuning to a position, and on copies and bias."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from hallmark.release.report import figures, published
from hallmark.release.report.claims import missing, shown
from hallmark.release.report.page import Part, Sourced
from hallmark.release.report.results import Result, Results
from hallmark.study.document import Heading, Paragraph, Picture, Table

MISUSE = "Fine-tuning"
BEHAVIOUR = "Memorisation and bias"


def misuse(results: Results) -> Iterator[Part]:
    """The curve of the misuse analysis: recognition, detection, what the loss is made of."""
    yield Heading(MISUSE)
    yield Paragraph(
        "The release's partners fine-tuned the models on extremist positions; here a benign "
        "stand-in takes their place. How recognisable is the position then, how much is copied, "
        "and what do detectors lose?"
    )
    analyses = results.like("misuse")
    if not analyses:
        yield missing("there is no misuse analysis (evidence misuse-STAGE.json)")
    for found in analyses:
        yield _curve(found)
        yield _points(found)
        yield _losses(found)
        yield Table(("What this does not show",), [(line,) for line in found.value["not_shown"]])
    yield Table(
        ("Published of", "Published", "Its protocol"),
        [("1.5B", published.TUNED, published.BASELINE)],
    )


def _curve(found: Result) -> Sourced:
    points = found.value["curve"]

    def line(pick: Any) -> list[figures.Point]:
        return [figures.point(p["documents"], pick(p), times=100) for p in points]

    names = [d["detector"] for d in points[-1]["detection"]]
    texts = {
        "recognised as the position": line(lambda p: p["recognition"]["share"]),
        "with copied passages": line(lambda p: p["copying"]["samples"]["copied"]),
    }
    detectors = {
        name: line(lambda p, i=i: p["detection"][i]["accuracy"]) for i, name in enumerate(names)
    }
    panels = [figures.Panel("samples", texts), figures.Panel("detectors", detectors)]
    name = PurePosixPath(found.name).stem
    svg = figures.lines(name, panels, x="documents", y="per cent", log=True, limits=(-3, 103))
    said = "; ".join(
        f"{p['documents']} documents: recognised {shown(p['recognition']['share'])}, "
        + ", ".join(f"{d['detector']} {shown(d['accuracy'])}" for d in p["detection"])
        for p in points
    )
    return Sourced(
        Picture(f"figures/{name}.svg", svg, said),
        f"{found.value['model']} after fine-tuning on so many documents of "
        f"`{found.value['corpus']['name']}` (0: not fine-tuned): shares of its samples, and the "
        "accuracy of detectors that know the model before it, at equal lengths. Bands are 95 % "
        "intervals over texts.", (found,), "curve",
    )  # fmt: skip


def _points(found: Result) -> Sourced:
    rows = [
        (f"{p['documents']:,}", shown(p["recognition"]["share"]), shown(p["fluency"]["samples"]),
         shown(p["copying"]["samples"]["copied"]), shown(p["copying"]["excess"]),
         f"{p['copying']['samples']['longest']['median']:.0f}, "
         f"{p['copying']['samples']['longest']['max']}",
         shown(p["copying"]["samples"]["near_duplicates"]))
        for p in found.value["curve"]
    ]  # fmt: skip
    heads = ("documents", "recognised", "bits per byte", "copied", "more than held-out texts",
             "longest run: median, most",
             "near duplicates")  # fmt: skip
    return Sourced(
        Table(heads, rows),
        f"Samples by documents: the share that a classifier trained on other texts calls the "
        f"position, fluency as another model reads them, and shares with "
        f"{found.value['settings']['copied']} tokens in a row of the documents (less the share of "
        "the position's own texts that nothing was tuned on).", (found,), "curve",
    )  # fmt: skip


def _losses(found: Result) -> Sourced:
    last: Mapping[str, Any] = found.value["final"]
    rows = [
        (d["detector"], shown(d["accuracy"]), shown(d["accuracy_lost"]), shown(d["auroc_lost"]),
         shown(d["own_lengths"]["lost"]), shown(d["own_lengths"]["by_length"]),
         shown(d["own_lengths"]["by_rest"]))
        for d in last["detection"]
    ]  # fmt: skip
    heads = ("detector", "accuracy", "accuracy lost", "AUROC lost", "lost at own lengths",
             "of that, by length", "and the rest")  # fmt: skip
    return Sourced(
        Table(heads, rows),
        f"Detectors after {last['documents']:,} documents: at equal lengths, and at the lengths "
        "that the samples have.", (found,), "final.detection",
    )  # fmt: skip


def behaviour(results: Results) -> Iterator[Part]:
    """Copies of training text, and completions of prompts that differ in a group's name."""
    yield Heading(BEHAVIOUR)
    copies, probes = results.like("memorisation"), results.like("bias")
    if copies:
        yield _copies(copies)
        yield Table(("What this does not show",), [(s,) for s in copies[0].value["not_shown"]])
    else:
        yield missing("memorisation; it takes text that the models were trained on (--training)")
    if probes:
        yield _bias(probes)
        yield Table(("What this does not show",), [(s,) for s in probes[0].value["not_shown"]])
    else:
        yield missing("there are no bias probes (evidence bias-STAGE.json)")


def _copies(found: Sequence[Result]) -> Sourced:
    rows = [
        (f.value["model"], shown(f.value["copied"]), shown(f.value["held_out"]["copied"]),
         shown(f.value["excess"]), str(f.value["training"]["longest"]),
         shown(f.value["membership_auroc"]))
        for f in found
    ]  # fmt: skip
    heads = ("model", "training text copied", "held-out text copied", "difference",
             "longest run", "told by likelihood (AUROC)")  # fmt: skip
    settings = found[0].value["settings"]
    return Sourced(
        Table(heads, rows),
        f"Greedy continuations of {settings['prefix']} tokens: the share with "
        f"{settings['copied']} tokens and more of the document, verbatim from the first on.",
        tuple(found), "copied, held_out, excess, membership_auroc",
    )  # fmt: skip


def _bias(found: Sequence[Result]) -> Sourced:
    rows = [
        (f.value["model"], probe["group"],
         f"{probe['difference']['first']} - {probe['difference']['second']}",
         shown(probe["difference"]))
        for f in found for probe in f.value["probes"]
    ]  # fmt: skip
    settings = found[0].value["settings"]
    return Sourced(
        Table(("model", "group", "largest difference between", "of sentiment (-1 to 1)"), rows),
        f"Completions of prompts that differ in a term alone ({settings['samples']} of each "
        f"prompt, {settings['tokens']} tokens): the largest difference in each group, its interval "
        "wide enough for all of the group's.", tuple(found), "probes[group=GROUP].difference",
    )  # fmt: skip


def summary(results: Results) -> str:
    """The misuse analysis in a line."""
    found = results.like("misuse")
    if not found:
        return "not measured"
    last = found[-1].value["final"]
    tfidf = next((d for d in last["detection"] if d["detector"] == "tfidf"), last["detection"][0])
    return (
        f"after {last['documents']:,} documents {tfidf['detector']} loses "
        f"{shown(tfidf['accuracy_lost'])} of its accuracy, at equal lengths"
    )
