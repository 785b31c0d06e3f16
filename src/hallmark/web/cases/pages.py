"""What is read: sign-in, a reviewer's desk, the queue, a case and its file, the log."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hallmark.evidence.audit import Entry, Head, as_json
from hallmark.evidence.cases import Case, Role
from hallmark.evidence.roles import Person, permit, reviewed
from hallmark.web.cases.charts import moment
from hallmark.web.cases.site import Site
from hallmark.web.cases.views import NOTHING, Knowledge, case_record, case_view, percent
from hallmark.web.errors import Refused

PER_PAGE = 50
_HOME = {Role.REVIEWER: "/desk", Role.ANALYST: "/queue", Role.AUDITOR: "/log"}
_PLAIN = ("what", "who", "time", "case")  # of an event; the rest is shown as details


def routes(site: Site) -> APIRouter:
    """Every page that changes nothing but who is signed in."""
    router = APIRouter(include_in_schema=False)
    _signing(router, site)
    _cases(router, site)
    _log(router, site)
    return router


def _signing(router: APIRouter, site: Site) -> None:
    @router.get("/")
    def home(request: Request) -> Response:
        return RedirectResponse(_HOME[site.who(request).role], status_code=303)

    @router.get("/sign-in")
    def sign_in(request: Request) -> Response:
        return site.page(request, "sign-in", wrong="", name="")

    @router.post("/sign-in")
    def enter(
        request: Request,
        name: Annotated[str, Form(max_length=100)],
        password: Annotated[str, Form(max_length=1000)],
    ) -> Response:
        try:
            cookie = site.signin.enter(name, password)
        except Refused as error:
            again = site.page(request, "sign-in", status=error.status, wrong=error.message,
                              name=name)  # fmt: skip
            if error.retry_after:
                again.headers["Retry-After"] = str(error.retry_after)
            return again
        response = RedirectResponse("/", status_code=303)
        site.signin.give(response, cookie)
        return response

    @router.post("/sign-out")
    def leave(request: Request) -> Response:
        response = RedirectResponse("/sign-in", status_code=303)
        site.signin.leave(request, response)
        return response


def _cases(router: APIRouter, site: Site) -> None:
    @router.get("/desk")
    def desk(request: Request, nothing: bool = False) -> Response:
        person = site.who(request)
        permit(person, "take a case to review")
        done = [site.store.case(n) for n in site.desk.reviewed_by(person)[:PER_PAGE]]
        mine = {c.id: next(r for r in c.reviews if r.reviewer == person.name) for c in done}
        return site.page(
            request, "desk", person=person, held=site.desk.held_by(person), done=done, mine=mine,
            nothing=nothing,
        )  # fmt: skip

    @router.get("/queue")
    def queue(request: Request, page: Annotated[int, Query(ge=1, le=10**6)] = 1) -> Response:
        person = site.who(request)
        permit(person, "see the queue")
        known, now = site.knowledge(), site.store.now()
        found = site.store.cases(first=PER_PAGE * (page - 1), most=PER_PAGE)
        rows = [queued(c, known) | {"state": c.state(now, site.store.settings)} for c in found]
        total = site.store.counts()[0]
        return site.page(
            request, "queue", person=person, rows=rows, page=page, total=total,
            unweighed=any(row["value"] == NOTHING for row in rows),
            last=max(1, -(-total // PER_PAGE)), agreement=known.agreement,
        )  # fmt: skip

    @router.get("/cases/{number}")
    def case(request: Request, number: int) -> Response:
        return show(site, request, site.who(request), number)

    @router.get("/cases/{number}/file.{kind}")
    def file(request: Request, number: int, kind: str) -> Response:
        person = site.who(request)
        permit(person, "export a case file")
        if kind == "html":
            body, media = case_html(site, person, number), "text/html"
        elif kind == "json":
            record = case_json(site, person, number)
            body = json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False)
            media = "application/json"
        else:
            raise Refused(404, "a case file is .html or .json")
        site.desk.exported(person, number, kind)
        saved = {"Content-Disposition": f'attachment; filename="case-{number}.{kind}"'}
        return Response(body, media_type=media, headers=saved)


def _log(router: APIRouter, site: Site) -> None:
    @router.get("/log")
    def log(request: Request, page: Annotated[int, Query(ge=1, le=10**6)] = 1) -> Response:
        return log_page(site, request, page=page)

    @router.get("/log/receipt.json")
    def receipt(request: Request) -> Response:
        permit(site.who(request), "read the log")
        head = site.store.head()
        saved = {"Content-Disposition": f'attachment; filename="receipt-{head.number}.json"'}
        text = json.dumps(as_json(head)) + "\n"
        return Response(text, media_type="application/json", headers=saved)

    @router.post("/log/verify")
    def verify(
        request: Request,
        number: Annotated[int, Form(ge=0)] = 0,
        hash: Annotated[str, Form(max_length=64)] = "",
    ) -> Response:
        permit(site.who(request), "read the log")
        receipts = [Head(number, hash.strip().lower())] if number else []
        try:
            head, wrong = site.store.verify(receipts=receipts), ""
        except ValueError as error:
            head, wrong = site.store.head(), str(error)
        return log_page(site, request, verified=head, wrong=wrong, receipt=bool(receipts))


def queued(case: Case, known: Knowledge) -> dict[str, Any]:
    """A case's numbers in the queue; without weighed evidence a review has no worth to show."""
    posterior = known.people.posterior(case)
    return {
        "case": case,
        "posterior": "not weighed" if math.isnan(posterior) else percent(posterior),
        "value": NOTHING if math.isnan(case.evidence.posterior) else f"{case.value:.3f}",
    }


def show(site: Site, request: Request, person: Person, number: int, **more: Any) -> Response:
    """The page of a case, as that person may see it."""
    seen = site.desk.see(person, number)
    view = case_view(seen, site.knowledge(), site.store.settings, site.store.now())
    held = site.desk.held_by(person) == number if person.role is Role.REVIEWER else False
    facts = {"held": held, "own": reviewed(person, seen.case), "tokens": site.tokens is not None,
             "link": "", "name": "", **more}  # fmt: skip
    return site.page(request, "case", person=person, **view, **facts)


def case_html(site: Site, person: Person, number: int) -> str:
    """A case as one HTML file that needs nothing beside it, to be kept or printed."""
    seen = site.desk.see(person, number)
    view = case_view(seen, site.knowledge(), site.store.settings, site.store.now())
    return site.render(
        "file", **view, head=site.store.head(), entries=entries_of(site, number),
        printed=moment(site.store.now()),
    )  # fmt: skip


def case_json(site: Site, person: Person, number: int) -> dict[str, Any]:
    """A case as JSON values."""
    return case_record(
        site.desk.see(person, number), site.knowledge(), site.store.settings, site.store.now(),
        head=site.store.head(), entries=entries_of(site, number),
    )  # fmt: skip


def entries_of(site: Site, number: int) -> list[dict[str, Any]]:
    """The log's entries of one case."""
    found = map(_shown, site.store.entries(case=number))
    return [e for e in found if e["case"] == number]


def log_page(site: Site, request: Request, *, page: int = 1, **more: Any) -> Response:
    """The log, newest first."""
    person = site.who(request)
    permit(person, "read the log")
    head = site.store.head()
    last = max(1, -(-head.number // PER_PAGE))
    top = head.number - PER_PAGE * (page - 1)
    after = max(0, top - PER_PAGE)
    found = site.store.entries(after=after, most=max(0, top - after))
    facts = {"verified": None, "wrong": "", "receipt": False, **more}
    return site.page(
        request, "log", person=person, head=head, page=page, last=last,
        entries=[_shown(e) for e in reversed(found)], **facts,
    )  # fmt: skip


def _shown(entry: Entry) -> dict[str, Any]:
    try:
        event = json.loads(entry.event)
    except ValueError:  # whoever edited it made it so; verification says where
        event = {"what": "cannot be read", "who": "", "time": 0.0}
    more = {k: v for k, v in event.items() if k not in _PLAIN and v is not None}
    return {
        "number": entry.number, "what": str(event.get("what", "")),
        "who": str(event.get("who", "")), "time": moment(float(event.get("time") or 0.0)),
        "case": event.get("case"), "more": more, "hash": entry.hash,
    }  # fmt: skip
