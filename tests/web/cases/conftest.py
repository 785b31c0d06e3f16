"""A running site of a few made-up cases, and people of every role who can sign in to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher

from hallmark.data import Label
from hallmark.evidence.caseload import drafts_of
from hallmark.evidence.cases import Role
from hallmark.evidence.posts import Post
from hallmark.evidence.store import CaseStore, open_cases
from hallmark.web.cases.serving import server

KEY = b"0003" * 8  # with it mallory's case is 1, trent's 2, peggy's 3
PASSWORD = "correct horse battery"
ROLES = {"ann": Role.ANALYST, "abe": Role.ANALYST, "rea": Role.REVIEWER, "rob": Role.REVIEWER,
         "ray": Role.REVIEWER, "odo": Role.AUDITOR}  # fmt: skip
SHARED = "everybody must come to the square at noon and say it aloud, all of you, and bring friends"
SCRIPT = "<script>document.title='broken'</script><img src=x onerror=alert(1)><b>bold</b>"


def signal(name: str, group: str, log: float) -> dict[str, Any]:
    return {"name": name, "group": group, "value": 0.5, "counted": True, "n": 37,
            "log_likelihood_ratio": log, "interval": [log - 0.5, log + 0.5]}  # fmt: skip


def posts() -> list[Post]:
    found = []
    for account in ("mallory", "trent", "peggy"):
        for i in range(5):
            text = SHARED if i == 1 and account != "peggy" else f"{account} said {i}: {SCRIPT}"
            found.append(Post(f"id-{account}-{i}", account, 1.7e9 + 9000.0 * i, text))
    return found


def fused() -> dict[str, Any]:
    return {"prevalence": 0.01, "accounts": [
        {"account": name, "posterior": p, "texts": 9, "acts_together": name != "peggy",
         "parts": {"content": 3.0, "coordination": 0.6}, "signals": [
             signal("content", "content", 3.0), signal("copied", "coordination", 0.6)]}
        for name, p in (("mallory", 0.8), ("trent", 0.6), ("peggy", 0.4))
    ]}  # fmt: skip


@dataclass
class Running:
    """A site under test: its address, its store, and a client for each person."""

    url: str
    store: CaseStore
    clients: Mapping[str, httpx.Client]


@pytest.fixture(scope="session")
def hashed() -> str:
    """Of PASSWORD, in a form that is checked in no time."""
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


@pytest.fixture
def site(tmp_path: Path, hashed: str) -> Iterator[Running]:
    """Three cases, everybody signed in."""
    yield from running(open_cases(tmp_path / "cases.db"), hashed)


def running(store: CaseStore, hashed: str, **more: Any) -> Iterator[Running]:
    for name, role in ROLES.items():
        store.set_user(name, role, hashed)
    drafts = drafts_of(fused(), posts(), key=KEY, pseudonyms=True, texts=4,
                       gold={"peggy": Label.HUMAN})  # fmt: skip
    store.add(drafts)
    with serving(store, **more) as url:
        clients = {name: signed_in(url, name) for name in ROLES}
        try:
            yield Running(url, store, clients)
        finally:
            for client in clients.values():
                client.close()
    store.close()


class serving:
    """A store behind a server on a free port."""

    def __init__(self, store: CaseStore, **more: Any) -> None:
        self.ready, self.address = threading.Event(), ""
        run, self.stop = server(store, host="127.0.0.1", port=0, listening=self.listening, **more)
        self.thread = threading.Thread(target=run)

    def listening(self, address: str) -> None:
        self.address = address.rstrip("/")
        self.ready.set()

    def __enter__(self) -> str:
        self.thread.start()
        assert self.ready.wait(20)
        return self.address

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.thread.join(20)


def signed_in(url: str, name: str) -> httpx.Client:
    client = httpx.Client(base_url=url, timeout=30)
    answer = client.post("/sign-in", data={"name": name, "password": PASSWORD})
    assert answer.status_code == 303
    return client
