"""What the pages of cases share: who is signed in, templates, and what all cases teach."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hallmark.evidence.cases import LEAST_REASONS, MOST_REASONS, Answer, Role
from hallmark.evidence.roles import Person
from hallmark.evidence.store import CaseStore
from hallmark.evidence.store_desk import Desk
from hallmark.web.assets import templates
from hallmark.web.cases.views import NO_VERDICT, Knowledge
from hallmark.web.signin import SignIn

Tokens = Callable[[str], Awaitable[dict[str, Any]]]
_REST = 20  # times as long as learning took, before it is done again

PAGES = {
    Role.REVIEWER: {"desk": "My desk"},
    Role.ANALYST: {"queue": "Cases"},
    Role.AUDITOR: {"log": "Log", "queue": "Cases"},
}


class SignInFirst(Exception):
    """Nobody is signed in."""


class Site:
    """The store behind the pages, and how they are made."""

    def __init__(
        self, store: CaseStore, signin: SignIn, *, stamp: str, tokens: Tokens | None, address: str
    ) -> None:
        self.store, self.desk, self.signin = store, Desk(store), signin
        self.stamp, self.tokens, self.address = stamp, tokens, address
        self._templates = templates()
        self._lock = threading.Lock()
        self._known: Knowledge | None = None
        self._counts, self._next = (-1, -1), 0.0

    def who(self, request: Request) -> Person:
        """Who is signed in; SignInFirst where nobody is."""
        name = self.signin.who(request)
        if name is None:
            raise SignInFirst
        return self.store.person(name)

    def knowledge(self) -> Knowledge:
        """What all cases teach; learnt again once there are new answers, but not all the time."""
        counts = self.store.counts()
        with self._lock:
            if self._known is None or (counts != self._counts and time.monotonic() >= self._next):
                began = time.monotonic()
                self._known, self._counts = Knowledge.of(self.store.given_out()), counts
                self._next = time.monotonic() + _REST * (time.monotonic() - began)
            return self._known

    def render(self, template: str, /, **facts: Any) -> str:
        """A template's text."""
        return self._templates.get_template(f"cases/{template}.html").render(
            stamp=self.stamp, no_verdict=NO_VERDICT, answers=list(Answer), least=LEAST_REASONS,
            most=MOST_REASONS, **{"settings": self.store.settings, **facts},
        )  # fmt: skip

    def page(
        self, request: Request, template: str, /, *, status: int = 200, **facts: Any
    ) -> Response:
        """A page for whoever is signed in; `person=None` is for everybody, who sees no staff's."""
        public = "person" in facts
        person = facts.pop("person", None)
        if not public and (found := self.signin.who(request)) is not None:
            person = self.store.person(found)
        links = PAGES[person.role] if person else {}
        html = self.render(template, person=person, pages=links, here=template, **facts)
        return HTMLResponse(html, status_code=status)

    def link(self, request: Request, token: str) -> str:
        """The whole address of an appeal."""
        return f"{self.address or str(request.base_url).rstrip('/')}/appeal/{token}"
