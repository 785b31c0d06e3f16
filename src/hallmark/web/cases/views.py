"""A case in the words of its page and of its file: what counts how much, and how often it is wrong.

Numbers come from `evidence`; here they are only worded.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hallmark.data import Label, finite
from hallmark.evidence.accounts import MEANING
from hallmark.evidence.audit import Head, as_json
from hallmark.evidence.cases import Case, Evidence, Settings
from hallmark.evidence.fusion import CONTENT, PARTS
from hallmark.evidence.people import Gold, People, agreement, called, gold_of, learn_people
from hallmark.evidence.roles import Seen
from hallmark.evidence.store_rows import evidence_record
from hallmark.stats import Estimate
from hallmark.web.cases.charts import graph, moment, timeline

NO_VERDICT = (
    "Nothing here decides by itself. A number is a reason to look; a person finds, with "
    "reasons, and the finding can be appealed. How texts look is never proof of who wrote them."
)
NOTHING, TIMES, OVER = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}", "\N{DIVISION SIGN}"
_MEANING = {CONTENT: "mean score of its texts, as the detector reads them", **MEANING}
_NAMES = {
    "copied": "Copied texts", "templated": "Filled-in form", "linked": "Shared links",
    "partners": "Posts together", "burstiness": "Bursts", "busiest_hour": "Busiest hour",
    "rest_hours": "Rest", "age_days": "Age of the account", "name_digits": "Digits in the name",
    "self_repeated": "Repeats itself", CONTENT: "Content",
}  # fmt: skip
_PARTS = {
    CONTENT: "Content of its texts", "coordination": "Coordination", "cadence": "Times of posts",
    "account": "The account itself",
}  # fmt: skip
_FULL = math.log(100)  # a bar as long as it gets


@dataclass(frozen=True)
class Knowledge:
    """What all cases together teach: how reviewers fare, and what their answers are worth."""

    people: People
    gold: tuple[Gold, ...]
    agreement: Estimate | None
    pairs: int

    @classmethod
    def of(cls, cases: Sequence[Case]) -> Knowledge:
        """Learn it from every case."""
        gold = gold_of(cases)
        pairs = [[r.answer for r in c.reviews] for c in cases if c.complete and c.needed == 2]
        return cls(learn_people(gold), tuple(gold), agreement(pairs), len(pairs))


def percent(share: float) -> str:
    """A share for people: `3 %`, `< 0.1 %`."""
    if math.isnan(share):
        return NOTHING
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def times(log: float) -> str:
    """What a log-ratio does to the odds: times 2.4, over 3; a dash where it does nothing."""
    if abs(log) < 0.005:
        return NOTHING
    factor = math.exp(min(abs(log), 60.0))
    text = f"{factor:,.0f}" if factor >= 10 else f"{factor:.2g}"
    return f"{TIMES if log > 0 else OVER} {text}"


def bar(log: float) -> dict[str, float]:
    """Where a bar from the middle of 100 begins and how wide it is."""
    width = 50 * min(abs(log) / _FULL, 1.0)
    return {"x": round(50 - width if log < 0 else 50, 2), "width": round(width, 2)}


def contributions(case: Case, people: People) -> list[dict[str, Any]]:
    """What each part does to the odds, people last."""
    rows = [(_PARTS[part], case.evidence.parts.get(part, 0.0)) for part in PARTS]
    own = people.part([r.answer for r in case.reviews]) if case.complete else 0.0
    rows.append(("Reviews by people", own))
    return [{"name": name, "times": times(log), "bar": bar(log)} for name, log in rows]


def signals(evidence: Evidence) -> list[dict[str, Any]]:
    """Each signal: value, what it means, what it is worth alone with its interval and n, and as
    what it counts: the part that it stands for, weighed and capped.
    """
    rows = []
    for s in evidence.signals:
        known = s.ratio.n > 0
        part = times(evidence.parts.get(s.group, 0.0)) if s.counted and known else NOTHING
        none = NOTHING if math.isnan(s.value) else "not seen"
        rows.append({
            "name": _NAMES.get(s.name, s.name), "meaning": _MEANING.get(s.name, ""),
            "value": "too little to tell" if math.isnan(s.value) else f"{s.value:.3g}",
            "ratio": times(s.ratio.log) if known else none,
            "low": times(s.ratio.low) if known else NOTHING,
            "high": times(s.ratio.high) if known else NOTHING,
            "n": s.ratio.n, "part": part, "counted": part != NOTHING,
        })  # fmt: skip
    return rows


def errors(case: Case, knowledge: Knowledge) -> list[str]:
    """How often such a case is called wrong, in sentences; of what was not weighed no share."""
    posterior = knowledge.people.posterior(case)
    out = []
    if not math.isnan(posterior):
        out.append(
            f"Where {percent(case.evidence.prevalence)} of accounts are synthetic, of 100 accounts "
            f"with this evidence about {100 * (1 - posterior):.0f} are expected to be human."
        )
    rates = called(knowledge.gold)
    for label, word in ((Label.HUMAN, "human"), (Label.SYNTHETIC, "synthetic")):
        rate = rates[label]
        out.append(
            f"Reviewers called {_estimate(rate)} known {word} accounts synthetic."
            if rate.n
            else f"How often reviewers call {word} accounts synthetic is not measured yet."
        )
    if knowledge.agreement is None:
        out.append("Agreement of reviewers is not measured yet.")
    else:
        a = knowledge.agreement
        out.append(
            f"Agreement of two reviewers: Krippendorff's alpha {a.value:.2f} "
            f"[{a.low:.2f}, {a.high:.2f}] over {a.n} cases (1 is perfect, 0 is chance)."
        )
    return out


def _estimate(rate: Estimate) -> str:
    return f"{percent(rate.value)} [{percent(rate.low)}, {percent(rate.high)}] of {rate.n}"


def case_view(seen: Seen, knowledge: Knowledge, settings: Settings, now: float) -> dict[str, Any]:
    """Everything that the page or the file of a case shows."""
    case = seen.case
    view: dict[str, Any] = {
        "case": case, "blind": seen.blind, "state": case.state(now, settings),
        "texts": [
            {"text": t.text, "time": moment(t.time), "shared": t.cluster >= 0} for t in case.texts
        ],
        "more": case.evidence.texts_in_all - len(case.texts),
        "timeline": timeline(case.texts),
        "graph": graph(case.evidence.neighbours, case.texts),
        "signals": signals(case.evidence), "moment": moment,
    }  # fmt: skip
    if not seen.blind:
        posterior = knowledge.people.posterior(case)
        view |= {
            "posterior": percent(posterior),
            "prevalence": percent(case.evidence.prevalence),
            "weighed": not math.isnan(posterior),
            "ratios": not math.isnan(case.evidence.posterior),
            "contributions": contributions(case, knowledge.people),
            "errors": errors(case, knowledge),
            "people_known": case.needed in knowledge.people.ratios,
        }
    return view


def case_record(
    seen: Seen, knowledge: Knowledge, settings: Settings, now: float, *, head: Head,
    entries: Sequence[dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """A case file as JSON: what is known, what was said and decided, and the log's end."""
    case = seen.case
    own = dataclasses.asdict
    record: dict[str, Any] = {
        "case": case.id, "account": case.pseudonym, "state": str(case.state(now, settings)),
        "meaning": NO_VERDICT, "imported": case.imported, "erased": case.erased,
        "evidence": evidence_record(case.evidence),
        "posterior_with_reviews": knowledge.people.posterior(case),
        "error_rates": errors(case, knowledge),
        "texts": [own(t) for t in case.texts], "texts_in_all": case.evidence.texts_in_all,
        "reviews_needed": case.needed, "reviews": [own(r) for r in case.reviews],
        "known_label": None if case.gold is None else case.gold.name.lower(),
        "decision": own(case.decision) if case.decision else None,
        "appeal": own(case.appeal) if case.appeal else None,
        "outcome": case.outcome, "entries": list(entries), "log": as_json(head),
    }  # fmt: skip
    found: dict[str, Any] = finite(record)
    return found
