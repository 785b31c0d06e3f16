"""One form for every text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hallmark.detect.normalise import normalise


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("", ""),
        (" \n\t ", ""),
        ("\u201cone\u201d \u2018two\u2019 it\u2019s", "\"one\" 'two' it's"),
        ("1939\u20131945 \u2014 a war", "1939-1945 - a war"),
        ("one\r\n\r\n  two\u00a0three\u2003four", "one two three four"),
        ("\ufb01ne\u2026 \uff21", "fine... A"),
        ("cafe\u0301", "caf\u00e9"),
    ],
)
def test_what_it_folds(text: str, plain: str) -> None:
    assert normalise(text) == plain


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=60))
def test_a_second_time_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert once == once.strip()
    assert "  " not in once
