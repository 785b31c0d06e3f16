"""Gates: criteria that a stage of a release must meet, written before anything is measured.

Reads the plan's TOML; knows neither evidence nor signatures.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

from hallmark.data import decode_utf8
from hallmark.release.paths import Step, parse_path

AT_LEAST, AT_MOST, WITHIN = "at least", "at most", "within"
COMPARISONS = (AT_LEAST, AT_MOST, WITHIN)
EVERY = "*"
HEADER = "plan"  # what stands for title and stages where gates go by their ids
BEFORE = "{before}"
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class Gate:
    """One criterion.

    file: within the folder of evidence; path: see `paths.GRAMMAR`. `{stage}` in either stands for
    the stage, `{before}` for the one before it. comparison: one of COMPARISONS; `within` means
    from -bound to bound. interval: the whole interval must meet the bound, not the value alone.
    people: what it asks is people's judgment, which nothing simulated can give.
    """

    id: str
    title: str
    file: str
    path: str
    comparison: str
    bound: float
    stage: str = EVERY
    interval: bool = True
    people: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value, kind = getattr(self, field.name), str(field.type)
            if type(value).__name__ not in (kind, "int" if kind == "float" else kind):
                raise ValueError(f"{field.name} must be {kind}, not {value!r:.80}")
        if not _ID.fullmatch(self.id) or self.id == HEADER:
            raise ValueError(f"id {self.id!r:.80} must be of a-z, 0-9 and -, and not {HEADER!r}")
        if self.comparison not in COMPARISONS:
            raise ValueError(
                f"comparison {self.comparison!r:.80} must be one of {', '.join(COMPARISONS)}"
            )
        least = 0 if self.comparison == WITHIN else -sys.float_info.max
        if not least <= self.bound <= sys.float_info.max:
            raise ValueError(f"bound {self.bound} must be a number from {least:g} on")
        pure = PurePosixPath(self.file)
        if not pure.name or pure.is_absolute() or ".." in pure.parts or "\\" in self.file:
            raise ValueError(f"file {self.file!r:.200} must lie within the folder of evidence")
        parse_path(self.path)

    @property
    def text(self) -> str:
        """The gate as TOML, each field on a line: what is signed."""
        return _toml(asdict(self))

    def applies(self, stage: str, *, first: bool) -> bool:
        """Whether the stage must meet it; the first stage has none before it to compare with."""
        compares = BEFORE in self.file + self.path
        return self.stage == stage or (self.stage == EVERY and not (first and compares))


@dataclass(frozen=True)
class Plan:
    """The stages of a release in their order, and the gates of all of them."""

    title: str
    stages: tuple[str, ...]
    gates: tuple[Gate, ...]

    @property
    def texts(self) -> dict[str, str]:
        """What is signed: title and stages under HEADER, and each gate under its id."""
        header = _toml({"title": self.title, "stages": list(self.stages)})
        return {HEADER: header, **{gate.id: gate.text for gate in self.gates}}

    def gates_of(self, stage: str) -> tuple[Gate, ...]:
        """The gates of one stage; ValueError lists the stages."""
        if stage not in self.stages:
            raise ValueError(f"the plan has no stage {stage!r:.80}; it has {_list(self.stages)}")
        first = stage == self.stages[0]
        return tuple(gate for gate in self.gates if gate.applies(stage, first=first))

    def names(self, stage: str) -> dict[str, str]:
        """What `{stage}` and `{before}` stand for."""
        at = self.stages.index(stage)
        return {"stage": stage, "before": self.stages[at - 1] if at else BEFORE}

    def where(self, gate: Gate, stage: str) -> tuple[str, str, tuple[Step, ...]]:
        """The file, the path and its steps that a gate reads at a stage."""
        names, file, path = self.names(stage), gate.file, gate.path
        for name, value in names.items():
            file = file.replace(f"{{{name}}}", value)
            path = path.replace(f"{{{name}}}", value)
        return file, path, parse_path(gate.path, names)


def read_plan(path: Path) -> Plan:
    """The plan in a TOML file; ValueError names the gate and what is wrong with it."""
    try:
        values = tomllib.loads(decode_utf8(path.read_bytes(), where=str(path)))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not TOML: {error}; correct it") from None
    _check_names(values, ("title", "stages", "gate"), where=str(path))
    title, stages, tables = (values.get(name) for name in ("title", "stages", "gate"))
    if not isinstance(title, str) or not title.strip():
        raise ValueError(f"{path} has no title; give one")
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise ValueError(f"{path} has no gates; give each a table [[gate]]")
    gates = tuple(_gate(table, where=f"{path}, gate {i}") for i, table in enumerate(tables, 1))
    plan = Plan(title, _check_stages(stages, where=str(path)), gates)
    _check_gates(plan, where=str(path))
    return plan


def hash_of(text: str) -> str:
    """SHA-256 of a gate's text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _gate(table: Mapping[str, Any], *, where: str) -> Gate:
    names = [field.name for field in fields(Gate)]
    required = [f.name for f in fields(Gate) if f.default is MISSING]
    _check_names(table, names, where=where)
    if missing := [name for name in required if name not in table]:
        raise ValueError(f"{where} lacks {_list(missing)}")
    try:
        return Gate(**table)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _check_names(table: Mapping[str, Any], known: Any, *, where: str) -> None:
    if unknown := [name for name in table if name not in known]:
        raise ValueError(f"{where} has {_list(unknown)}; what is known: {_list(known)}")


def _check_stages(stages: Any, *, where: str) -> tuple[str, ...]:
    """Names that a file may have; each once."""
    fine = isinstance(stages, list) and all(
        isinstance(s, str) and re.fullmatch(r"[\w][\w. -]{0,63}", s) for s in stages
    )
    if not fine or not stages or len(set(stages)) < len(stages):
        raise ValueError(f'{where}: stages must be a list of different names: ["124M", "355M"]')
    return tuple(stages)


def _check_gates(plan: Plan, *, where: str) -> None:
    ids = [gate.id for gate in plan.gates]
    if twice := {id for id in ids if ids.count(id) > 1}:
        raise ValueError(f"{where} has several gates {_list(sorted(twice))}; name each differently")
    for gate in plan.gates:
        if gate.stage not in (EVERY, *plan.stages):
            known = _list((EVERY, *plan.stages))
            raise ValueError(f"{where}: stage {gate.stage!r:.80} of {gate.id} is none of {known}")
        if gate.stage == plan.stages[0] and BEFORE in gate.file + gate.path:
            raise ValueError(f"{where}: {gate.id} compares the first stage with one before it")


def _toml(values: Mapping[str, Any]) -> str:
    """Flat values as TOML, which spells these as JSON does."""
    return "".join(f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in values.items())


def _list(names: Any) -> str:
    return ", ".join(str(name)[:80] for name in names)
