"""The sections on fine-tuning to a position, and on copies and bias."""

from __future__ import annotations

from collections.abc import Iterator

from hallmark.release.report import published
from hallmark.release.report.claims import missing
from hallmark.release.report.page import Part
from hallmark.release.report.results import Results
from hallmark.study.document import Heading, Table

MISUSE = "Fine-tuning"
BEHAVIOUR = "Memorisation and bias"


def misuse(results: Results) -> Iterator[Part]:
    """The curve of the misuse analysis."""
    yield Heading(MISUSE)
    found = results.get("misuse.json")
    if found is None:
        yield missing("there is no misuse analysis (evidence misuse.json)")
    yield Table(
        ("Published of", "Published", "Its protocol"),
        [("1.5B", published.TUNED, published.BASELINE)],
    )


def behaviour(results: Results) -> Iterator[Part]:
    """Copies of training text, and completions of prompts that differ in a group's name."""
    yield Heading(BEHAVIOUR)
    yield missing("nothing of it is among the evidence")


def summary(results: Results) -> str:
    """The misuse analysis in a line."""
    return "measured below" if results.get("misuse.json") else "not measured"
