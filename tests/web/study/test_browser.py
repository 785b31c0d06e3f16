"""A rater's walk in a real browser, by keyboard and phone, with axe on every page. Skipped only
where no Chromium is installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hallmark.study.asking import attention_values
from hallmark.study.store import Store
from hallmark.study.store_reading import answers_of, raters_of

PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1200, "height": 900}


@pytest.fixture
def tab(browser: Any, url: str) -> Iterator[Any]:
    """Opens tabs that fail the test on an error, or on a request to anywhere else."""
    wrong: list[str] = []
    contexts = []

    def open_tab(**given: Any) -> Any:
        contexts.append(browser.new_context(base_url=url, **given))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("request", lambda r: r.url.startswith(url) or wrong.append(r.url))
        return page

    yield open_tab
    for context in contexts:
        context.close()
    assert wrong == []


def check_page(page: Any) -> None:
    """No violation that axe calls serious or worse, and nothing to scroll sideways for."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    serious = [v for v in found if v["impact"] in ("serious", "critical")]
    assert serious == [], [(v["id"], [n["html"] for n in v["nodes"]]) for v in serious]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


def choose(page: Any, name: str, value: int) -> None:
    page.locator(f"input[name='{name}'][value='{value}']").check()


def answer(page: Any, store: Store) -> None:
    """Fill the page's form as a careful rater."""
    names = {i.get_attribute("name") for i in page.locator("input[type=radio]").all()}
    asked = "checks that the texts are read" in page.locator(".text").inner_text()
    wanted = attention_values(store.study, "attention-1") if asked else dict.fromkeys(names, 1)
    for name in names:
        choose(page, name, wanted[name])


@pytest.mark.parametrize(
    ("view", "scheme"), [(DESKTOP, "dark"), (PHONE, "light")], ids=["desktop", "phone"]
)
def test_the_whole_walk_and_axe_on_every_page(tab, store: Store, view, scheme) -> None:
    page = tab(viewport=view, color_scheme=scheme)
    page.goto("/")
    check_page(page)
    page.click("text=I agree")
    check_page(page)
    page.click("text=Go on")
    check_page(page)
    page.get_by_label("How long it is").check()
    page.get_by_label("No", exact=True).check()
    page.click("text=Check my answers")
    page.wait_for_selector("[role=alert]")
    check_page(page)
    page.get_by_label("How credible it is").check()
    page.get_by_label("No", exact=True).check()
    page.click("text=Check my answers")
    for number in range(1, 5):
        page.get_by_text(f"Page {number} of 4").wait_for()
        answer(page, store)
        if number < 3:
            check_page(page)
        page.click("form button.main")
    page.get_by_label("How old are you?").fill("34")
    check_page(page)
    page.click("text=Finish")
    page.locator("#code").wait_for()
    check_page(page)
    assert raters_of(store)[0].status == "completed"
    assert len(answers_of(store)) == 18


def to_first_text(page: Any) -> None:
    page.goto("/")
    page.click("text=I agree")
    page.click("text=Go on")
    page.get_by_label("How credible it is").check()
    page.get_by_label("No", exact=True).check()
    page.click("text=Check my answers")
    page.get_by_text("Page 1 of 4").wait_for()


def test_back_double_click_reload_and_a_second_tab_change_nothing(tab, store: Store) -> None:
    page = tab()
    to_first_text(page)
    other = page.context.new_page()  # the second tab, on the same text
    other.goto("/")
    other.get_by_text("Page 1 of 4").wait_for()
    answer(page, store)
    page.locator("form button.main").dblclick()
    page.get_by_text("Page 2 of 4").wait_for()
    first = answers_of(store)
    page.go_back()
    page.reload()
    page.get_by_text("Page 2 of 4").wait_for()
    for name in ("overall", "author"):
        choose(other, name, 0 if name == "author" else 7)
    answer(other, store)
    other.click("form button.main")
    other.get_by_text("Page 2 of 4").wait_for()
    assert answers_of(store) == first
    assert len(raters_of(store)) == 1


def test_the_keyboard_alone_is_enough(tab, store: Store) -> None:
    page = tab()
    to_first_text(page)
    page.locator("input[type=radio]").first.focus()
    for _ in range(6):  # a group each: an arrow chooses, Tab goes on
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Next page"
    page.keyboard.press("Enter")
    page.get_by_text("Page 2 of 4").wait_for()


def test_the_dashboard(tab, store: Store) -> None:
    store.begin("a")
    page = tab(viewport=PHONE)
    page.goto("/researcher")
    check_page(page)
    page.fill("#password", "correct horse battery")
    page.click("text=Sign in >> nth=-1")
    page.get_by_role("heading", name="Progress").wait_for()
    check_page(page)
    page.click("text=Pause >> nth=0")
    page.locator(".state.paused").wait_for()
    assert store.state() == "paused"
    store.set_state("closed")
    store.release_abandoned()
    page.evaluate("refresh()")
    with page.expect_download() as saved:
        page.get_by_role("link", name="raters.csv").click()
    assert saved.value.path().read_text().startswith("rater,status")
