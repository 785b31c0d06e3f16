"""JSON lines in, JSON lines out: one line for each that was read, in order, bad ones too.

A bad line does not end a batch: what it gets is `id`, `line` and `error`, and the command fails
once all lines are through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

import typer

from hallmark.cli.inputs import Record, name_of, record_groups
from hallmark.cli.output import print_json, progress

Answer = Callable[[list[str]], Iterable[dict[str, Any]]]
_NOTHING: Mapping[str, Any] = {}


def answer_lines(
    source: str, answer: Answer, *, quiet: bool, more: Mapping[str, Any] = _NOTHING
) -> None:
    """Print the answer to each line of `source`, with its id before it and `more` after it.

    ValueError, at the end, where lines were bad.
    """
    tally = Tally()
    with progress("texts", quiet=quiet) as advance:
        for group in record_groups(source):
            answers = iter(answer([line.text for line in group if isinstance(line, Record)]))
            for line in group:
                bad = not isinstance(line, Record)
                own = asdict(line) if bad else {"id": line.id, **next(answers)}
                print_json({**own, **more})
                tally.count(bad=bad)
            advance(len(group))
    tally.close(f"lines of {name_of(source)}")


class Tally:
    """Counts what went through a batch and what could not."""

    def __init__(self) -> None:
        self.all = self.bad = 0

    def count(self, *, bad: bool) -> None:
        """Count one more."""
        self.all += 1
        self.bad += bad

    def close(self, what: str) -> None:
        """ValueError where anything was bad."""
        if self.bad:
            raise ValueError(f"{self.bad} of {self.all} {what} could not be read; see their errors")


def one_format(*, json: bool, jsonl: bool) -> None:
    """A usage error where both `--json` and `--jsonl` are given."""
    if json and jsonl:
        raise typer.BadParameter("give --json (one object) or --jsonl (one a line), not both")
