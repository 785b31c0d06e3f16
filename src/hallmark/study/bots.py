"""RaterBots: simulated raters that play the pages of a served study over HTTP, for dry runs.

They ask to be marked as simulated, and play only where the pages say that they are. What they
answer is drawn by `opinions`; they know the plan, since no page tells what a text is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, Request, build_opener

from hallmark.study.asking import attention_text, attention_values, is_attention
from hallmark.study.definition import Study
from hallmark.study.exclusions import ACTIVE, COMPLETED, SCREENED
from hallmark.study.html_forms import Page, read_page
from hallmark.study.opinions import Habits, Opinions
from hallmark.study.plan import Plan

REFUSED, LEFT = "refused", "left midway"  # no status of a server, which waits for who left
_TIMEOUT = 60.0


@dataclass
class Played:
    """How one bot fared: `answers` by page as the server acknowledged them; `times` in seconds of
    the requests that were answered.
    """

    status: str = ACTIVE
    link: str = ""
    code: str = ""
    answers: dict[int, dict[str, int]] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)


class _Stay(HTTPRedirectHandler):
    """A redirect is an answer: what was sent is stored."""

    def redirect_request(self, *_: Any) -> None:
        return None


class RaterBot:
    """One simulated rater. pace: seconds it reads each page. patience: seconds for which it tries
    again while the server is away."""

    def __init__(
        self, url: str, study: Study, plan: Plan, opinions: Opinions, *, pace: float = 0.0,
        patience: float = 0.0,
    ) -> None:  # fmt: skip
        self.url, self.study, self.opinions = url, study, opinions
        self.pace, self.patience = pace, patience
        self.texts = {" ".join(t.text.split()): t for t in plan.texts}
        checks = {t for place in plan.places for t in place if is_attention(t)}
        self.attention = {attention_text(study, name): name for name in checks}
        self.leaves_at = len(plan.places[0]) // 2 if opinions.leaves else 0
        self.opener = build_opener(HTTPCookieProcessor(CookieJar()), _Stay())
        self.played = Played()
        self.met = False  # a server that never answered is not waited for

    def play(self) -> Played:
        """From consent to the end, or to where this one leaves."""
        page = self._get(urljoin(self.url, "/?simulated=1"))
        if page.form is not None and not page.simulated:
            raise ValueError(f"{self.url} does not mark answers as simulated; no bot plays there")
        while page.form is not None:
            values = self._answers(page)
            if values is None:
                self.played.status = LEFT
                return self.played
            time.sleep(self.pace)
            page = self._send(page, values)
        self.played.code = page.code
        if page.code:
            self.played.status = COMPLETED
        else:
            self.played.status = SCREENED if self.played.link else REFUSED
        return self.played

    def _answers(self, page: Page) -> dict[str, str] | None:
        """What goes into the form; None where this rater leaves."""
        form = page.form
        assert form is not None
        if form.action.endswith("/check"):
            right = {f"check-{i}": c.answer for i, c in enumerate(self.study.checks)}
            if self.opinions.misreads and form.hidden.get("attempt") == "1":
                name, first = f"check-{0}", self.study.checks[0]
                right[name] = next(c for c in first.choices if c != first.answer)
            return right
        if not form.action.endswith("/answer"):
            return {}
        if self.leaves_at and int(form.hidden["page"]) > self.leaves_at:
            return None
        return {name: str(value) for name, value in self._values(page.text).items()}

    def _values(self, text: str) -> dict[str, int]:
        if text in self.texts:
            return self.opinions.of(self.texts[text])
        wanted = attention_values(self.study, self.attention[text])
        if self.opinions.skims:
            scale = self.study.scales[0]
            name = scale.questions[0]
            wanted[name] = scale.low if wanted[name] != scale.low else scale.low + 1
        return wanted

    def _send(self, page: Page, values: dict[str, str]) -> Page:
        form = page.form
        assert form is not None
        sent = urlencode({**form.hidden, **values}).encode()
        target = self._ask(Request(urljoin(self.url, form.action), sent))
        if isinstance(target, Page):
            return target
        self.played.link = target
        if form.action.endswith("/answer"):
            answered = {name: int(value) for name, value in values.items()}
            self.played.answers[int(form.hidden["page"])] = answered
        return self._get(target)

    def _get(self, url: str) -> Page:
        found = self._ask(Request(url))
        return found if isinstance(found, Page) else self._get(found)

    def _ask(self, request: Request) -> Page | str:
        """The page, or the address to go to. A server that is away is asked again; what was sent
        to it may be stored, so the rater's own address is opened then, as a person would do.
        """
        until = time.monotonic() + (self.patience if self.met else 0)
        while True:
            began = time.perf_counter()
            try:
                with self.opener.open(request, timeout=_TIMEOUT) as answer:
                    found: Page | str = read_page(answer.read().decode())
                self.met = True
                self.played.times.append(time.perf_counter() - began)
                return found
            except HTTPError as error:
                with error:
                    body = error.read().decode()
                if error.code == 303:
                    self.played.times.append(time.perf_counter() - began)
                    return str(urljoin(self.url, error.headers["Location"]))
                if error.code != 503 or time.monotonic() > until:
                    return read_page(body)
            except (URLError, OSError, HTTPException):
                if time.monotonic() > until:
                    raise
            time.sleep(0.2)
            if self.played.link:
                request = Request(self.played.link)


def play(
    url: str, study: Study, plan: Plan, *, raters: int, at_once: int = 10, seed: int = 0,
    pace: float = 0.0, patience: float = 10.0, habits: Habits | None = None,
) -> list[Played]:  # fmt: skip
    """So many bots, `at_once` of them at a time. ValueError where no study is served there."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r:.80} is no address; give one such as http://127.0.0.1:8090/")

    def one(number: int) -> Played:
        opinions = Opinions(study, number, seed=seed, habits=habits)
        return RaterBot(url, study, plan, opinions, pace=pace, patience=patience).play()

    with ThreadPoolExecutor(at_once) as pool:
        try:
            return list(pool.map(one, range(raters)))
        except URLError as error:
            raise ValueError(f"no study answers at {url:.80}: {error.reason}") from None


def tally(played: Sequence[Played]) -> dict[str, int]:
    """How many bots ended how, and how many pages they answered."""
    counts = {
        status: sum(p.status == status for p in played)
        for status in (COMPLETED, SCREENED, LEFT, REFUSED)
    }
    return {**counts, "pages": sum(len(p.answers) for p in played)}
