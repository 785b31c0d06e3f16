"""What the page says of the bundled detector's numbers."""

import math
import re
from pathlib import Path

from hallmark.detect.experts import SHARES
from hallmark.detect.judge import load_detector


def test_the_bundled_ratios_go_as_far_as_the_page_says(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "detectors.md"
    row = r"^   \| (\d+) \| ([\d,]+) \| ([\d,]+) \| 1/(\d+) \| (\d+) \|$"
    table = re.findall(row, page.read_text("utf-8"), re.MULTILINE)
    calibration = load_detector("bundled", home=tmp_path).detector.calibration
    found = [
        (
            str(r.tokens), f"{sum(map(len, r.human.values())):,}", f"{len(r.synthetic):,}",
            f"{math.exp(-calibration.log_ratio(-1e3, r.tokens)):.0f}",
            f"{math.exp(calibration.log_ratio(1e3, r.tokens)):.0f}",
        )
        for r in calibration.references
    ]  # fmt: skip
    assert found == table


def test_the_page_has_the_landmarks_and_the_shares(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "detectors.md").read_text("utf-8")
    experts = load_detector("bundled", home=tmp_path).detector.experts
    pure, truncated = (f"{share:.2f}".removeprefix("0") for share in SHARES)
    assert f"{len(experts.landmarks)} *landmarks*" in page
    assert f"averaged with weights {pure}\n   and {truncated}" in page
