"""The model card: Hugging Face's metadata with `model-index`, and what the decision found.

Every figure comes from the decision or from a result file; simulated ones, and those compared with
practice texts, are left out of the metadata, where nothing would tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hallmark.models.folder import SHAPE, read_json
from hallmark.outputs.names import TRIAL
from hallmark.release.decide import Decision, Status
from hallmark.release.gates import HEADER
from hallmark.release.record import SENTENCES, cell, gate_table
from hallmark.release.values import is_practice, is_simulated, read_result

_MEASURED = ("accuracy", "perplexity", "bits_per_byte")  # what `hallmark eval-lm --json` has


@dataclass(frozen=True)
class About:
    """What only the team can say of a model; its name is what `model-index` calls it."""

    name: str
    license: str | None = None
    language: str = "en"


def model_card(
    decision: Decision, about: About, *, evidence: Path, model: Path | None = None
) -> str:
    """The card, to lie as README.md beside the weights. `model` is their folder, if at hand."""
    return f"{front_matter(metadata(decision, about, evidence))}\n{_body(decision, about, model)}"


def front_matter(values: Mapping[str, Any]) -> str:
    """Metadata as the YAML block at the head of a card."""
    try:
        import yaml
    except ModuleNotFoundError:
        raise ValueError("cards need PyYAML; install hallmark[release]") from None
    text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{text}---\n"


def metadata(decision: Decision, about: About, evidence: Path) -> dict[str, Any]:
    """Hugging Face's fields; `license` is left out where none was given."""
    results = [*_from_gates(decision), *_from_eval_lm(evidence)]
    return {
        **({"license": about.license} if about.license else {}),
        "language": about.language, "pipeline_tag": "text-generation",
        "tags": ["gpt2", "hallmark", "staged-release"],
        "model-index": [{"name": about.name, "results": results}],
    }  # fmt: skip


def _from_gates(decision: Decision) -> Iterator[dict[str, Any]]:
    for judged in decision.judged:
        found = judged.found
        if found is not None and not found.simulated and not found.practice:
            more = {"low": found.low, "high": found.high, "n": found.n}
            metric = _metric(judged.gate.id, found.value, judged.gate.title, more)
            yield _result(f"evidence/{judged.file}", "hallmark-gate", [metric])


def _from_eval_lm(evidence: Path) -> Iterator[dict[str, Any]]:
    """Rows of the files that `hallmark eval-lm --json` wrote."""
    for path in sorted(evidence.rglob("*.json")):
        try:
            result = read_result(path)
        except ValueError:
            continue  # no gate needs it, or its gate says so
        rows = result.get("results") if isinstance(result, dict) else None
        if not isinstance(rows, list) or is_simulated(result) or is_practice(result):
            continue
        for row in rows:
            if isinstance(row, dict) and {"task", "protocol"} <= row.keys():
                yield from _row(row)


def _row(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    metrics = [
        _metric(
            name, row[name], f"{name} ({row['protocol']} protocol)",
            {k: row.get(k) for k in (f"{name}_interval", "n")},
        )
        for name in _MEASURED
        if type(row.get(name)) in (int, float)
    ]  # fmt: skip
    if metrics:
        yield _result(str(row["task"]), str(row["task"]), metrics)


def _metric(kind: str, value: float, name: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """One figure; `more` is what is known of its interval and n."""
    known = {k: v for k, v in more.items() if v is not None}
    return {"type": kind, "value": value, "name": name, **({"args": known} if known else {})}


def _result(name: str, kind: str, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    task = {"type": "text-generation", "name": "Text generation"}
    return {"task": task, "dataset": {"type": kind, "name": name}, "metrics": metrics}


def _body(decision: Decision, about: About, model: Path | None) -> str:
    return "\n".join([f"# {about.name}\n", *_sections(decision, model)]) + "\n"


def _sections(decision: Decision, model: Path | None) -> Iterator[str]:
    yield f"A language model, released as stage {decision.stage} of: {cell(decision.title)}.\n"
    shape = shape_of(model) if model else {}
    if shape:
        yield "- " + ", ".join(f"{name} {value:,}" for name, value in shape.items()) + "\n"
    yield "## Is it for you?\n"
    yield (
        "It writes text that can be fluent and false. It is not for use where somebody relies on "
        "what it says. What it was trained on, and for whom it is meant, only its makers can add "
        "here.\n"
    )
    yield "## What was measured before the release\n"
    yield f"{SENTENCES[decision.outcome]} The gates were signed {decision.signed}.\n"
    if decision.practice:
        yield f"**{TRIAL}**\n"
    yield from gate_table(decision)
    yield "\n## Limits\n"
    yield from (f"- {limit}" for limit in limits(decision))
    yield "\n## Check it\n"
    yield "`hallmark release verify FOLDER --public-key KEYFILE.pub`, with a key that you have from"
    yield "its makers and not from the folder. `sha256sum -c SHA256SUMS` needs no Hallmark."


def shape_of(model: Path) -> dict[str, int]:
    """The sizes that a model's config.json names; none where there is no such file."""
    path = model / "config.json"
    values = read_json(path) if path.is_file() else {}
    return {name: values[name] for name in SHAPE if type(values.get(name)) is int}


def limits(decision: Decision) -> Iterator[str]:
    """What a reader must know that does not pass, gate by gate."""
    said = {
        Status.FAIL: "failed", Status.INCONCLUSIVE: "open", Status.MISSING: "not known",
    }  # fmt: skip
    for judged in decision.judged:
        if judged.status in said:
            title, reason = cell(judged.gate.title), cell(judged.reason)
            yield f"{title}: {said[judged.status]} ({reason})."
    for change in decision.changes:
        what = "Title or stages of the plan" if change.gate == HEADER else f"Gate {change.gate}"
        yield f"{what}: {change.kind} after the plan was signed."
    yield "A gate that passes says what was measured, on that data, and nothing beyond it."
