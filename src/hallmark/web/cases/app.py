"""The app for cases: pages over a store that it is handed, behind sign-in and the guards."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hallmark import __version__
from hallmark.database import Unavailable
from hallmark.evidence.roles import Forbidden
from hallmark.evidence.store import CaseStore
from hallmark.evidence.store_desk import OutOfTurn
from hallmark.web.assets import install_assets
from hallmark.web.cases import acts, pages
from hallmark.web.cases.site import SignInFirst, Site, Tokens
from hallmark.web.errors import Refused
from hallmark.web.guard import FORMS, Body, Door, Frame
from hallmark.web.limits import Limits
from hallmark.web.metrics import Metrics
from hallmark.web.signin import SignIn

log = logging.getLogger("hallmark.web")
LIMITS = Limits(body=2**17)


@dataclass(frozen=True)
class Reach:
    """How people reach the pages. address: what appeal links begin with; "" takes the request's.

    Behind an https address cookies are sent over TLS alone, and other names than 127.0.0.1 served.
    """

    address: str = ""

    @property
    def secure(self) -> bool:
        """Whether the pages are reached over TLS."""
        return self.address.startswith("https://")


def create_cases_app(
    store: CaseStore, *, tokens: Tokens | None = None, reach: Reach | None = None
) -> FastAPI:
    """The pages. tokens: how a model reads a text, for the token view; None leaves it out."""
    reach = reach or Reach()
    app = FastAPI(title="Hallmark cases", version=__version__, docs_url=None, redoc_url=None,
                  openapi_url=None)  # fmt: skip
    site = Site(
        store, SignIn(store.hash_of, secure=reach.secure), stamp=install_assets(app),
        tokens=tokens, address=reach.address.rstrip("/"),
    )  # fmt: skip
    app.include_router(pages.routes(site))
    app.include_router(acts.routes(site))
    _install_errors(app, site)
    app.add_middleware(Body, limits=LIMITS)
    app.add_middleware(Door, key=None, local=not reach.address)
    app.add_middleware(Frame, metrics=Metrics(), headers=FORMS)
    return app


def _install_errors(app: FastAPI, site: Site) -> None:
    """Say what went wrong on a page, never with what was sent."""

    def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, SignInFirst):
            return RedirectResponse("/sign-in", status_code=303)
        status, message = _status(error)
        try:
            response = site.page(request, "error", status=status, message=message)
        except Unavailable as gone:  # who is signed in cannot be told
            status, message = _status(gone)
            response = site.page(request, "error", status=status, message=message, person=None)
        wait = getattr(error, "retry_after", None)
        if wait:
            response.headers["Retry-After"] = str(wait)
        return response

    for kind in (SignInFirst, Refused, HTTPException, RequestValidationError, ValueError,
                 Unavailable):  # fmt: skip
        app.add_exception_handler(kind, answer)


def _status(error: Exception) -> tuple[int, str]:
    if isinstance(error, Refused):
        return error.status, error.message
    if isinstance(error, HTTPException):
        words = {404: "there is no such page", 405: "this page takes no such request"}
        return error.status_code, words.get(error.status_code, str(error.detail))
    if isinstance(error, Unavailable):
        log.warning("%s", error)
        return 503, "the database does not answer; nothing was stored, so try again in a minute"
    if isinstance(error, RequestValidationError):
        return 400, f"{error.errors()[0]['loc'][-1]} is missing or is none that can be given"
    if isinstance(error, Forbidden):
        return 403, str(error)
    return 409 if isinstance(error, OutOfTurn) else 400, str(error)
