"""How long a visitor waits: from the button to the verdict on the page, in Chromium.

    python benchmarks/page.py                  # scripts/serve of a clean clone, in an empty home
    python benchmarks/page.py --clone FOLDER   # of a clone made there before, or made there now
    python benchmarks/page.py --here           # this installation

Each starts with nothing compiled. The first verdict of all, then --runs more on pages loaded anew,
and /api/detect asked by a program; the text is the bundled human one cut to about 500 tokens.
Also the first completion, and how long the start takes (without what pip does).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright
from serve import hallmark, started

from hallmark.models.sizes import BUNDLED
from hallmark.web.limits import Limits

ROOT = Path(__file__).parent.parent
TOKENS = 500
LAUNCH = ["--no-sandbox"]
CLICKED = """async () => {
  const began = performance.now();
  document.querySelector("#go").click();
  while (!document.querySelector(".band")) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return (performance.now() - began) / 1000;
}"""


def text_of(url: str) -> str:
    """The beginning of the bundled text that the service's model reads as about 500 tokens."""
    text = (BUNDLED / "texts" / "human.txt").read_text(encoding="utf-8")
    body = {"text": text, "max_tokens": TOKENS}
    (found,) = httpx.post(f"{url}/api/score", json=body, timeout=60).json()["scores"]
    return "".join(found["tokens"])


def verdict(page: Page, url: str, text: str) -> float:
    """Seconds from the click to the frame that shows the band."""
    page.goto(f"{url}/detect")
    page.fill("#text", text)
    return float(page.evaluate(CLICKED))


def asked(url: str, path: str, body: dict[str, object]) -> float:
    """Seconds of one request."""
    began = time.perf_counter()
    httpx.post(url + path, json=body, timeout=120).raise_for_status()
    return time.perf_counter() - began


def measure(url: str, runs: int) -> None:
    whole = (BUNDLED / "texts" / "human.txt").read_text(encoding="utf-8")
    cut = whole[: round(len(whole) * 0.85)]  # nothing may be asked before the first verdict
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=LAUNCH
        )  # fmt: skip
        page = browser.new_page()
        first = verdict(page, url, cut)
        text = text_of(url)
        more = sorted(verdict(page, url, text) for _ in range(runs))
        browser.close()
    api = sorted(asked(url, "/api/detect", {"text": text}) for _ in range(4 * runs))
    writing = asked(url, "/v1/completions", {"prompt": "The city", "max_tokens": 16})
    print("| what | seconds |\n|---|---|")
    print(f"| verdict on the page, the very first | {first:.2f} |")
    print(f"| verdict on the page, after that (n {runs}) | {spread(more)} |")
    print(f"| /api/detect (n {len(api)}) | {spread(api)} |")
    print(f"| the first completion, 16 tokens | {writing:.2f} |")


def spread(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} ({times[0]:.2f} to {times[-1]:.2f})"


def clone(folder: Path) -> list[str]:
    """`scripts/serve` of a clone of what is committed, installed."""
    if not folder.exists():
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "pull", "--quiet", "--ff-only"], check=True)
    install = ". scripts/environment.sh; environment web"
    subprocess.run(["bash", "-c", install], check=True, cwd=folder)
    return [str(folder / "scripts" / "serve"), "--quiet"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--here", action="store_true")
    parser.add_argument("--clone", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--port", type=int, default=8192)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        home.mkdir()
        away = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "XDG_DATA_HOME": str(home)}
        os.environ.update(away, NUMBA_CACHE_DIR=str(home / "compiled"))
        if args.here:
            limits = Limits()
            command = hallmark("ladder-7M", args.port, slots=limits.slots, queue=limits.queue)
        else:
            folder = (args.clone or Path(scratch) / "clone").absolute()
            command = [*clone(folder), "--port", str(args.port)]
        began = time.perf_counter()
        with started(command, args.port, ready="/readyz") as (url, _):
            print(f"ready {time.perf_counter() - began:.1f} s after the start, nothing compiled\n")
            measure(url, args.runs)


if __name__ == "__main__":
    sys.exit(main())
