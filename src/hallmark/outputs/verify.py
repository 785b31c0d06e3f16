"""Whether an output set is what its manifest says, file by file and document by document.

Hashes, counts, ids, order, seeds, lengths and duplicates are looked at in one pass; documents
written again from their seeds are `regenerate`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hallmark.models.folder import sha256_of
from hallmark.models.tokenizer import Tokenizer
from hallmark.outputs.outputset import OutputSet, Part
from hallmark.outputs.plan import Plan
from hallmark.outputs.planned import plan_of
from hallmark.outputs.records import read_records
from hallmark.outputs.summary import fingerprint

MOST_PROBLEMS = 20


@dataclass
class Report:
    """What was found. `problems` is empty where all is well, and holds at most MOST_PROBLEMS.

    duplicates: texts that stood before in their corpus, in any split; shared: those of them that
    stood in another split. retokenised: documents whose text gives `length` tokens again, of
    `tokenised`; a model may draw a text in other pieces than its tokenizer cuts, so fewer is no
    fault. regenerated: documents written again and found equal.
    """

    documents: int = 0
    files: int = 0
    duplicates: int = 0
    shared: int = 0
    retokenised: int = 0
    tokenised: int = 0
    regenerated: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def add(self, problem: str) -> None:
        """Note a problem while there is room."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)


def verify(outputs: OutputSet, *, tokenizers: dict[str, Tokenizer] | None = None) -> Report:
    """Look at everything that needs no network.

    tokenizers: by the model's name in the manifest, for `retokenised`; those missing are left
    out.
    """
    report = Report()
    plan = plan_of(outputs)
    seen: dict[str, dict[bytes, str]] = {}
    ids: dict[str, set[int]] = {}
    for part in outputs.parts:
        about = outputs.manifest["corpora"][part.source]
        tokenizer = (tokenizers or {}).get(about.get("model", ""))
        report.files += 1
        for problem in _check_file(part):
            report.add(problem)
        if not part.path.is_file():
            continue
        try:
            _check_documents(
                part, plan, report, seen.setdefault(part.source, {}),
                ids.setdefault(part.source, set()), tokenizer,
            )  # fmt: skip
        except ValueError as error:
            report.add(str(error))
    return report


def _check_file(part: Part) -> Iterator[str]:
    """The file against the manifest."""
    if not part.path.is_file():
        yield f"{part.path.name} is missing"
    elif part.path.stat().st_size != part.size or sha256_of(part.path) != part.sha256:
        yield f"{part.path.name} is not the file that the manifest describes"


def _check_documents(
    part: Part,
    plan: Plan | None,
    report: Report,
    seen: dict[bytes, str],
    ids: set[int],
    tokenizer: Tokenizer | None,
) -> None:
    """Every record of a file."""
    count = tokens = 0
    for index, record in enumerate(read_records(part.path)):
        where = f"{part.path.name}, record {index + 1}"
        for problem in _wrong(record, part, plan, index, ids):
            report.add(f"{where}: {problem}")
        ids.add(record["id"])
        count, tokens = count + 1, tokens + record["length"]
        split = seen.setdefault(mark := fingerprint(record["text"]), f"{part.split} {index}")
        if seen[mark] != f"{part.split} {index}":
            report.duplicates += 1
            report.shared += split.split()[0] != part.split
        if tokenizer is not None:
            report.tokenised += 1
            report.retokenised += len(tokenizer.encode(record["text"])) == record["length"]
    report.documents += count
    if (count, tokens) != (part.documents, part.tokens):
        report.add(
            f"{part.path.name} has {count} documents of {tokens} tokens in all, not "
            f"{part.documents} of {part.tokens}"
        )


def _wrong(
    record: dict[str, Any], part: Part, plan: Plan | None, index: int, ids: set[int]
) -> Iterator[str]:
    """What is wrong with one record."""
    if record["id"] in ids:
        yield f"id {record['id']} stood before"
    if plan is None:
        return
    corpus = next(c for c in plan.corpora if c.source == part.source)
    if index >= plan.config.counts[part.split]:
        yield "it is one too many"
        return
    task = plan.task(corpus, part.split, index)
    expected = {"id": task.id, "seed": task.seed, "top_p": task.top_p}
    for name, value in expected.items():
        if record.get(name) != value:
            yield f"{name} is {record.get(name)!r:.40}, not {value!r}"
    if plan.prompts and record.get("prompt") != task.prompt:
        yield "it goes on from another prompt than the run's"
    most = plan.config.max_tokens
    if record["length"] > most or (record["length"] < most and not record["ended"]):
        state = "ended" if record["ended"] else "not ended"
        yield f"length is {record['length']} and it has {state}, at most {most} tokens"
