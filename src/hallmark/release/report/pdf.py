"""The report as a PDF, by a Chromium that is already on the machine; nothing is fetched."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
    "microsoft-edge",
)  # fmt: skip
_SECONDS = 120


def print_pdf(page: Path) -> Path:
    """Print a page beside itself; ValueError without Chromium, with another way."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise ValueError(
            f"no Chromium is on this machine; open {page} in any browser and print it to a PDF"
        )
    out = page.with_suffix(".pdf")
    with tempfile.TemporaryDirectory() as work:
        made = Path(work) / out.name
        command = [
            browser, "--headless", "--disable-gpu", "--no-pdf-header-footer",
            f"--user-data-dir={work}/profile", f"--print-to-pdf={made}", page.resolve().as_uri(),
        ]  # fmt: skip
        if os.name == "posix" and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium refuses root otherwise
        try:
            subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            made.unlink(missing_ok=True)
        if not made.is_file():
            raise ValueError(f"{browser} printed no PDF; open {page} in a browser and print it")
        shutil.copyfile(made, out)
    return out
