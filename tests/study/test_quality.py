"""What is flagged about a rater, and what is not."""

from __future__ import annotations

from hallmark.study.quality import Seen, flags


def pages(seconds: float, values: list[int], words: int = 100) -> list[Seen]:
    return [Seen(seconds, words, {"credibility": v, "author": v % 2}) for v in values]


def test_a_careful_rater_is_not_flagged() -> None:
    assert flags(pages(25, [3, 7, 5, 6])) == []
    assert flags([]) == []


def test_haste_sameness_absence_and_failed_checks_are() -> None:
    assert flags(pages(9, [3, 7, 5, 6])) == ["faster than reading"]  # 667 words a minute
    assert flags(pages(11, [3, 7, 5, 6])) == []
    assert flags(pages(25, [7, 7, 7, 7])) == ["always the same answers"]
    assert flags(pages(25, [7, 7, 7])) == []  # three alike say nothing
    assert flags([*pages(25, [3, 7]), *pages(700, [5])]) == ["long away"]
    assert flags(pages(25, [3, 7]), attention_failed=1) == ["failed an attention check"]
    assert flags(pages(0, [1])) == ["faster than reading"]
