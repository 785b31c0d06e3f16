"""Who is analysed and who is not, each for one stated reason, as in a CONSORT flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hallmark.study.ratings import Answer, Rater

COMPLETED, SCREENED, DROPPED, ACTIVE = "completed", "screened out", "dropped out", "active"
STILL = "Still rating or just left"  # active, as pages call it: a server cannot tell which


@dataclass(frozen=True)
class Flow:
    """Counts of raters from consent to analysis; `simulated` were bots in a study of people."""

    started: int
    screened_out: int
    dropped_out: int
    active: int
    completed: int
    failed_attention: int
    analysed: int
    simulated: int

    def steps(self) -> list[tuple[str, int]]:
        """In the order of the diagram, each with its count."""
        return [
            ("Consented", self.started),
            ("Failed the comprehension check", self.screened_out),
            ("Dropped out", self.dropped_out),
            (STILL, self.active),
            ("Completed", self.completed),
            ("Excluded: failed an attention check", self.failed_attention),
            ("Analysed", self.analysed),
        ]

    def nobody_left(self, *, simulated: bool) -> str:
        """Why nobody is analysed, in one line; `simulated` where all raters are bots."""
        counts = {
            "screened out": self.screened_out, "dropped out": self.dropped_out,
            STILL.lower(): self.active,
        }  # fmt: skip
        failed = f" ({self.failed_attention} failed an attention check)"
        steps = [f"{self.completed} completed{failed if self.failed_attention else ''}"]
        steps += [f"{n} {name}" for name, n in counts.items() if n]
        kind = "simulated raters" if simulated else "people" if self.started != 1 else "person"
        said = (
            "no rater completed the study and passed its checks, so there is nothing to analyse: "
            f"of {self.started} {kind} {', '.join(steps)}"
        )
        if simulated or not self.simulated:
            return said
        bots = "rater was" if self.simulated == 1 else "raters were"
        return (
            f"{said}; {self.simulated} simulated {bots} set aside, as bots "
            "never enter an analysis that has people in it: leave the people out of both tables "
            "to see a dry run of the bots"
        )


def raters_of(answers: Sequence[Answer]) -> list[Rater]:
    """Raters of answers that came without a list of raters: all completed."""
    found: dict[str, Rater] = {}
    for a in answers:
        if a.rater not in found or a.simulated:
            found[a.rater] = Rater(a.rater, simulated=a.simulated)
    return list(found.values())


def include(answers: Sequence[Answer], raters: Sequence[Rater]) -> tuple[list[Answer], Flow, bool]:
    """The answers to analyse, the flow, and whether they are simulated.

    Raters who completed and passed every attention check are in. Simulated raters never enter an
    analysis of people: where there is any person they are taken out, and only an export that
    has nothing but simulated raters is analysed as a dry run.
    """
    unknown = {a.rater for a in answers} - {r.rater for r in raters}
    if unknown:
        raise ValueError(f"rater {min(unknown)!r} has answers but is not in the list of raters")
    bots = {a.rater for a in answers if a.simulated}
    raters = [replace(r, simulated=r.simulated or r.rater in bots) for r in raters]
    people = [r for r in raters if not r.simulated]
    dry = not people
    counted = list(raters) if dry else people
    by_status = {
        s: [r for r in counted if r.status == s] for s in (COMPLETED, SCREENED, DROPPED, ACTIVE)
    }
    if sum(map(len, by_status.values())) < len(counted):
        raise ValueError(f"a rater's status must be one of {', '.join(by_status)}")
    kept = {r.rater for r in by_status[COMPLETED] if not r.attention_failed}
    flow = Flow(
        started=len(counted), screened_out=len(by_status[SCREENED]),
        dropped_out=len(by_status[DROPPED]), active=len(by_status[ACTIVE]),
        completed=len(by_status[COMPLETED]),
        failed_attention=len(by_status[COMPLETED]) - len(kept), analysed=len(kept),
        simulated=len(raters) - len(people),
    )  # fmt: skip
    return [a for a in answers if a.rater in kept], flow, dry
