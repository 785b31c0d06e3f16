"""What raters meet after consent: instructions, comprehension check, texts, questions, debrief.

One address a rater, which shows where it is; forms go below it and lead back to it, so that
back, reload, a second tab and a second click meet the present page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hallmark.study import exclusions, standing
from hallmark.study.asking import (
    Incomplete,
    attention_text,
    groups_of,
    is_attention,
    read_values,
)
from hallmark.study.definition import BOUNDARY, RATING
from hallmark.study.standing import Refusal, Standing
from hallmark.study.texts import sentences
from hallmark.web.errors import Refused
from hallmark.web.study.desk import LONGEST, Desk, form_of, paragraphs, redirect


def routes(desk: Desk) -> APIRouter:
    """Everything below /r/LINK."""
    router = APIRouter(include_in_schema=False)
    store = desk.store

    @router.get("/r/{link}")
    def here(link: str) -> Response:
        return show(desk, link, store.see(link))

    @router.get("/r/{link}/{form}")  # where a form went that was sent back: a reload of it
    def back(link: str, form: str) -> Response:
        return redirect(f"/r/{link}")

    @router.post("/r/{link}/instructions")
    def understood(link: str) -> Response:
        store.understood(link)
        return redirect(f"/r/{link}")

    @router.post("/r/{link}/check")
    async def check(link: str, request: Request) -> Response:
        form = await form_of(request)
        checks = store.study.checks
        given = [form.get(f"check-{i}") for i in range(len(checks))]
        right = given == [c.answer for c in checks]
        attempt = whole(form.get("attempt"))
        await run_in_threadpool(lambda: store.check(link, attempt=attempt, right=right))
        return redirect(f"/r/{link}")

    @router.post("/r/{link}/answer")
    async def answer(link: str, request: Request) -> Response:
        form = await form_of(request)
        return await run_in_threadpool(answered, desk, link, form)

    @router.post("/r/{link}/about")
    async def about(link: str, request: Request) -> Response:
        form = await form_of(request)
        number = len(store.study.words.demographics)
        told = [form.get(f"about-{i}", "").strip()[:LONGEST] for i in range(number)]
        await run_in_threadpool(store.tell, link, told)
        return redirect(f"/r/{link}")

    return router


def answered(desk: Desk, link: str, form: Mapping[str, str]) -> Response:
    """Take the answers to a page, or show it again with what is missing."""
    store = desk.store
    page = whole(form.get("page"))
    found = store.see(link)
    if found.status == exclusions.ACTIVE and found.step == standing.READING:
        if page > found.position:
            raise Refusal(standing.FORGED)
        if page == found.position:
            try:
                values = read_values(groups_of(store.study, len(shown(desk, found))), form)
            except Incomplete as error:
                return show(desk, link, found, given=form, missing=error.names)
            store.answer(link, page, values)
    return redirect(f"/r/{link}")


def show(
    desk: Desk, link: str, found: Standing, *, given: Mapping[str, str] | None = None,
    missing: list[str] | None = None,
) -> Response:  # fmt: skip
    """The page at which a rater is."""
    study = desk.store.study
    common: dict[str, Any] = {"link": link, "simulated": found.simulated}
    if found.status == exclusions.SCREENED:
        return desk.message(
            "Thank you for your time", "The questions about the instructions were not all answered "
            "as they should be, so the study ends here. Please return it on the platform.",
        )  # fmt: skip
    if found.status == exclusions.DROPPED:
        return desk.message(
            "Your place was given to somebody else", "Nothing was heard from you for a long time. "
            "Thank you for what you have read; you can close this page.",
        )  # fmt: skip
    if found.step == standing.INSTRUCTIONS:
        text = paragraphs(study.words.instructions)
        return desk.page("instructions", instructions=text, pages=len(found.texts), **common)
    if found.step == standing.CHECK:
        left = study.design.attempts - found.attempts
        text = paragraphs(study.words.instructions)
        attempt = found.attempts + 1
        return desk.page("check", attempt=attempt, left=left, instructions=text, **common)
    if found.step == standing.READING:
        return reading(desk, found, given=given or {}, missing=missing or [], **common)
    if found.step == standing.DEMOGRAPHICS:
        return desk.page("about", longest=LONGEST, **common)
    code = desk.ending.code or found.code
    text = paragraphs(study.words.debrief)
    url = desk.ending.url.replace("{code}", code)
    return desk.page("debrief", debrief=text, code=code, url=url, **common)


def reading(
    desk: Desk, found: Standing, *, given: Mapping[str, str], missing: list[str], **common: Any
) -> Response:
    """One text and its questions. Nothing in it says which text it is, or of what kind."""
    text, study = shown(desk, found), desk.store.study
    return desk.page(
        "reading", 422 if missing else 200, sentences=text, groups=groups_of(study, len(text)),
        numbered=any(s.kind == BOUNDARY for s in study.scales), page=found.position,
        pages=len(found.texts), given=given, missing=missing, rating=RATING, **common,
    )  # fmt: skip


def shown(desk: Desk, found: Standing) -> list[str]:
    """The sentences on the page."""
    if is_attention(found.text):
        return sentences(attention_text(desk.store.study, found.text))
    return sentences(desk.store.text(found.text))


def whole(text: str | None) -> int:
    """A whole number of a form; `Refused` where it is none."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 7):
        raise Refused(400, "this form is not one of ours; open the study again")
    return int(text)
