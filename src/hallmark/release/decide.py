"""Evidence against gates: each passes, fails, stays open, or has nothing to go by.

A pure function of plan, lock and result files, so that whoever receives them can decide again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from hallmark.models.folder import sha256_of
from hallmark.release.gates import AT_LEAST, AT_MOST, WITHIN, Gate, Plan
from hallmark.release.lock import Change, Lock, changes
from hallmark.release.values import Found, origin_of, read_result, read_value

ONLY_PEOPLE = "only people can supply this"
OWN_TEXTS = "compared with practice texts; give people's texts of your own"


class Status(StrEnum):
    """What the evidence says of a gate; INCONCLUSIVE where the interval lies on both sides."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    MISSING = "missing"


class Outcome(StrEnum):
    """What the gates of a stage say together; OPEN where none fails and not all pass."""

    PASS = "pass"
    FAIL = "fail"
    OPEN = "open"


@dataclass(frozen=True)
class Judged:
    """A gate and its evidence: the file as read and its hash, what was found, and the status.

    file and path are those of the stage. origin: `command` and `seed` where the file names them.
    reason: why there is no pass; empty for one.
    """

    gate: Gate
    file: str
    path: str
    sha256: str | None
    found: Found | None
    origin: Mapping[str, Any]
    status: Status
    reason: str


@dataclass(frozen=True)
class Decision:
    """A stage's gates against the evidence, and the gates that were changed after signing."""

    title: str
    stage: str
    signed: str
    public_key: str
    judged: tuple[Judged, ...]
    changes: tuple[Change, ...]

    @property
    def outcome(self) -> Outcome:
        """FAIL where a gate fails; PASS where all pass and none was changed after signing."""
        statuses = {judged.status for judged in self.judged}
        if Status.FAIL in statuses:
            return Outcome.FAIL
        return Outcome.PASS if statuses == {Status.PASS} and not self.changes else Outcome.OPEN

    @property
    def practice(self) -> bool:
        """Whether any value was compared with human texts that are a trial of the machinery."""
        return any(judged.found is not None and judged.found.practice for judged in self.judged)


def decide(plan: Plan, lock: Lock, evidence: Path, *, stage: str) -> Decision:
    """Judge every gate of a stage by the result files in a folder.

    ValueError for an unknown stage; whatever a file lacks is said at its gate.
    """
    judged = tuple(_judge(plan, gate, evidence, stage) for gate in plan.gates_of(stage))
    changed = tuple(changes(plan, lock))
    return Decision(plan.title, stage, lock.signed, lock.public_key, judged, changed)


def _judge(plan: Plan, gate: Gate, evidence: Path, stage: str) -> Judged:
    name, path, steps = plan.where(gate, stage)
    file, sha256, found, origin = evidence / name, None, None, dict[str, Any]()
    try:
        if not file.is_file():
            raise ValueError(f"{name} is not among the evidence")
        sha256 = sha256_of(file)
        result = read_result(file)
        origin = origin_of(result)
        found = read_value(result, steps)
        status, reason = judge(gate, found)
    except ValueError as error:
        status, reason = Status.MISSING, str(error).replace(str(file), name)
        if not reason.startswith(name):
            reason = f"{name}: {reason}"
        if gate.people:
            reason = f"{reason}; {ONLY_PEOPLE}"
    return Judged(gate, name, path, sha256, found, origin, status, reason)


def judge(gate: Gate, found: Found) -> tuple[Status, str]:
    """What a value says of a gate, and why it is no pass.

    Simulated values, and those compared with practice texts, say nothing of any gate. With
    `gate.interval` a value without interval or n says nothing either.
    """
    if found.simulated:
        way_out = ONLY_PEOPLE if gate.people else "measure it"
        return Status.MISSING, f"the data is simulated; {way_out}"
    if found.practice:
        return Status.MISSING, OWN_TEXTS
    low = high = found.value
    if gate.interval:
        if found.low is None or found.high is None or found.n is None:
            return Status.MISSING, "the value has no interval or no n; measure it with both"
        low, high = found.low, found.high
    least = {AT_LEAST: gate.bound, AT_MOST: -math.inf, WITHIN: -gate.bound}[gate.comparison]
    most = math.inf if gate.comparison == AT_LEAST else gate.bound
    if least <= low and high <= most:
        return Status.PASS, ""
    if high < least or low > most:
        what = "the whole interval" if gate.interval else "the value"
        return Status.FAIL, f"{what} misses the bound"
    return Status.INCONCLUSIVE, "the interval lies on both sides of the bound; measure more"
