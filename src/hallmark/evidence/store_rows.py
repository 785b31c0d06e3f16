"""Cases to rows of the database and back."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from hallmark.data import Label, finite
from hallmark.evidence import store_tables as t
from hallmark.evidence.audit import canonical
from hallmark.evidence.cases import (
    Answer,
    Appeal,
    Case,
    Decision,
    Evidence,
    Review,
    Text,
    evidence_of,
)  # fmt: skip
from hallmark.evidence.fusion import Signal


def evidence_text(evidence: Evidence) -> str:
    """Evidence as JSON text."""
    return canonical(finite(evidence_record(evidence)))


def evidence_record(evidence: Evidence) -> dict[str, Any]:
    """Evidence as JSON, in the words of `hallmark signals fuse`; NaN where there is no value."""
    return {
        "prevalence": evidence.prevalence, "posterior": evidence.posterior,
        "parts": dict(evidence.parts), "signals": [_signal(s) for s in evidence.signals],
        "acts_together": evidence.acts_together, "texts": evidence.texts_in_all,
        "neighbours": {str(group): dict(own) for group, own in evidence.neighbours.items()},
    }  # fmt: skip


def _signal(s: Signal) -> dict[str, Any]:
    return {
        "name": s.name, "group": s.group, "value": s.value, "counted": s.counted,
        "log_likelihood_ratio": s.ratio.log, "interval": [s.ratio.low, s.ratio.high],
        "n": s.ratio.n,
    }  # fmt: skip


def evidence_from(text: str) -> Evidence:
    """What `evidence_text` wrote."""
    record = json.loads(text)
    neighbours = {int(group): own for group, own in record["neighbours"].items()}
    found = evidence_of(record, prevalence=record["prevalence"])
    return dataclasses.replace(found, neighbours=neighbours)


def texts_text(texts: Sequence[Text]) -> str:
    """Texts as JSON text."""
    return canonical([dataclasses.asdict(text) for text in texts])


def cases_of(connection: Connection, query: Select[Any]) -> list[Case]:
    """The cases that a query of the table finds, in its order, with all that was said of them."""
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    own: dict[int, list[Review]] = {case: [] for case in ids}
    decided: dict[int, Decision] = {}
    appealed: dict[int, Appeal] = {}
    for some in (ids[i : i + 500] for i in range(0, len(ids), 500)):
        answered = t.reviews.c.answered.is_not(None)
        found = select(t.reviews).where(t.reviews.c.case_id.in_(some), answered)
        for row in connection.execute(found.order_by(t.reviews.c.slot)):
            own[row.case_id].append(
                Review(row.slot, row.reviewer, Answer(row.answer), row.reasons, row.answered)
            )
        for row in connection.execute(select(t.decisions).where(t.decisions.c.case_id.in_(some))):
            finding = Answer(row.finding)
            decided[row.case_id] = Decision(row.analyst, finding, row.reasons, row.time)
        for row in connection.execute(select(t.appeals).where(t.appeals.c.case_id.in_(some))):
            appealed[row.case_id] = _appeal(row)
    return [_case(row, own[row.id], decided.get(row.id), appealed.get(row.id)) for row in rows]


def _appeal(row: Row[Any]) -> Appeal:
    answer = None
    if row.answered is not None:
        answer = Decision(row.analyst, Answer(row.finding), row.reasons, row.answered)
    return Appeal(row.statement, row.time, answer)


def _case(
    row: Row[Any], reviews: Sequence[Review], decision: Decision | None, appeal: Appeal | None
) -> Case:
    return Case(
        id=row.id, pseudonym=row.pseudonym, name=row.name, evidence=evidence_from(row.evidence),
        texts=tuple(Text(**text) for text in json.loads(row.texts)), needed=row.needed,
        value=row.value, imported=row.imported,
        gold=None if row.gold is None else Label(row.gold), reviews=tuple(reviews),
        decision=decision, appeal=appeal, erased=row.erased,
    )  # fmt: skip


def whole(value: float) -> float:
    """A value that orders rows: NaN has no place there."""
    return 0.0 if math.isnan(value) else value
