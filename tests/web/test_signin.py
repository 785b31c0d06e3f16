"""Signing in: the right password, forged, old and left sessions, and guessing."""

from __future__ import annotations

import time

import pytest
from starlette.requests import Request
from starlette.responses import Response

from hallmark.web.errors import Refused
from hallmark.web.signin import COOKIE, Rules, SignIn, hash_password

PASSWORD = "correct horse battery"


@pytest.fixture
def stored() -> dict[str, str]:
    return {"ada": hash_password(PASSWORD)}


def asking(cookie: str) -> Request:
    return Request({"type": "http", "headers": [(b"cookie", f"{COOKIE}={cookie}".encode())]})


def test_a_session_begins_with_the_password_and_ends_when_left(stored) -> None:
    door = SignIn(stored.get, secure=True)
    cookie, other = door.enter("ada", PASSWORD), door.enter("ada", PASSWORD)
    assert cookie != other
    assert (door.who(asking(cookie)), door.who(asking(other))) == ("ada", "ada")
    answer = Response()
    door.give(answer, cookie)
    said = answer.headers["set-cookie"].lower()
    assert all(word in said for word in ("httponly", "samesite=strict", "secure", "max-age=43200"))
    door.leave(asking(cookie), answer)
    assert (door.who(asking(cookie)), door.who(asking(other))) == (None, "ada")


def test_what_was_forged_or_is_old_is_nobodys(stored) -> None:
    door = SignIn(stored.get)
    cookie = door.enter("ada", PASSWORD)
    elsewhere = SignIn(stored.get).enter("ada", PASSWORD)  # signed with another process's key
    for forged in (cookie[:-1], "x" + cookie, "", "a.b.c", elsewhere, "é"):
        assert door.who(Request({"type": "http", "headers": [
            (b"cookie", f"{COOKIE}={forged}".encode("latin-1"))]})) is None  # fmt: skip
    stored["ada"] = hash_password("another password")
    assert door.who(asking(cookie)) is None
    short = SignIn(stored.get, rules=Rules(hours=0.0001))
    cookie = short.enter("ada", "another password")
    time.sleep(1.5)
    assert short.who(asking(cookie)) is None


def test_guessing_must_wait_and_names_are_not_told_apart(stored) -> None:
    door = SignIn(stored.get, rules=Rules(tries=2))
    for name in ("ada", "nobody"):
        said = set()
        for _ in range(2):
            with pytest.raises(Refused) as refused:
                door.enter(name, "wrong password")
            said.add((refused.value.status, refused.value.message))
        assert said == {(401, "that name and password do not belong together")}
        with pytest.raises(Refused) as refused:
            door.enter(name, PASSWORD)
        assert (refused.value.status, refused.value.retry_after) == (429, 1)
    time.sleep(1.1)
    door.enter("ada", PASSWORD)


def test_a_password_has_ten_characters() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        hash_password("short")
