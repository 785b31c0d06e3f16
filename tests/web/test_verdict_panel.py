"""The Detect page's panel of one verdict, at answers that the bundled detector seldom gives."""

from __future__ import annotations

import pytest

TEXT = "Any text."
VERDICT = {
    "score": 1.5, "raw_score": 1.5, "prior": 0.5, "reason": "", "tokens_used": 200,
    "tokens_total": 200, "tampered": False, "repairs": {}, "calibration": None,
    "false_positive_rate": 0.014, "false_positive_n": 220,
    "false_negative_rate": 0.0025, "false_negative_n": 1207,
}  # fmt: skip
SYNTHETIC = {"band": "likely synthetic", "likelihood_ratio": 60, "probability": 60 / 61}
HUMAN = {"band": "likely human", "likelihood_ratio": 1 / 60, "probability": 1 / 61}


def shown(page, verdict: dict[str, object], human_as_high: int, synthetic_as_high: int) -> str:
    """What the panel says of the verdict beside so many of 220 human, 1,207 synthetic texts."""
    flags = {
        "human": 220, "human_as_high": human_as_high,
        "synthetic": 1207, "synthetic_as_high": synthetic_as_high,
    }  # fmt: skip
    answer = {"detector": "bundled", "verdicts": [VERDICT | verdict | {"flags": flags}]}
    page.goto("/detect")
    page.route("**/api/detect", lambda route: route.fulfill(json=answer))
    page.fill("#text", TEXT)
    page.click("#go")
    page.locator("#told p").first.wait_for()
    return " ".join(page.locator("#told").inner_text().split())


@pytest.mark.parametrize("human_as_high", [0, 1])
def test_flags_among_which_no_text_is_synthetic_are_not_counted(page, human_as_high):
    told = shown(page, SYNTHETIC, human_as_high, 0)
    assert "cannot be counted: none of 1,207 synthetic texts of this length scored as high" in told
    assert "100 %" not in told
    assert page.locator("#told .split, #wrong").count() == 0
    assert page.locator("#probability").inner_text() == "98 %"


def test_flags_are_counted_from_one_synthetic_text_on(page):
    told = shown(page, SYNTHETIC, 0, 1)  # 500 / 1207 found, and up to 7 human ones
    assert "0.4 synthetic, found" in told
    assert "up to 7 human, flagged wrongly" in told
    assert "wrong: up to 94 %" in told
    assert page.locator("#told .split").count() == 1
    assert "probability above is about texts with just this score" in told
    page.fill("#prior-percent", "1")  # 60 to 99: no claim, so no probability above
    told = page.locator("#told").inner_text()
    assert "up to" in told
    assert "probability above" not in told
    assert "is synthetic is 38 %" in page.locator("#details").inner_text()


def test_passes_among_which_no_text_is_human_are_not_counted(page):
    told = shown(page, HUMAN, 220, 1207)
    assert "cannot be counted: none of 220 human texts of this length scored lower" in told
    assert page.locator("#told .split, #wrong").count() == 0
    assert page.locator("#probability").inner_text() == "1.6 %"


def test_passes_are_counted_from_one_human_text_on(page):
    told = shown(page, HUMAN, 219, 1207)  # 500 / 220 human, up to 500 x 0.0025 missed
    assert "2.3 human" in told
    assert "up to 1.3 synthetic, missed" in told
    assert page.locator("#told .split").count() == 1
