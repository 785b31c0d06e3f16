"""The sections on what detection alone cannot do, on the gates, and on what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hallmark.release.decide import ONLY_PEOPLE, Decision, Outcome, Status
from hallmark.release.keys import fingerprint
from hallmark.release.record import SENTENCES, value_of
from hallmark.release.report import published
from hallmark.release.report.cells import Cells
from hallmark.release.report.claims import missing, shown
from hallmark.release.report.page import Part, Sourced
from hallmark.release.report.results import Result, Results
from hallmark.study.document import Heading, Paragraph, Table

STANDALONE = "Detection alone is not enough"
GATES = "Gates and decisions"
MISSING = "What is missing"
PREVALENCES = (0.01, 0.1, 0.5)
_EXPECTED = {
    "study/result": "the study of credibility",
    "matrix": "the cross table of detectors",
    "misuse": "the misuse analysis",
    "memorisation": "memorisation of training text, which takes that text (--training)",
    "bias": "bias probes",
    "attacks": "disguised texts",
}


def standalone_summary(results: Results) -> str:
    """The worst of the samplings in a line."""
    table = results.get("matrix.json")
    if table is None:
        return "not measured"
    least = min((share for _, _, share in _best(Cells(table.value))), default=None)
    return "not measured" if least is None else (
        f"if {PREVALENCES[0]:.0%} of texts are synthetic, {100 * least:.0f} % of those that the "
        "best detector flags are synthetic, at worst"
    )  # fmt: skip


def _best(cells: Cells) -> Iterator[tuple[str, tuple[str, Any], float]]:
    """For each sampling of the largest size the best detector by AUROC, its cell, and the share of
    synthetic texts among those flagged, at the lowest prevalence."""
    for sampling in cells.samplings:
        own = [(d, cells.own(d, cells.sizes[-1], sampling)) for d in cells.compared]
        found = [(d, cell) for d, cell in own if cell]
        if found:
            detector, cell = max(found, key=lambda pair: float(pair[1]["auroc"]["value"]))
            yield sampling, (detector, cell), precision(cell, PREVALENCES[0])


def standalone(results: Results) -> Iterator[Part]:
    """How many alarms would be false, what disguises cost, and the short texts."""
    yield Heading(STANDALONE)
    yield Paragraph(
        "The release called 95 % accuracy too little for a detector that stands alone. How many of "
        "the flagged texts are synthetic depends on how many synthetic texts there are; disguises "
        "and short texts take from every detector."
    )
    table = results.get("matrix.json")
    if table is None:
        yield missing("there is no cross table (evidence matrix.json)")
    else:
        yield _alarms(table, Cells(table.value))
    yield from _attacks(results.get("attacks.json"))
    yield Table(
        ("Published of", "Published", "Its protocol"),
        [("1.5B", published.ENCODER, published.REPORT),
         ("1.5B", published.STANDALONE, published.REPORT)],
    )  # fmt: skip


def _alarms(table: Result, cells: Cells) -> Sourced:
    """The best detector by AUROC for each corpus of the largest size."""
    rows = []
    for sampling, (detector, cell), _ in _best(cells):
        share = [f"{100 * precision(cell, p):.0f} %" for p in PREVALENCES]
        rows.append((sampling, detector, shown(cell["tpr"][0], times=100, digits=1),
                     shown(cell["fpr"][0], times=100, digits=1), *share))  # fmt: skip
    heads = [f"synthetic among flagged, if {p:.0%} are: at least" for p in PREVALENCES]
    return Sourced(
        Table((cells.sizes[-1], "best detector", "found (%)", "people flagged (%)", *heads), rows),
        "The best detector at its threshold for 1 % false positives. The last columns take the "
        "worse ends of both intervals.", (table,),
        f"cells[length={cells.length},row={cells.sizes[-1]} SAMPLING].tpr and fpr",
    )  # fmt: skip


def precision(cell: Mapping[str, Any], prevalence: float) -> float:
    """The share of flagged texts that are synthetic, at the worse ends of both intervals."""
    caught = prevalence * float(cell["tpr"][0]["low"])
    wrong = (1 - prevalence) * float(cell["fpr"][0]["high"])
    return caught / (caught + wrong) if caught + wrong else 0.0


def _attacks(attacks: Result | None) -> Iterator[Part]:
    if attacks is None or "rows" not in attacks.value:
        why = attacks.value.get("missing") if attacks else "there is no evidence attacks.json"
        yield missing(f"what disguises cost; {why}")
        return
    rows = [
        (row["attack"], shown(row["raw"]["tpr"]), shown(row["cleaned"]["tpr"]),
         shown(row["raw"]["cost"], times=100, digits=1),
         shown(row["cleaned"]["cost"], times=100, digits=1))
        for row in attacks.value["rows"]
    ]  # fmt: skip
    first = attacks.value["rows"][0]["raw"]["tpr"]["n"]
    fpr = attacks.value["fpr"]
    yield Sourced(
        Table(("Disguise", "found", "found, repaired", "cost (points)", "cost, repaired"), rows),
        f"RAID's disguises against the {attacks.value.get('detector')} detector: the share of "
        f"{first} synthetic texts found at a threshold for {fpr:.0%} of people's. Of other human "
        f"texts it flags {shown(attacks.value['fpr_raw'])}.", (attacks,), "rows",
    )  # fmt: skip


def gates(results: Results) -> Iterator[Part]:
    """Every stage's gates, as signed, against the evidence."""
    yield Heading(GATES)
    if not results.decisions:
        yield missing("there is no signed plan beside the result files")
        return
    key = fingerprint(results.decisions[0].public_key)
    yield Paragraph(
        f"The gates were signed {results.signed} with the key {key}, before anything was "
        "measured as far as the signer says. People decide; this is what they have before them."
    )
    rows = [
        (d.stage, d.outcome.value, SENTENCES[d.outcome], ", ".join(_of(d, Status.PASS)),
         ", ".join(_of(d, Status.FAIL)), ", ".join(_of(d, Status.INCONCLUSIVE)),
         ", ".join(_of(d, Status.MISSING)))
        for d in results.decisions
    ]  # fmt: skip
    heads = ("Stage", "Outcome", "What that says", "pass", "fail", "inconclusive", "missing")
    yield Table(heads, rows)
    for decision in results.decisions:
        yield Heading(f"{decision.stage}: {decision.outcome.value}", 3)
        yield _gate_table(decision, results)
        for change in decision.changes:
            yield Paragraph(f"{change.sentence}.", warning=True)


def _of(decision: Decision, status: Status) -> list[str]:
    return [j.gate.id for j in decision.judged if j.status is status]


def _gate_table(decision: Decision, results: Results) -> Sourced:
    rows = [
        (j.gate.title, f"{j.gate.comparison} {j.gate.bound:g}", value_of(j.found), j.status.value,
         j.reason)
        for j in decision.judged
    ]  # fmt: skip
    files = {f.name: f for j in decision.judged if (f := results.get(j.file)) is not None}
    where = "; ".join(dict.fromkeys(f"{j.file}: {j.path}" for j in decision.judged))
    return Sourced(
        Table(("Gate", "Asks", "Found", "Result", "Why"), rows),
        f"The gates of {decision.stage}: the whole interval must meet the bound.",
        tuple(files.values()), where,
    )  # fmt: skip


def absent(results: Results) -> Iterator[Part]:
    """What a reader must not take for measured."""
    yield Heading(MISSING)
    said = [f"not measured: {what}" for kind, what in _EXPECTED.items() if not results.like(kind)]
    tried = [f.value.get("model") for f in results.like("misuse")]
    said += [f"not measured: misuse of {s}" for s in results.stages if tried and s not in tried]
    said += [f"{name}: {f.value['missing']}" for name, f in results.files.items()
             if f.value.get("missing")]  # fmt: skip
    said += [f"{name}: the data is simulated; {ONLY_PEOPLE}" for name, f in results.files.items()
             if f.simulated]  # fmt: skip
    human = results.get("human.json")
    if human is not None and human.value.get("limit"):
        said.append(str(human.value["limit"]))
    for decision in results.decisions:
        if decision.outcome is not Outcome.PASS:
            open_ = [*_of(decision, Status.MISSING), *_of(decision, Status.INCONCLUSIVE)]
            if open_:
                said.append(f"{decision.stage}: open or missing are {', '.join(open_)}")
    yield Table(("Missing or open",), [(line,) for line in said or ["Nothing that was asked for."]])
    yield Paragraph(
        "What no file can show: whether the evidence is true, whose key it is, and what nobody "
        "measured."
    )
