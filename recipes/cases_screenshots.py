"""Screenshots of the pages for cases into docs/pages: `python recipes/cases_screenshots.py FOLDER`.

FOLDER is what `recipes/cases_demo.py` made; a case is walked from the queue to an appeal in a copy
of its database. Needs Chromium.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from screenshots import SIZES, save

from hallmark.detect.judge import load_detector
from hallmark.detect.verdict import BUNDLED_DETECTOR
from hallmark.evidence.store import open_cases
from hallmark.lm.model import LanguageModel
from hallmark.models.sizes import BUNDLED
from hallmark.web.cases.serving import reading, server

REASONS = {
    "rosa": "The posts begin alike, drift without a point, and name nobody who could be asked.",
    "rui": "Sentences are well formed, but nothing follows from what came before. Some posts are "
    "the same as those of other accounts.",
    "anna": "Both reviewers, who did not know of each other, found the texts to look synthetic; "
    "fourteen posts name nothing that can be checked.",
}
APPEAL = "I run this account for a choir and post from a template. I can show my drafts."
VIEWS = [("desktop", "light"), ("desktop", "dark"), ("phone", "light"), ("phone", "dark")]


@contextmanager
def served(database: Path) -> Iterator[str]:
    store, ready, found = open_cases(database), threading.Event(), []
    judge = load_detector(BUNDLED_DETECTOR, home=database.parent)
    model = LanguageModel.load(BUNDLED / "ladder-7M")

    def listening(address: str) -> None:
        found.append(address.rstrip("/"))
        ready.set()

    with reading(judge, model) as tokens:
        run, stop = server(store, host="127.0.0.1", port=0, tokens=tokens, listening=listening)
        thread = threading.Thread(target=run)
        thread.start()
        try:
            ready.wait(60)
            yield found[0]
        finally:
            stop()
            thread.join()
            store.close()


def enter(browser: Browser, url: str, name: str, password: str) -> Page:
    page = browser.new_page(base_url=url)
    page.goto("/sign-in")
    page.fill("[name=name]", name)
    page.fill("[name=password]", password)
    page.click("main button.main")
    page.wait_for_url(lambda at: "sign-in" not in at)
    return page


def everywhere(page: Page, name: str, *, screens: int = 2) -> None:
    for size, scheme in VIEWS:
        width, height = SIZES[size]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        save(page, f"cases-{name}-{size}-{scheme}", screens=screens)


def answer(page: Page, who: str, label: str) -> None:
    page.get_by_label(label, exact=True).check()
    page.fill("#reasons", REASONS[who])


def main(folder: Path) -> None:
    passwords = json.loads((folder / "passwords.json").read_text())
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        database = Path(shutil.copy(folder / "cases.db", scratch))
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with served(database) as url:
            people = {name: enter(browser, url, name, passwords[name]) for name in passwords}
            for name in ("rosa", "rui"):
                page = people[name]
                page.click("text=Take the next case")
                if name == "rui":
                    page.locator("button.tokens").nth(1).click()
                    page.locator(".read .text").wait_for()
                    answer(page, name, "Synthetic")
                    everywhere(page, "review")
                else:
                    answer(page, name, "Synthetic")
                case = page.url
                page.click("text=Send my review")
            page = people["anna"]
            page.goto("/queue")
            everywhere(page, "queue")
            page.goto(case)
            answer(page, "anna", "Synthetic")
            everywhere(page, "case", screens=4)
            page.click("button:text('Decide')")
            link = page.locator("#link").inner_text()
            page.goto(link)
            page.fill("#statement", APPEAL)
            everywhere(page, "appeal")
            page.click("text=Send the appeal")
            page = people["otto"]
            page.goto("/log")
            page.click("button:text('Check the log')")
            everywhere(page, "log")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
