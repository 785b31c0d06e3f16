"""The app of one study: raters' and researcher's pages over its store, behind the guards."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hallmark.database import Unavailable
from hallmark.study import standing
from hallmark.study.standing import Refusal
from hallmark.study.store import Store
from hallmark.web.assets import install_assets, templates
from hallmark.web.errors import Refused
from hallmark.web.guard import FORMS, Body, Door, Frame
from hallmark.web.limits import Limits
from hallmark.web.metrics import Metrics
from hallmark.web.signin import SignIn
from hallmark.web.study import entrance, rater, researcher
from hallmark.web.study.desk import Desk, Ending

LIMITS = Limits(body=64 * 2**10)
WORDS = {  # why somebody is not let in: (status, title, text)
    standing.PAUSED: (503, "The study is paused", "Please come again later with the same address."),
    standing.CLOSED: (410, "The study is closed", "Thank you for your interest."),
    standing.FULL: (
        410, "All places are taken", "Thank you for your interest; nothing is left to do.",
    ),
    standing.AGAIN: (
        403, "You have begun this study before",
        "Please use the address that you had then; nobody takes part twice.",
    ),
    standing.UNKNOWN: (
        404, "This link leads nowhere", "Please open the address that you were given once more.",
    ),
    standing.FORGED: (
        409, "That page is not the one you are at",
        "Nothing was stored. Please open your link once more.",
    ),
}  # fmt: skip


def create_app(
    store: Store, *, ending: Ending | None = None, local: bool = True, secure: bool = False
) -> FastAPI:
    """local: only 127.0.0.1 is served. secure: people come over HTTPS, cookies stay there."""
    app = FastAPI(title="Hallmark study", docs_url=None, redoc_url=None, openapi_url=None)
    signin = SignIn(
        lambda name: store.password() if name == researcher.NAME else None, secure=secure
    )
    desk = Desk(store, templates(), signin, ending or Ending(), secure)
    desk.stamp = install_assets(app)
    app.include_router(entrance.routes(desk))
    app.include_router(rater.routes(desk))
    app.include_router(researcher.routes(desk))
    _answer_errors(app, desk)
    app.add_middleware(Body, limits=LIMITS)
    app.add_middleware(Door, key=None, local=local)
    app.add_middleware(Frame, metrics=Metrics(), headers=FORMS)
    return app


def _answer_errors(app: FastAPI, desk: Desk) -> None:
    """Every error is a page that says what to do."""

    def turned(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        status, title, text = WORDS[error.reason]
        return desk.message(title, text, status)

    def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return desk.message("That did not work", f"{error.message}.", error.status)

    def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return desk.message("That did not work", f"{error.detail}.", error.status_code)

    def away(_: Request, error: Exception) -> Response:
        answer = desk.message(
            "Please send that again", "The study could not store it just now. Go back in your "
            "browser and send the page again; what you sent before is safe.", 503,
        )  # fmt: skip
        answer.headers["Retry-After"] = "5"
        return answer

    app.add_exception_handler(Refusal, turned)
    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Unavailable, away)
