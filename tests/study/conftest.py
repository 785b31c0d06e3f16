"""A small study and the layout of its ratings."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from hallmark.study.definition import Study, parse_study
from hallmark.study.ratings import Values
from hallmark.study.template import study_file


@pytest.fixture
def study() -> Study:
    """The study file that `hallmark study new` writes, for three models and people."""
    files = {"355M": "a.jsonl", "774M": "b.jsonl", "1.5B": "c.jsonl", "human": "h.jsonl"}
    return parse_study(tomllib.loads(study_file(files, human=["human"])))


@pytest.fixture
def values() -> Values:
    """150 ratings of twelve texts in three conditions by fifteen raters, with known effects."""
    draw = np.random.default_rng(0)
    rater, item = draw.integers(15, size=150), draw.integers(12, size=150)
    value = 5 + 0.7 * (item % 3) + draw.normal(0, 1, 15)[rater] + draw.normal(0, 0.5, 12)[item]
    return Values(rater, item, item % 3, value + draw.normal(0, 1.5, 150), ("a", "b", "c"))
