"""Where raters come in: consent, and whether this browser or this visit has begun already.

Nothing is stored before consent. A platform's visit leads to the same link each time.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hallmark.study import exclusions, standing
from hallmark.study.standing import Refusal
from hallmark.web.study.desk import LONGEST, Desk, Ticket, form_of, paragraphs, redirect

COOKIE = "hallmark-rater"
_WEEK = 7 * 86_400
# (who it is, which visit) as platforms say it in an address
PLATFORMS = (("PROLIFIC_PID", "SESSION_ID"), ("workerId", "assignmentId"))
PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"  # Mechanical Turk shows a task before it is accepted


def routes(desk: Desk) -> APIRouter:
    """The consent page, and what its button does."""
    router = APIRouter(include_in_schema=False)
    store = desk.store

    @router.get("/")
    def entrance(request: Request) -> Response:
        query = request.query_params
        ticket = ticket_of(desk, query)
        link = underway(desk, request, ticket)
        if link is not None:
            return redirect(f"/r/{link}")
        if store.state() != standing.OPEN:
            raise Refusal(store.state())
        words = store.study.words
        return desk.page(
            "consent", consent=paragraphs(words.consent), ticket=desk.sign(ticket),
            preview=query.get("assignmentId") == PREVIEW, simulated=ticket.simulated,
        )  # fmt: skip

    @router.post("/begin")
    async def begin(request: Request) -> Response:
        ticket = desk.read((await form_of(request)).get("ticket", ""))
        link = await run_in_threadpool(underway, desk, request, ticket) or ticket.link
        if link == ticket.link:
            await run_in_threadpool(
                lambda: store.begin(link, person=ticket.person, simulated=ticket.simulated)
            )
        answer = redirect(f"/r/{link}")
        answer.set_cookie(
            COOKIE, link, max_age=_WEEK, httponly=True, samesite="lax", secure=desk.secure
        )
        return answer

    return router


def ticket_of(desk: Desk, query: Mapping[str, str]) -> Ticket:
    """A fresh link; that of the visit where a platform names one, so that it can be resumed."""
    simulated = query.get("simulated") == "1"
    for who, visit in PLATFORMS:
        person, session = query.get(who, "")[:LONGEST], query.get(visit, "")[:LONGEST]
        if person:
            link = desk.store.link_of(f"{who}/{person}/{session}") if session else ""
            return Ticket(link or secrets.token_urlsafe(24), f"{who}/{person}", simulated)
    return Ticket(secrets.token_urlsafe(24), simulated=simulated)


def underway(desk: Desk, request: Request, ticket: Ticket) -> str | None:
    """The link under which this browser, or this visit from a platform, has begun."""
    known = ticket.link if ticket.person else request.cookies.get(COOKIE, "")
    if not known:
        return None
    try:
        found = desk.store.see(known)
    except Refusal:
        return None
    there = found.status in (exclusions.ACTIVE, exclusions.COMPLETED)
    at_work = there and found.step != standing.DONE and found.simulated == ticket.simulated
    return known if ticket.person or at_work else None
