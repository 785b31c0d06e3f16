"""`hallmark demo` from end to end, with a tiny model and a stand-in detector."""

from __future__ import annotations

import json
from pathlib import Path

from hallmark.cli import demo
from hallmark.cli.verdicts import sentences
from hallmark.detect.judge import load_detector
from hallmark.detect.verdict import BUNDLED_DETECTOR


def test_the_demo_shows_three_verdicts(run_cli, judge, tiny_model: Path) -> None:
    result = run_cli("demo", "--model", tiny_model)
    assert result.code == 0
    assert result.out.count("Tokens used:") == 3
    assert "Why: " in result.out
    assert "What the numbers mean" in result.out
    assert "the demo took" in result.err


def test_the_demo_as_json(run_cli, judge, tiny_model: Path) -> None:
    result = run_cli("demo", "--model", tiny_model, "--json")
    assert result.err == ""
    whole = json.loads(result.out)
    assert [v["band"] for v in whole["verdicts"]] == [
        whole["verdicts"][0]["band"],
        "likely human",
        "cannot tell",
    ]
    assert run_cli("demo", "--model", tiny_model, "--json").out == result.out


def test_the_human_text_is_long_enough_to_be_judged() -> None:
    assert len(demo.HUMAN.read_text(encoding="utf-8").split()) > 250


def test_readme_has_the_verdict_on_the_human_text(tmp_path: Path) -> None:
    """What it shows of the model's text may differ between processors; this may not."""
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    (verdict,) = load_detector(BUNDLED_DETECTOR, home=tmp_path).judge(
        [demo.HUMAN.read_text(encoding="utf-8")]
    )
    for line in sentences(verdict):
        assert line in readme
