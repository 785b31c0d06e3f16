"""The result files that a report is made from, each with its hash, its command and its seed.

Reads a release's folder or a folder of result files alone. Whatever is not there is no error.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hallmark.models.folder import sha256_of
from hallmark.release.decide import Decision, decide
from hallmark.release.gates import Plan, read_plan
from hallmark.release.layout import DECISION, EVIDENCE, PLAN
from hallmark.release.lock import lock_path, read_lock
from hallmark.release.values import is_practice, is_simulated, origin_of, read_result

UNNAMED = "not named"


@dataclass(frozen=True)
class Result:
    """One result file. `name` is as seen from the folder that the report is about."""

    name: str
    sha256: str
    value: dict[str, Any]

    @property
    def command(self) -> str:
        """What made it, as far as it says."""
        return str(origin_of(self.value).get("command", UNNAMED))

    @property
    def seed(self) -> str:
        """The seed of that."""
        return str(origin_of(self.value).get("seed", UNNAMED))

    @cached_property
    def simulated(self) -> bool:
        """Whether anything in it is simulated."""
        return is_simulated(self.value)

    @property
    def practice(self) -> bool:
        """Whether it was compared with human texts that are a trial of the machinery."""
        return is_practice(self.value)


@dataclass(frozen=True)
class Results:
    """A folder's result files by their names within the evidence, and its decisions.

    stage: the one that the folder decides; "" where it decides none.
    """

    files: dict[str, Result]
    plan: Plan | None
    decisions: tuple[Decision, ...]
    stage: str
    signed: str

    def get(self, name: str) -> Result | None:
        """The file of that name, if it is there and says something."""
        return self.files.get(name)

    def like(self, kind: str) -> list[Result]:
        """KIND.json, then KIND-STAGE.json in the order of the stages."""
        names = (f"{kind}.json", *(f"{kind}-{stage}.json" for stage in self.stages))
        return [self.files[name] for name in names if name in self.files]

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of the plan; without one, the models in the cross table."""
        if self.plan is not None:
            return self.plan.stages
        table = self.get("matrix.json")
        columns = table.value.get("columns", []) if table else []
        return tuple(dict.fromkeys(str(c.get("size")) for c in columns))


def read_results(folder: Path) -> Results:
    """Everything in a release's folder, or in a folder of result files.

    ValueError where the folder holds no result file, or one that is no JSON.
    """
    inside = folder / EVIDENCE
    evidence, prefix = (inside, f"{EVIDENCE}/") if inside.is_dir() else (folder, "")
    files: dict[str, Result] = {}
    for path in sorted(evidence.rglob("*.json")):
        name = path.relative_to(evidence).as_posix()
        value = read_result(path)
        if isinstance(value, dict):
            files[name] = Result(f"{prefix}{name}", sha256_of(path), value)
    if not files:
        raise ValueError(f"{folder} holds no result files; give a release or its evidence")
    plan, decisions, signed = _decisions(folder, evidence)
    return Results(files, plan, decisions, _stage(folder), signed)


def _decisions(
    folder: Path, evidence: Path
) -> tuple[Plan | None, tuple[Decision, ...], str]:  # fmt: skip
    """What plan, lock and evidence say of every stage; nothing where the plan is not signed."""
    path = folder / PLAN
    if not path.is_file() or not lock_path(path).is_file():
        return None, (), ""
    plan, lock = read_plan(path), read_lock(lock_path(path))
    found = tuple(decide(plan, lock, evidence, stage=stage) for stage in plan.stages)
    return plan, found, lock.signed


def _stage(folder: Path) -> str:
    path = folder / DECISION
    return str(read_result(path).get("stage", "")) if path.is_file() else ""
