"""Paths pick one value, or say what is there instead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallmark.release.paths import find, parse_path

RESULT = {
    "cells": [
        {"trained": "pure", "tested": "k40", "fpr": 0.01, "accuracy": {"value": 0.9}},
        {"trained": "pure", "tested": "k40", "fpr": 0.1, "accuracy": {"value": 0.95}},
        {"trained": "k40", "tested": "k40", "fpr": None, "accuracy": {"value": 0.8}, "own": True},
        {"about": {"higher": "355M", "lower": "124M"}, "n": 1, "name": "a, b] = c"},
    ],
    "means": {"ladder-0.5M": 3, "a b": 4, 'x"y': 5},
    "none": None,
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("cells[trained=k40,tested=k40].accuracy.value", 0.8),
        ("cells[fpr=0.01].accuracy.value", 0.9),
        ("cells[ trained = pure , fpr = 0.10 ].accuracy.value", 0.95),
        ("cells[fpr=null].accuracy.value", 0.8),
        ("cells[own=true].accuracy.value", 0.8),
        ("cells[about.higher=355M,about.lower=124M].n", 1),
        ('cells[name="a, b] = c"].n', 1),
        ('means."ladder-0.5M"', 3),
        ("means.a b", 4),
        (r'means."x\"y"', 5),
        ("none", None),
        ('cells[name="a, b] = c",n=1].about.higher', "355M"),
    ],
)
def test_a_path_names_one_value(path: str, value: Any) -> None:
    assert find(RESULT, parse_path(path))[-1] == value


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("rows", "there is no 'rows'; there is cells, means, none"),
        ("means.x.y", "there is no 'x'; there is ladder-0.5M, a b"),
        ("none.x", "there is no 'x'; there is null"),
        ("cells[trained=pure]", "2 of 4 cells are [trained=pure], not one"),
        ("cells[trained=top]", "0 of 4 cells are [trained=top], not one"),
        ("cells[own=1]", "0 of 4 cells are [own=1], not one"),
        ("means[a=b]", "'means' is an object, no list to pick [a=b] from"),
    ],
)
def test_where_there_is_no_such_value(path: str, message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011
        find(RESULT, parse_path(path))
    assert message in str(error.value)


@pytest.mark.parametrize(
    "path",
    ["", " ", ".", "a.", ".a", "a[", "a[]", "a[b]", "a[b=]", "a[b=c", "a]b", 'a."b', "a[b=c]d"],
)
def test_what_is_no_path_shows_the_grammar(path: str) -> None:
    with pytest.raises(ValueError, match=r"is no path .*names joined by dots"):
        parse_path(path)


def test_names_are_put_in_whole_whatever_they_hold() -> None:
    steps = parse_path("cells[trained={stage}-k40].x", {"stage": "0.5M, [a]"})
    assert steps[0].conditions == ((("trained",), "0.5M, [a]-k40"),)


@given(st.text(max_size=30))
def test_any_text_is_a_path_or_a_value_error(text: str) -> None:
    try:
        steps = parse_path(text)
    except ValueError:
        return
    assert steps
