"""Words, numbers and marks."""

from __future__ import annotations

from hallmark.detect.words import Words


def test_pieces_in_order() -> None:
    words = Words("Don't pay $3,500.25 to J. O'Neil (him)!")
    assert words.pieces == [
        "Don't", "pay", "$", "3,500.25", "to", "J", ".", "O'Neil", "(", "him", ")", "!",
    ]  # fmt: skip
    assert words.lower == ["don't", "pay", "to", "j", "o'neil", "him"]


def test_other_scripts_are_marks_one_by_one() -> None:
    assert Words("\u00e9t\u00e9 \U0001f600").pieces == ["\u00e9", "t", "\u00e9", "\U0001f600"]
    assert Words("\u00e9\u00e9").words == []
    assert Words("").pieces == []
