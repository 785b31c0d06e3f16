"""The decision as a record: JSON for programs, Markdown for people, both from the same fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from hallmark.outputs.names import TRIAL
from hallmark.release.decide import Decision, Judged, Outcome, Status
from hallmark.release.gates import HEADER
from hallmark.release.keys import fingerprint
from hallmark.release.values import Found

FORMAT, VERSION = "hallmark-decision", 1
SENTENCES = {
    Outcome.PASS: "Every gate passes. The gates do not stand against this stage.",
    Outcome.FAIL: "At least one gate fails. The gates stand against this stage.",
    Outcome.OPEN: "No gate fails, but not all pass as signed: the question is open.",
}


def as_record(decision: Decision, *, decided: str) -> dict[str, Any]:
    """The decision as JSON has it; `decided` is the time that the team gives."""
    return {
        "format": FORMAT, "version": VERSION, "title": decision.title, "stage": decision.stage,
        "outcome": decision.outcome.value, "sentence": SENTENCES[decision.outcome],
        "signed": decision.signed, "decided": decided, "key": fingerprint(decision.public_key),
        "gates": [_gate(judged) for judged in decision.judged],
        "changes": [{**asdict(c), "kind": c.kind} for c in decision.changes],
    }  # fmt: skip


def _gate(judged: Judged) -> dict[str, Any]:
    found = asdict(judged.found) if judged.found else None
    if found and not found["practice"]:
        del found["practice"]  # so that records from before there was such a mark hold
    return {
        **asdict(judged.gate), "file": judged.file, "path": judged.path, "sha256": judged.sha256,
        "origin": dict(judged.origin), "found": found, "status": judged.status.value,
        "reason": judged.reason,
    }  # fmt: skip


def as_markdown(decision: Decision, *, decided: str) -> str:
    """The decision as a page."""
    return "\n".join(_lines(decision, decided)) + "\n"


def _lines(decision: Decision, decided: str) -> Iterator[str]:
    yield f"# {cell(decision.title)}: {decision.stage}\n"
    yield f"**{decision.outcome.value}.** {SENTENCES[decision.outcome]}\n"
    if decision.practice:
        yield f"**{TRIAL}**\n"
    yield (
        f"Gates signed {decision.signed} with key `{fingerprint(decision.public_key)}`; decided "
        f"{decided}. Both times are what the signer gave. People decide; this is what they "
        "had before them.\n"
    )
    yield from gate_table(decision)
    missing = [j for j in decision.judged if j.status is Status.MISSING]
    if missing:
        yield "\n## What is missing\n"
        yield from (f"- {cell(j.gate.title)} (`{j.gate.id}`): {cell(j.reason)}." for j in missing)
    yield "\n## Gates changed after signing\n"
    if not decision.changes:
        yield "None."
    for change in decision.changes:
        name = "Title and stages" if change.gate == HEADER else f"`{change.gate}`"
        yield f"{name}: {change.kind}.\n"
        yield f"As signed:\n\n{_fenced(change.signed)}\n\nNow:\n\n{_fenced(change.now)}\n"
    yield "\n## Where each number is\n"
    for j in decision.judged:
        yield f"- `{j.gate.id}`: `evidence/{j.file}`, `{j.path}`{_origin(j)}"


def _origin(judged: Judged) -> str:
    """Hash, command and seed of a result file; nothing where there is none."""
    if judged.sha256 is None:
        return ""
    said = [f"{name} `{cell(str(value))}`" for name, value in judged.origin.items()]
    by = ", ".join(said) or "it names neither command nor seed"
    return f", SHA-256 `{judged.sha256}`; {by}"


def gate_table(decision: Decision) -> Iterator[str]:
    """One row a gate: what it asks, what was found, and what follows."""
    yield "| Gate | Asks | Found | Result | Why |"
    yield "|---|---|---|---|---|"
    for judged in decision.judged:
        gate = judged.gate
        end = ", whole interval" if gate.interval else ""
        asks = f"{gate.comparison} {gate.bound:g}{end}"
        row = (gate.title, asks, value_of(judged.found), judged.status.value, judged.reason)
        yield f"| {' | '.join(map(cell, row))} |"


def value_of(found: Found | None) -> str:
    """A value with its interval and n, as far as they are known."""
    if found is None:
        return "-"
    between = f" [{found.low:.4g}, {found.high:.4g}]" if found.low is not None else ""
    count = f" (n = {found.n:,})" if found.n is not None else ""
    marks = (", simulated" * found.simulated, ", practice texts" * found.practice)
    return f"{found.value:.4g}{between}{count}{''.join(marks)}"


def cell(text: str) -> str:
    """A text within a line or a cell of Markdown."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _fenced(text: str | None) -> str:
    return "(no such gate)" if text is None else f"````toml\n{text}````"
