"""What the pages of a study share: its store, templates, sign-in, and how a page is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer
from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from hallmark.data import check_text
from hallmark.study.store import Store
from hallmark.web.errors import Refused
from hallmark.web.signin import SignIn

LONGEST = 200  # characters of what raters write, and of a platform's id
_FIELDS = 400


@dataclass(frozen=True)
class Ending:
    """What a rater gets at the end: `code` for everybody, or one each; `url` leads back to the
    platform, and may have {code} in it.
    """

    code: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        if self.url and not self.url.startswith(("https://", "http://")):
            raise ValueError(f"the address to return to must begin with https://, not {self.url}")


@dataclass(frozen=True)
class Ticket:
    """What the consent page hands on: a link to begin with, or a platform's person."""

    link: str
    person: str = ""
    simulated: bool = False


@dataclass
class Desk:
    """One study, served. `secure`: cookies go over HTTPS only."""

    store: Store
    templates: Environment
    signin: SignIn
    ending: Ending
    secure: bool
    stamp: str = ""
    signer: URLSafeTimedSerializer = field(init=False)

    def __post_init__(self) -> None:
        self.signer = URLSafeTimedSerializer(self.store.secret, salt="consent")

    def page(self, name: str, status: int = 200, **facts: Any) -> HTMLResponse:
        """A page from its template."""
        template = self.templates.get_template(f"study/{name}.html")
        html = template.render(study=self.store.study, stamp=self.stamp, **facts)
        return HTMLResponse(html, status)

    def message(self, title: str, text: str, status: int = 200) -> HTMLResponse:
        """A page that says one thing."""
        return self.page("message", status, title=title, text=text)

    def sign(self, ticket: Ticket) -> str:
        """The ticket as a form carries it."""
        value = self.signer.dumps([ticket.link, ticket.person, ticket.simulated])
        return value if isinstance(value, str) else value.decode()

    def read(self, signed: str) -> Ticket:
        """The ticket of a form; `Refused` where we did not sign it within a day."""
        try:
            link, person, simulated = self.signer.loads(signed, max_age=86_400)
        except (BadData, ValueError, TypeError):
            raise Refused(
                403, "this page is too old, or was not ours; open the study again"
            ) from None
        return Ticket(link, person, simulated)


def redirect(path: str) -> RedirectResponse:
    """Go and see: a reload then sends nothing again."""
    return RedirectResponse(path, 303)


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields of a form; of two with one name the last. `Refused` where one is no text."""
    form = await request.form(max_files=0, max_fields=_FIELDS)
    fields = {}
    for name, value in form.items():
        try:
            fields[name] = check_text(value, where="a field")
        except ValueError as error:
            raise Refused(400, str(error)) from None
    return fields


def paragraphs(text: str) -> Sequence[str]:
    """The paragraphs of a text of the study file: lines end anywhere, blank lines part."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
