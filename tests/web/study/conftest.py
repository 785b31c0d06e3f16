"""A small study behind a real server on a free port."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from hallmark.study.store import Store
from hallmark.web.listening import runner
from hallmark.web.signin import hash_password
from hallmark.web.study.app import create_app

PASSWORD = "correct horse battery"


@contextmanager
def run_study(store: Store, **given: Any) -> Iterator[str]:
    """The address of a study while it is served."""
    ready, address = threading.Event(), []

    def listening(where: str) -> None:
        address.append(where.rstrip("/"))
        ready.set()

    app = create_app(store, **given)
    run, stop = runner(app, host="127.0.0.1", port=0, drain=5, listening=listening)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(20)
        yield address[0]
    finally:
        stop()
        thread.join(20)


@pytest.fixture
def serving() -> Callable[..., Any]:
    """Serve a study of a test's own."""
    return run_study


@pytest.fixture(scope="session")
def hashed() -> str:
    return hash_password(PASSWORD)


@pytest.fixture
def store(sqlite_address: str, small_study: Any, hashed: str) -> Iterator[Store]:
    store = Store.open(sqlite_address, *small_study)
    store.set_password(hashed)
    yield store
    store.close()


@pytest.fixture
def url(store: Store) -> Iterator[str]:
    with run_study(store) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client
