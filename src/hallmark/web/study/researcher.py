"""The researcher's pages, behind sign-in: progress and quality, pause and close, tables to save.

They show nobody's opinions: a study that is looked at while it runs is stopped at a good moment.
"""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hallmark.study.exclusions import ACTIVE, COMPLETED, DROPPED, SCREENED, STILL
from hallmark.study.export import tables
from hallmark.study.store_reading import Overview, headcount, overview
from hallmark.web.errors import Refused
from hallmark.web.study.desk import Desk, form_of, redirect

NAME = "researcher"  # the one account of a study
HOME = "/researcher"
TABLES = ("answers.csv", "raters.csv", "codebook.md")
_KINDS = {"csv": "text/csv", "md": "text/markdown"}


def routes(desk: Desk) -> APIRouter:
    """Everything below /researcher."""
    router = APIRouter(prefix=HOME, include_in_schema=False)
    store = desk.store

    def check(request: Request) -> None:
        if desk.signin.who(request) is None:
            raise Refused(401, "sign in first")

    @router.get("")
    def dashboard(request: Request) -> Response:
        if desk.signin.who(request) is None:
            return desk.page("signin", wrong="")
        bots = request.query_params.get("who") == "bots"
        store.release_abandoned()
        others = headcount(store, simulated=not bots)
        shown = facts(desk, overview(store, simulated=bots))
        return desk.page("dashboard", bots=bots, others=others, **shown)

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        password = (await form_of(request)).get("password", "")[:1000]
        try:
            value = await run_in_threadpool(desk.signin.enter, NAME, password)
        except Refused as error:
            wrong = "That is not the password." if error.status == 401 else error.message
            answer: Response = desk.page("signin", error.status, wrong=wrong)
            if error.retry_after:
                answer.headers["Retry-After"] = str(error.retry_after)
            return answer
        answer = redirect(HOME)
        desk.signin.give(answer, value)
        return answer

    @router.post("/sign-out")
    def sign_out(request: Request) -> Response:
        answer = redirect(HOME)
        desk.signin.leave(request, answer)
        return answer

    @router.post("/state")
    async def state(request: Request) -> Response:
        await run_in_threadpool(check, request)
        wanted = (await form_of(request)).get("state", "")
        try:
            await run_in_threadpool(store.set_state, wanted)
        except ValueError as error:
            raise Refused(400, str(error)) from None
        return redirect(HOME)

    @router.get("/tables/{name}")
    def table(name: str, request: Request) -> Response:
        check(request)
        made = tables(store)
        if name not in made:
            raise Refused(404, "there is no such table")
        kind = _KINDS[name.rpartition(".")[2]]
        saved = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(made[name], media_type=kind, headers=saved)

    return router


def facts(desk: Desk, found: Overview) -> dict[str, Any]:
    """What the dashboard shows."""
    plan, design = desk.store.plan, desk.store.study.design
    by_condition = {
        condition.name: [found.ratings[t.id] for t in plan.texts if t.condition == condition.name]
        for condition in desk.store.study.conditions
    }
    flagged = sum(bool(r.flags) for r in found.raters)
    return {
        "found": found, "conditions": by_condition, "wanted": design.ratings_per_text,
        "now": time.time(), "flagged": flagged, "tables": TABLES,
        "steps": [
            ("Consented", len(found.raters)), ("Screened out", found.count(SCREENED)),
            ("Dropped out", found.count(DROPPED)), (STILL, found.count(ACTIVE)),
            ("Completed", found.count(COMPLETED)),
        ],
    }  # fmt: skip
