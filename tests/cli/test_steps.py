"""What work in steps says off a terminal."""

from __future__ import annotations

import pytest

from hallmark.cli.steps import line, report
from hallmark.evaluate.crosstable import Step


def test_the_time_left_is_that_of_units_before() -> None:
    assert line(Step(0, 4, "a"), 9.0, "rows") == "hallmark: 0 of 4 rows; a"
    assert line(Step(1, 4, "b"), 60.0, "rows") == "hallmark: 1 of 4 rows, 0:03:00 left; b"


def test_what_an_earlier_start_did_says_nothing_of_the_speed() -> None:
    assert line(Step(3, 5, "c"), 60.0, "rows", first=2) == "hallmark: 3 of 5 rows, 0:02:00 left; c"


def test_a_step_that_goes_on_is_not_said_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    with report(quiet=False, unit="rows") as tell:
        for done in range(100):
            tell(Step(done, 100, "long"))
        tell(Step(100, 100, "done"))
    assert len(capsys.readouterr().err.splitlines()) == 2
