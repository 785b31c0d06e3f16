"""Two reviewers, two analysts, the affected side and an auditor walk a case through real browsers.

Skipped only where no Chromium is installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hallmark.evidence.store import open_cases
from hallmark.web.cases.serving import reading

from .conftest import PASSWORD, ROLES, Running, running

PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def walked(tmp_path_factory, hashed: str, judge, model) -> Iterator[Running]:
    """A site with a model for the token view."""
    with reading(judge, model) as tokens:
        path = tmp_path_factory.mktemp("walk") / "cases.db"
        yield from running(open_cases(path), hashed, tokens=tokens)


@pytest.fixture
def people(browser, walked: Running) -> Iterator[dict[str, object]]:
    """A browser of their own for everybody, "out" for the affected side. An error on a page, or a
    request to anywhere else, fails the test.
    """
    wrong: list[str] = []
    own = (walked.url, "about:")
    with ExitStack() as stack:
        found = {}
        for name in (*ROLES, "out"):
            context = browser.new_context(base_url=walked.url)
            stack.callback(context.close)
            page = found[name] = context.new_page()
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda m: "Policy" in m.text and wrong.append(m.text))
            page.on("request", lambda r: r.url.startswith(own) or wrong.append(r.url))
            if name != "out":
                (cookie,) = walked.clients[name].cookies.jar
                mine = {"name": cookie.name, "value": cookie.value or "", "url": walked.url}
                context.add_cookies([mine])
        yield found
    assert wrong == []


def go(page, selector: str) -> None:
    """Click on what leads to another page, and wait for it."""
    with page.expect_navigation():
        page.click(selector)


def answer(page, label: str, reasons: str, button: str) -> None:
    page.get_by_label(label, exact=True).check()
    page.fill("#reasons", reasons)
    go(page, f"button:text-is('{button}')")


def saved(page, selector: str) -> str:
    with page.expect_download() as download:
        page.click(selector)
    return Path(download.value.path()).read_text(encoding="utf-8")


def test_from_queue_to_appeal(walked: Running, people) -> None:
    rea, rob, ann, abe, odo, out = (
        people[name] for name in ("rea", "rob", "ann", "abe", "odo", "out")
    )
    out.goto("/")
    out.fill("[name=name]", "ann")
    out.fill("[name=password]", PASSWORD)
    go(out, "main button")
    assert out.locator("h1").inner_text() == "Cases"
    go(out, "text=Sign out")
    assert out.url.endswith("/sign-in")
    ann.goto("/queue")
    top = ann.locator("tbody tr").first
    assert "80 %" in top.inner_text()
    # the first reviewer, blind
    rea.goto("/")
    go(rea, "text=Take the next case")
    case = rea.url
    assert rea.locator("h1").inner_text() == top.locator("a").inner_text()
    assert "What was weighed is shown once your answer is in" in rea.content()
    assert rea.title() != "broken"
    assert rea.locator("svg.drawing").count() == 2
    rea.locator("button.tokens").first.click()
    rea.locator(".read .text .b0, .read .text .b3").first.wait_for()
    shown = rea.locator(".read .text").first.evaluate("e => e.textContent")
    assert shown == rea.locator(".posts .words").first.evaluate("e => e.textContent")
    answer(rea, "Synthetic", "It says the same in every post.", "Send my review")
    assert "80 %" in rea.locator("main").inner_text()
    assert "\N{MULTIPLICATION SIGN} 20" in rea.locator("table.parts").inner_text()
    # the second, who sees nothing of the first
    rob.goto("/desk")
    go(rob, "text=Take the next case")
    assert rob.url == case
    assert "same in every post" not in rob.content()
    answer(rob, "Cannot tell", "Too short to be sure of it.", "Send my review")
    assert "same in every post" in rob.content()
    # a decision with reasons; the address of the appeal is shown once
    ann.goto(case)
    assert "Nothing here decides by itself" in ann.content()
    answer(ann, "Synthetic", "One reviewer was sure, one was not.", "Decide")
    link = ann.locator("#link").inner_text()
    ann.goto(case)
    assert ann.locator("#link").count() == 0
    # the affected side
    out.goto(link)
    assert "One reviewer was sure" in out.content()
    assert out.locator("nav").count() == 0
    out.fill("#statement", "I wrote them on my phone, in a hurry.")
    go(out, "text=Send the appeal")
    assert "waits for its answer" in out.content()
    # somebody else answers
    abe.goto(case)
    assert "in a hurry" in abe.content()
    answer(abe, "Human", "Hurry explains what was seen.", "Answer")
    out.goto(link)
    assert "Hurry explains" in out.content()
    # the auditor reads, checks and keeps a receipt
    odo.goto("/log")
    assert "answered" in odo.locator("tbody tr").first.inner_text()
    receipt = json.loads(saved(odo, "text=Save the receipt"))
    odo.fill("[name=number]", str(receipt["number"]))
    odo.fill("[name=hash]", receipt["hash"])
    go(odo, "text=Check the log")
    assert "your receipt is part of them" in odo.locator(".fine").inner_text()
    odo.goto(case)
    file = json.loads(saved(odo, "a:text-is('JSON')"))
    assert (file["outcome"], file["decision"]["finding"]) == ("human", "synthetic")
    assert file["log"] == receipt
    assert len(file["reviews"]) == 2
    assert "mallory" not in json.dumps(file)
    html = saved(odo, "a:text-is('HTML')")
    out.goto("about:blank")
    out.set_content(html)
    assert "Hurry explains" in out.locator("body").inner_text()
    assert out.locator("svg.drawing").count() == 2
    assert walked.store.verify().number == receipt["number"] + 2  # two exports
    # and finds what is edited
    with walked.store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE reviews SET answer = 'human' WHERE slot = 1")
    odo.goto("/log")
    go(odo, "text=Check the log")
    assert "it was edited" in odo.locator(".problem").inner_text()


def test_a_name_is_shown_to_who_says_why(people) -> None:
    ann = people["ann"]
    ann.goto("/cases/1")
    assert "mallory" not in ann.content()
    ann.click("text=Whose account it is")
    ann.fill("#why", "The platform asks whose it is.")
    go(ann, "text=Show the name")
    assert ann.locator("#name").inner_text() == "mallory"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_are_accessible(people, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for name, path in (("ray", "/desk"), ("ann", "/queue"), ("ann", "/cases/1"), ("odo", "/log"),
                       ("out", "/sign-in"), ("out", "/nowhere")):  # fmt: skip
        page = people[name]
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme=scheme)
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        assert page.locator("main h1").count() == 1
        found = Axe().run(page)
        assert found.violations_count == 0, (path, found.generate_report())
