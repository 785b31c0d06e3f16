"""A case: an account that people look at, what is known of it, and what people said and decided.

Knows nothing of where cases are kept. No code here decides anything about an account: a finding
is a person's, with reasons, and the affected side may appeal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from hallmark.data import Label
from hallmark.evidence.accounts import GROUPS
from hallmark.evidence.fusion import PARTS, Signal
from hallmark.evidence.ratio import NOTHING, Ratio

LEAST_REASONS, MOST_REASONS = 10, 5000  # characters of what a person has to say
DAY = 86400.0


class Answer(StrEnum):
    """What a person says of how an account's texts look; never who wrote them."""

    HUMAN = "human"
    UNSURE = "cannot tell"
    SYNTHETIC = "synthetic"

    @property
    def score(self) -> int:
        """-1 human, 0 cannot tell, 1 synthetic."""
        return list(Answer).index(self) - 1

    @property
    def label(self) -> Label | None:
        """The label that it names; None where it names none."""
        return {-1: Label.HUMAN, 1: Label.SYNTHETIC}.get(self.score)


class Role(StrEnum):
    """Who may do what; nobody has two of them."""

    ANALYST = "analyst"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"


class State(StrEnum):
    """Where a case stands."""

    WAITING = "waits for reviews"
    REVIEWED = "waits for a decision"
    DECIDED = "decided, may be appealed"
    APPEALED = "appealed"
    CLOSED = "closed"
    CHECKED = "known beforehand"


@dataclass(frozen=True)
class Settings:
    """What may be changed of how cases are handled; the defaults keep least and show least.

    pseudonyms: names of accounts are kept apart, and mentions of accounts are masked in texts.
    keep_days: after a case's last event, names, texts and what people wrote are erased.
    appeal_days: from the decision. hold_hours: how long a reviewer may keep a case unanswered.
    double: share of cases that two people review. texts: kept of an account, the newest.
    missed, wrong: cost of an account that was not found, and of a person who was wronged.
    ValueError where one makes no sense.
    """

    pseudonyms: bool = True
    keep_days: int = 90
    appeal_days: int = 30
    hold_hours: int = 24
    double: float = 1.0
    texts: int = 40
    missed: float = 1.0
    wrong: float = 5.0

    def __post_init__(self) -> None:
        for name in ("keep_days", "appeal_days", "hold_hours", "texts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not self.keep_days >= self.appeal_days:
            raise ValueError(
                f"keep_days ({self.keep_days}) must not be fewer than appeal_days "
                f"({self.appeal_days}): an appeal needs what it is about"
            )
        if not 0 <= self.double <= 1:
            raise ValueError(f"double must be from 0 to 1, not {self.double}")
        if not (0 < self.missed < math.inf and 0 < self.wrong < math.inf):
            raise ValueError("missed and wrong must be above 0; they are costs")


@dataclass(frozen=True)
class Text:
    """One post of the account: seconds since 1970, its words, whose cluster it is in (-1: none)."""

    id: str
    time: float
    text: str
    cluster: int = -1


@dataclass(frozen=True)
class Evidence:
    """What `hallmark signals fuse` said of an account before anybody looked.

    posterior: at `prevalence`, NaN where nothing was weighed. parts: log-odds that each part adds.
    neighbours: how many texts each other account has in each near-duplicate cluster of this one.
    """

    prevalence: float
    posterior: float
    parts: Mapping[str, float]
    signals: tuple[Signal, ...]
    acts_together: bool
    texts_in_all: int
    neighbours: Mapping[int, Mapping[str, int]] = field(default_factory=dict)

    @property
    def known(self) -> float:
        """The posterior, or the prevalence where nothing was weighed."""
        return self.prevalence if math.isnan(self.posterior) else self.posterior

    @property
    def log_odds(self) -> float:
        """Of `known`, kept finite."""
        p = min(max(self.known, 1e-12), 1 - 1e-12)
        return math.log(p / (1 - p))


@dataclass(frozen=True)
class Review:
    """A reviewer's answer and reasons; `time` in seconds since 1970."""

    slot: int
    reviewer: str
    answer: Answer
    reasons: str
    time: float


@dataclass(frozen=True)
class Decision:
    """What an analyst found, with reasons that the affected side reads."""

    analyst: str
    finding: Answer
    reasons: str
    time: float


@dataclass(frozen=True)
class Appeal:
    """What the affected side says; who answered it, how and why, where somebody has."""

    statement: str
    time: float
    answer: Decision | None = None


@dataclass(frozen=True)
class Case:
    """Everything that is known of a case.

    `needed`: reviews that it gets. `gold`: its label where it was known beforehand, which reviewers
    are never shown. `name` is the account's, `pseudonym` stands for it. Erased cases have neither
    name, texts nor words of people.
    """

    id: int
    pseudonym: str
    name: str
    evidence: Evidence
    texts: tuple[Text, ...]
    needed: int
    value: float
    imported: float
    gold: Label | None = None
    reviews: tuple[Review, ...] = ()
    decision: Decision | None = None
    appeal: Appeal | None = None
    erased: bool = False

    @property
    def complete(self) -> bool:
        """Whether every review is in."""
        return len(self.reviews) >= self.needed

    @property
    def outcome(self) -> Answer | None:
        """What people found in the end: of the appeal where one was answered."""
        if self.appeal and self.appeal.answer:
            return self.appeal.answer.finding
        return self.decision.finding if self.decision else None

    def state(self, now: float, settings: Settings) -> State:
        """Where it stands at `now` (seconds since 1970)."""
        if not self.complete:
            return State.WAITING
        if self.gold is not None:
            return State.CHECKED
        if self.decision is None:
            return State.REVIEWED
        if self.appeal is not None:
            return State.CLOSED if self.appeal.answer else State.APPEALED
        open_ = now < self.decision.time + settings.appeal_days * DAY
        return State.DECIDED if open_ else State.CLOSED


def evidence_of(record: Mapping[str, Any], *, prevalence: float) -> Evidence:
    """An account's record of `hallmark signals fuse --json` (or `read`, which weighs nothing).

    ValueError where a field is damaged.
    """
    try:
        weighed = "signals" in record
        signals = tuple(map(_signal, record["signals"])) if weighed else _read(record)
        parts = {part: float(record.get("parts", {}).get(part, 0.0)) for part in PARTS}
        found = record.get("posterior")
        return Evidence(
            prevalence, math.nan if found is None else _share(found), parts, signals,
            bool(record.get("acts_together") or record.get("partners")),
            int(record.get("texts", record.get("posts", 0))),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        name = str(record.get("account"))[:40]
        raise ValueError(
            f"the evidence of account {name!r} is damaged ({error}); run `hallmark signals fuse` "
            "again"
        ) from None


def _share(value: Any) -> float:
    if not 0 <= float(value) <= 1:
        raise ValueError(f"a posterior of {value}")
    return float(value)


def _signal(record: Mapping[str, Any]) -> Signal:
    low, high = record["interval"]
    ratio = Ratio(float(record["log_likelihood_ratio"]), float(low), float(high), int(record["n"]))
    return Signal(
        str(record["name"]), str(record["group"]), _value(record["value"]), ratio,
        bool(record["counted"]),
    )  # fmt: skip


def _read(record: Mapping[str, Any]) -> tuple[Signal, ...]:
    """The values that `hallmark signals read` gives an account, worth nothing."""
    return tuple(
        Signal(name, group, _value(record[name]), NOTHING, counted=False)
        for group, names in GROUPS.items()
        for name in names
        if name in record
    )


def _value(found: Any) -> float:
    return math.nan if found is None else float(found)


def check_words(text: str, *, what: str) -> str:
    """What a person wrote, its ends stripped; ValueError where it is too short or too long."""
    found = text.strip()
    if not LEAST_REASONS <= len(found) <= MOST_REASONS:
        raise ValueError(
            f"{what} must have from {LEAST_REASONS} to {MOST_REASONS} characters, not {len(found)}"
        )
    return found


def settings_from(values: Mapping[str, Any]) -> Settings:
    """Settings from stored ones; what is not stored keeps its default."""
    known = {f.name for f in fields(Settings)}
    return Settings(**{name: value for name, value in values.items() if name in known})
