"""What is done: take, review, decide, appeal, answer. Each form is one act of the desk."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from hallmark.evidence.cases import DAY, Answer, State
from hallmark.web.cases.charts import moment
from hallmark.web.cases.pages import show
from hallmark.web.cases.site import SignInFirst, Site
from hallmark.web.errors import Refused

Words = Annotated[str, Form(max_length=10_000)]
Chosen = Annotated[Answer, Form()]


def routes(site: Site) -> APIRouter:
    """Every act on a case."""
    router = APIRouter(include_in_schema=False)
    _reviewing(router, site)
    _deciding(router, site)
    _appealing(router, site)
    return router


def _reviewing(router: APIRouter, site: Site) -> None:
    @router.post("/desk/take")
    def take(request: Request) -> Response:
        person = site.who(request)
        number = site.desk.take(person)
        return _to("/desk?nothing=1" if number is None else f"/cases/{number}")

    @router.post("/cases/{number}/give-back")
    def give_back(request: Request, number: int) -> Response:
        site.desk.give_back(site.who(request), number)
        return _to("/desk")

    @router.post("/cases/{number}/review")
    def review(request: Request, number: int, answer: Chosen, reasons: Words) -> Response:
        site.desk.review(site.who(request), number, answer, reasons)
        return _to(f"/cases/{number}")

    @router.post("/cases/{number}/tokens")
    async def tokens(request: Request, number: int, text: Annotated[int, Form(ge=0)]) -> Response:
        try:
            person = await run_in_threadpool(site.who, request)
        except SignInFirst:
            raise Refused(403, "sign in again") from None
        seen = await run_in_threadpool(site.desk.see, person, number)
        if site.tokens is None or text >= len(seen.case.texts):
            raise Refused(404, "there is no such text to read")
        return JSONResponse(await site.tokens(seen.case.texts[text].text))


def _deciding(router: APIRouter, site: Site) -> None:
    @router.post("/cases/{number}/decide")
    def decide(request: Request, number: int, answer: Chosen, reasons: Words) -> Response:
        person = site.who(request)
        link = site.link(request, site.desk.decide(person, number, answer, reasons))
        return show(site, request, person, number, link=link)

    @router.post("/cases/{number}/link")
    def link(request: Request, number: int) -> Response:
        person = site.who(request)
        fresh = site.link(request, site.desk.new_link(person, number))
        return show(site, request, person, number, link=fresh)

    @router.post("/cases/{number}/answer")
    def answer(request: Request, number: int, answer: Chosen, reasons: Words) -> Response:
        site.desk.answer_appeal(site.who(request), number, answer, reasons)
        return _to(f"/cases/{number}")

    @router.post("/cases/{number}/name")
    def name(request: Request, number: int, reasons: Words) -> Response:
        person = site.who(request)
        found = site.desk.name_of(person, number, reasons)
        return show(site, request, person, number, name=found or "erased")


def _appealing(router: APIRouter, site: Site) -> None:
    @router.get("/appeal/{link}")
    def appeal(request: Request, link: str) -> Response:
        try:
            case = site.desk.decided(link)
        except ValueError as error:
            raise Refused(404, str(error)) from None
        settings = site.store.settings
        state = case.state(site.store.now(), settings)
        decided = case.decision.time if case.decision else 0.0
        return site.page(
            request, "appeal", person=None, case=case, open=state is State.DECIDED, link=link,
            moment=moment, until=moment(decided + settings.appeal_days * DAY),
        )  # fmt: skip

    @router.post("/appeal/{link}")
    def send(link: str, statement: Words) -> Response:
        site.desk.appeal(link, statement)
        return _to(f"/appeal/{link}")


def _to(path: str) -> Response:
    return RedirectResponse(path, status_code=303)
