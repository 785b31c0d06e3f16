"""A real service of the smallest bundled model behind a real server on a free port; a browser."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from hallmark.detect.judge import Judge, load_detector
from hallmark.detect.verdict import BUNDLED_DETECTOR
from hallmark.lm.model import LanguageModel
from hallmark.models.sizes import BUNDLED
from hallmark.web.limits import Limits
from hallmark.web.service import Service
from hallmark.web.serving import server

Serving = Callable[..., object]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def model() -> LanguageModel:
    return LanguageModel.load(BUNDLED / "ladder-1M")


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return load_detector(BUNDLED_DETECTOR, home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def running() -> Serving:
    """Run a service of a test's own."""
    return run_service


@contextmanager
def run_service(
    model: LanguageModel, judge: Judge, *, key: str | None = None, **limits: float
) -> Iterator[tuple[str, Service]]:
    """The address and the service, while it runs."""
    service = Service(model, judge, detector="bundled", limits=Limits(**limits))
    ready, address = threading.Event(), []

    def listening(where: str) -> None:
        address.append(where.rstrip("/"))
        ready.set()

    run, stop = server(service, host="127.0.0.1", port=0, key=key, listening=listening)
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(20)
        yield address[0], service
    finally:
        stop()
        thread.join(20)
        service.close()


@pytest.fixture(scope="session")
def served(model: LanguageModel, judge: Judge) -> Iterator[tuple[str, Service]]:
    with run_service(model, judge, slots=8, queue=64, reads=200) as found:
        found[1].warm_up()  # or the first request would wait for compiled code
        yield found


@pytest.fixture(scope="session")
def url(served: tuple[str, Service]) -> str:
    return served[0]


@pytest.fixture(scope="session")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")  # not longer: beside it asyncio.run refuses to run
def browser() -> Iterator[object]:
    """Chromium; tests that need it are skipped only where it is not installed."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, url) -> Iterator[object]:
    """A fresh tab that fails the test on an error, or on a request to anywhere else."""
    context = browser.new_context(base_url=url)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("request", lambda r: r.url.startswith((url, "blob:")) or wrong.append(r.url))
    yield page
    context.close()
    assert wrong == []
