"""The pages for cases behind uvicorn: a model for the token view, and what is done every hour."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hallmark.database import Unavailable
from hallmark.detect.judge import Judge
from hallmark.evidence.store import CaseStore
from hallmark.evidence.store_desk import Desk
from hallmark.evidence.store_keeping import erase_old
from hallmark.lm.model import LanguageModel
from hallmark.web.cases.app import LIMITS, Reach, create_cases_app
from hallmark.web.cases.site import Tokens
from hallmark.web.listening import Listening, is_local, runner
from hallmark.web.reader import Reader
from hallmark.web.views import score_view

log = logging.getLogger("hallmark.web")
_HOUR = 3600.0
_TOKENS = 1024


def check_reach(host: str, address: str) -> None:
    """ValueError where others could reach the pages without TLS, or the address is none."""
    if address and not address.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise ValueError(f"the address {address[:60]!r} must begin with https://")
    if not address and not is_local(host):
        raise ValueError(
            f"{host} can be reached by others: put TLS in front and give --address "
            "https://..., or listen on 127.0.0.1"
        )


def server(
    store: CaseStore, *, host: str, port: int, address: str = "", tokens: Tokens | None = None,
    listening: Listening,
) -> tuple[Callable[[], None], Callable[[], None]]:  # fmt: skip
    """What runs until it is told to end, and what tells it from another thread."""
    app = create_cases_app(store, tokens=tokens, reach=Reach(address))
    return runner(app, host=host, port=port, drain=LIMITS.drain, listening=listening)


@contextmanager
def reading(judge: Judge, model: LanguageModel) -> Iterator[Tokens]:
    """How a model reads a text, for the token view."""
    reader = Reader(judge, model, LIMITS, read=lambda job, texts: None)

    async def tokens(text: str) -> dict[str, Any]:
        return score_view((await reader.score([text], max_tokens=_TOKENS))[0], model)

    try:
        yield tokens
    finally:
        reader.close()


@contextmanager
def tidying(store: CaseStore, *, every: float = _HOUR) -> Iterator[None]:
    """At once and every hour: erase what is old, take back what reviewers kept too long."""
    over = threading.Event()

    def work() -> None:
        while True:
            try:
                erased, taken = erase_old(store), Desk(store).release_old()
                if erased or taken:
                    log.info("tidied: %s cases erased, %s taken back", len(erased), taken)
            except Unavailable as error:
                log.warning("%s; tidied later", error)
            if over.wait(every):
                return

    thread = threading.Thread(target=work, name="tidying", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
