"""Screenshots of the four pages into docs/pages: `python recipes/screenshots.py http://127.0.0.1:8080`.

Desktop and phone, light and dark, of a service that runs with the bundled models. Needs Chromium.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

OUT = Path(__file__).parent.parent / "docs" / "pages"
SIZES = {"desktop": (1200, 900), "phone": (390, 844)}
COLOURS = 256


def detect(page: Page) -> None:
    page.click("#example")
    page.wait_for_selector(".band")


def inspect(page: Page) -> None:
    page.click("#example")
    page.locator("#tokens span").nth(60).hover()


def write(page: Page) -> None:
    page.fill("#seed", "4")
    page.click("#go")
    page.locator("#out [data-i]").nth(60).wait_for()
    page.wait_for_selector("#go:not([disabled])")
    page.locator("#out [data-i]").nth(30).hover()


def learn(page: Page) -> None:
    page.click("#next")
    page.locator("#sentences button").nth(2).click()


def save(page: Page, name: str, *, screens: int = 2) -> None:
    """The page as it looks, at most two screens of it (or so many)."""
    view = page.viewport_size
    assert view is not None
    tall = min(page.evaluate("document.documentElement.scrollHeight"), screens * view["height"])
    clip = {"x": 0, "y": 0, "width": view["width"], "height": tall}
    shot = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip)))
    shot.convert("RGB").quantize(COLOURS).save(OUT / f"{name}.png", optimize=True)


def main(url: str) -> None:
    OUT.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for size, (width, height) in SIZES.items():
            for scheme in ("light", "dark"):
                for prepare in (detect, inspect, write, learn):
                    view = {"width": width, "height": height}
                    page = browser.new_page(viewport=view, color_scheme=scheme)
                    page.goto(f"{url.rstrip('/')}/{prepare.__name__}")
                    prepare(page)
                    save(page, f"{prepare.__name__}-{size}-{scheme}")
                    page.close()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
