"""Who has signed in: passwords kept as argon2 hashes, sessions as signed cookies.

Knows no store and no pages; routes are protected against other sites by `guard.Door`.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

from hallmark.web.errors import Refused

COOKIE = "hallmark-session"
SHORTEST = 10  # characters of a password
_REMEMBERED = 1000  # names whose failures are counted


@dataclass(frozen=True)
class Rules:
    """hours: that a session lasts. tries: wrong passwords before one must wait, twice as long
    after each, up to longest_wait seconds. hashing: passwords checked at once (64 MiB each)."""

    hours: float = 12.0
    tries: int = 5
    longest_wait: float = 300.0
    hashing: int = 2


def hash_password(password: str) -> str:
    """What is stored; ValueError where the password is too short to be one."""
    if len(password) < SHORTEST:
        raise ValueError(f"the password must have at least {SHORTEST} characters")
    return PasswordHasher().hash(password)


class SignIn:
    """Checks passwords, gives and reads cookies. `hash_of` finds a name's stored hash.

    The signing key lives as long as the process: a restart ends every session, and so does a
    changed password.
    """

    def __init__(
        self,
        hash_of: Callable[[str], str | None],
        *,
        secure: bool = False,
        rules: Rules | None = None,
    ) -> None:
        self.hash_of, self.secure, self.rules = hash_of, secure, rules or Rules()
        self._signer = URLSafeTimedSerializer(secrets.token_bytes(32), salt=COOKIE)
        self._hasher = PasswordHasher()
        self._turns = threading.Semaphore(self.rules.hashing)
        self._lock = threading.Lock()
        self._failures: dict[str, tuple[int, float]] = {}
        self._left: set[str] = set()

    def enter(self, name: str, password: str) -> str:
        """A new session's cookie. `Refused` with 401 where name or password is wrong, 429 where
        there were too many wrong ones. Takes about 50 ms: not for an event loop.
        """
        self._check_wait(name)
        stored = self.hash_of(name)
        with self._turns:
            right = self._verify(stored or _nobody(), password)
        if stored is None or not right:
            self._failed(name)
            raise Refused(401, "that name and password do not belong together")
        with self._lock:
            self._failures.pop(name, None)
        value = self._signer.dumps([name, secrets.token_hex(16), _mark(stored)])
        return value if isinstance(value, str) else value.decode()

    def give(self, response: Response, value: str) -> None:
        """Set the cookie: not for scripts, not for requests from other sites."""
        response.set_cookie(
            COOKIE, value, max_age=int(self.rules.hours * 3600), httponly=True, samesite="strict",
            secure=self.secure,
        )  # fmt: skip

    def who(self, request: Request) -> str | None:
        """The name that is signed in; None for nobody, or where the cookie is forged or old."""
        found = self._read(request)
        return found[0] if found else None

    def leave(self, request: Request, response: Response) -> None:
        """End the session: its cookie is worth nothing from now on, wherever it is kept."""
        found = self._read(request)
        if found:
            self._left.add(found[1])
        response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self.secure)

    def _read(self, request: Request) -> tuple[str, str] | None:
        try:
            name, session, mark = self._signer.loads(
                request.cookies.get(COOKIE, ""), max_age=int(self.rules.hours * 3600)
            )
        except (BadData, ValueError, TypeError):
            return None
        stored = self.hash_of(name)
        if session in self._left or stored is None or _mark(stored) != mark:
            return None
        return name, session

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def _check_wait(self, name: str) -> None:
        with self._lock:
            wait = self._failures.get(name, (0, 0.0))[1] - time.monotonic()
        if wait > 0:
            seconds = max(1, round(wait + 0.5))
            raise Refused(429, f"too many wrong passwords; wait {seconds} s", retry_after=seconds)

    def _failed(self, name: str) -> None:
        with self._lock:
            count = self._failures.pop(name, (0, 0.0))[0] + 1
            over = count - self.rules.tries
            wait = min(2.0 ** min(over, 20), self.rules.longest_wait) if over >= 0 else 0.0
            self._failures[name] = (count, time.monotonic() + wait)
            while len(self._failures) > _REMEMBERED:
                self._failures.pop(next(iter(self._failures)))


@cache
def _nobody() -> str:
    """A hash of no password, so that unknown names take as long."""
    return PasswordHasher().hash(secrets.token_hex(16))


def _mark(stored: str) -> str:
    """Changes with the password; tells nothing of the hash."""
    return hashlib.sha256(stored.encode()).hexdigest()[:16]
