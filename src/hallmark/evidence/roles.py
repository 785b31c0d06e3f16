"""Who may do what, and what each sees of a case: the only place where that is said."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from hallmark.evidence.cases import Case, Role
from hallmark.evidence.ratio import NOTHING

ANALYST, REVIEWER, AUDITOR = Role.ANALYST, Role.REVIEWER, Role.AUDITOR
PERMITTED = {
    "take a case to review": (REVIEWER,),
    "give a case back": (REVIEWER,),
    "review": (REVIEWER,),
    "see the queue": (ANALYST, AUDITOR),
    "decide": (ANALYST,),
    "make an appeal's link": (ANALYST,),
    "answer an appeal": (ANALYST,),
    "see an account's name": (ANALYST,),
    "export a case file": (ANALYST, AUDITOR),
    "read the log": (AUDITOR,),
}


class Forbidden(ValueError):
    """The person's role does not allow it."""


@dataclass(frozen=True)
class Person:
    """Who is signed in."""

    name: str
    role: Role


def permit(person: Person, act: str) -> None:
    """Forbidden where the person's role does not allow `act`, one of PERMITTED."""
    if person.role not in PERMITTED[act]:
        allowed = " or ".join(str(role) for role in PERMITTED[act])
        raise Forbidden(f"to {act} is for an {allowed}; {person.name} is {_a(person.role)}")


def permit_finding(person: Person, case: Case, act: str) -> None:
    """Forbidden where the person had a say in the case before: who reviewed it neither decides nor
    answers an appeal, and who decided does not answer, whatever their role is by now.
    """
    if reviewed(person, case):
        raise Forbidden(f"{person.name} reviewed case {case.id}; somebody else {act}")
    if case.decision and case.decision.analyst == person.name:
        raise Forbidden("an appeal is answered by another analyst than who decided")


def reviewed(person: Person, case: Case) -> bool:
    """Whether the person answered the case as a reviewer."""
    return any(review.reviewer == person.name for review in case.reviews)


def _a(role: Role) -> str:
    return f"{'a' if role is REVIEWER else 'an'} {role}"


@dataclass(frozen=True)
class Seen:
    """A case as one person sees it. blind: what was weighed and what others said is left out."""

    case: Case
    blind: bool


def seen_by(person: Person, case: Case, *, own: bool = False) -> Seen:
    """The case as a person may see it; `own` says that the person has, or had, it to review.

    A reviewer sees a case of theirs alone, blind until their own answer is in, and the other's
    answer once both are. An analyst sees no review before all are in, to have nothing to hint at.
    An auditor sees everything. Nobody sees names here, nor ids of posts, which lead to them.
    Forbidden where the case is not to be seen at all.
    """
    if person.role is REVIEWER and not own:
        raise Forbidden("a reviewer sees the cases that they were given, and no others")
    texts = tuple(dataclasses.replace(text, id="") for text in case.texts)
    shown = dataclasses.replace(case, name="", texts=texts)
    if person.role is AUDITOR:
        return Seen(shown, blind=False)
    if person.role is ANALYST:
        reviews = case.reviews if case.complete else ()
        return Seen(dataclasses.replace(shown, reviews=reviews), blind=False)
    mine = tuple(r for r in case.reviews if r.reviewer == person.name)
    shown = dataclasses.replace(shown, gold=None)
    if not mine:
        signals = tuple(dataclasses.replace(s, ratio=NOTHING) for s in case.evidence.signals
                        if s.group != "content")  # fmt: skip
        evidence = dataclasses.replace(case.evidence, posterior=math.nan, parts={}, signals=signals)
        return Seen(
            dataclasses.replace(
                shown, evidence=evidence, reviews=(), decision=None, appeal=None, value=0.0
            ),
            blind=True,
        )
    others = tuple(
        dataclasses.replace(r, reviewer=r.reviewer if r.reviewer == person.name else "")
        for r in case.reviews
    )
    return Seen(dataclasses.replace(shown, reviews=others if case.complete else mine), blind=False)
