"""Screenshots of a study's pages into docs/pages, of a study that is being served:

    HALLMARK_STUDY_PASSWORD=... python recipes/study_pages.py http://127.0.0.1:8090

The rater's pages are those of a dry run; the dashboard shows the bots that `hallmark study bots`
sent. Needs Chromium.
"""

from __future__ import annotations

import os
import shutil
import sys

from playwright.sync_api import Browser, Page, sync_playwright
from screenshots import SIZES, save

POINTS = (7, 5, 8)


def new_page(browser: Browser, url: str, size: str, scheme: str) -> Page:
    width, height = SIZES[size]
    view = {"width": width, "height": height}
    return browser.new_page(base_url=url, viewport=view, color_scheme=scheme)


def rater(page: Page, name: str) -> None:
    """From consent to the code; each page once."""
    page.goto("/?simulated=1")
    save(page, f"study-consent-{name}")
    page.click("text=I agree")
    page.click("text=Go on")
    page.get_by_label("How credible it is").check()
    save(page, f"study-check-{name}")
    page.get_by_label("No", exact=True).check()
    with page.expect_navigation():
        page.click("text=Check my answers")
    number = 1
    while page.locator("article").count():
        page.get_by_text(f"Page {number} of").wait_for()
        groups = {i.get_attribute("name") for i in page.locator("input[type=radio]").all()}
        for place, group in enumerate(sorted(groups)):
            choices = page.locator(f"input[name='{group}']")
            choices.nth(min(POINTS[place % 3], choices.count() - 1)).check()
        if number == 4:
            page.evaluate("document.activeElement.blur()")
            save(page, f"study-reading-{name}")
        with page.expect_navigation():
            page.click("form button.main")
        number += 1
    page.click("text=Finish")
    page.locator("#code").wait_for()
    save(page, f"study-debrief-{name}")


def dashboard(page: Page, name: str) -> None:
    """What the researcher sees of the bots."""
    page.goto("/researcher")
    page.fill("#password", os.environ["HALLMARK_STUDY_PASSWORD"])
    page.click("form button.main")
    page.click("text=Bots")
    page.get_by_text("These raters are bots").wait_for()
    page.wait_for_timeout(300)
    save(page, f"study-dashboard-{name}")


def main(url: str) -> None:
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for size, scheme in (("desktop", "light"), ("phone", "dark")):
            dashboard(new_page(browser, url, size, scheme), f"{size}-{scheme}")
            rater(new_page(browser, url, size, scheme), f"{size}-{scheme}")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
