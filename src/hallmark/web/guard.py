"""What every request passes before it reaches a route: pure ASGI, so that a client that leaves is
noticed. Who may ask, how much may be sent, which headers an answer has, and what is logged.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Mapping, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hallmark.web.errors import Refused, defect
from hallmark.web.limits import Limits
from hallmark.web.metrics import Metrics

log = logging.getLogger("hallmark.web")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
CLOSED = "client left"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
FORMS = {  # for apps whose pages send forms: to themselves alone, and saying where they come from
    **HEADERS,
    "Content-Security-Policy": HEADERS["Content-Security-Policy"].replace(
        "form-action 'none'", "form-action 'self'"
    ),
    "Referrer-Policy": "same-origin",
}


class Frame:
    """Outermost: headers, a request's name, the log line, the metrics, and errors nobody caught."""

    def __init__(
        self, app: ASGIApp, *, metrics: Metrics, headers: Mapping[str, str] = HEADERS
    ) -> None:
        self.app, self.metrics, self.headers = app, metrics, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name, began, status = secrets.token_hex(8), time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for key, value in {**self.headers, "X-Request-ID": name}.items():
                    headers.setdefault(key, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self.app(scope, receive, answer)
        except Refused as error:
            await error.response()(scope, receive, answer)
        except Exception as error:
            answered = defect(error)
            if status:  # half an answer is out: closing the connection is all that can be said
                raise ConnectionAbortedError(CLOSED) from None
            await answered.response()(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - began
            route = route_of(scope)
            self.metrics.answered(scope["method"], route, status, seconds)
            shown = status or CLOSED
            log.info("%s %s %s %s %.0f ms", name, scope["method"], route, shown, 1000 * seconds)


def route_of(scope: MutableMapping[str, Any]) -> str:
    """The path of the route, never what a client put into an address."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) and path else "elsewhere"


class Door:
    """Who may ask: with a key where there is one; never a page of another site."""

    def __init__(self, app: ASGIApp, *, key: str | None, local: bool) -> None:
        self.app, self.local = app, local
        self.digest = hashlib.sha256(key.encode()).digest() if key else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            self.check_site(scope["method"], headers)
            if self.digest is not None and locked(scope["path"]):
                self.check_key(headers)
        await self.app(scope, receive, send)

    def check_key(self, headers: Headers) -> None:
        """The key, compared in a time that does not depend on it."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        digest = hashlib.sha256(given.strip().encode("utf-8", "surrogateescape")).digest()
        if not hmac.compare_digest(digest, self.digest or b"") or scheme.lower() != "bearer":
            raise Refused(
                401, "give the key as `Authorization: Bearer KEY`", code="invalid_api_key"
            )

    def check_site(self, method: str, headers: Headers) -> None:
        """Browsers say where a request comes from; names that lead to 127.0.0.1 are not it."""
        if method == "POST" and elsewhere(headers):
            raise Refused(403, "pages of other sites may not ask")
        host = headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if self.local and name.strip("[]").lower() not in LOOPBACK:
            raise Refused(403, "this service answers to 127.0.0.1 and localhost only")


def elsewhere(headers: Headers) -> bool:
    """Whether a browser says that a page of another site asks. By Sec-Fetch-Site; without it, as
    over plain HTTP, by Origin. Programs send neither, and have no cookies of somebody else.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site not in ("none", "same-origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host", "")


def locked(path: str) -> bool:
    """Whether the path wants a key: all that touches a text or says how the service is used."""
    return path.startswith(("/v1/", "/api/")) or path == "/metrics"


class Body:
    """A request's body, whole, before the route sees it: neither too long nor too slow."""

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdigit() and len(length) < 19 and int(length) > self.limits.body:
            raise self.too_long()
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                body = await self.whole(receive)
        except TimeoutError:
            raise Refused(408, "the request took too long to arrive") from None
        if body is None:
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)

    async def whole(self, receive: Receive) -> bytes | None:
        """All of it; None where the client left."""
        parts = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            parts += message.get("body", b"")
            if len(parts) > self.limits.body:
                raise self.too_long()
            if not message.get("more_body"):
                return bytes(parts)

    def too_long(self) -> Refused:
        return Refused(
            413, f"a request may have {self.limits.body} bytes; send fewer texts at once"
        )
