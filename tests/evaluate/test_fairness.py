"""Rates and tests by group and length, against scipy and counts made by hand."""

from __future__ import annotations

import pytest
from scipy.stats import fisher_exact

from hallmark.evaluate.fairness import Judged, markdown, measure
from hallmark.stats import clopper_pearson_upper, wilson


def group(name: str, errors: int, n: int, *, length: int = 100) -> list[Judged]:
    return [Judged(name, length, i < errors) for i in range(n)]


TEXTS = [
    *group("a", 2, 200), *group("b", 30, 100), *group("c", 1, 40), *group("d", 0, 5),
    *group("a", 5, 50, length=30), *group("b", 0, 9, length=30), *group("a", 9, 9, length=3),
]  # fmt: skip


def test_rates_with_their_intervals() -> None:
    rates = {(r.group, r.least): r for r in measure(TEXTS, lengths=[10, 64]).rates}
    assert set(rates) == {(g, 64) for g in "abcd"} | {("a", 10), ("b", 10)}
    assert rates["b", 64].rate == wilson(30, 100)
    assert rates["b", 64].bound == clopper_pearson_upper(30, 100)
    assert [k for k, r in rates.items() if r.says_little] == [("b", 10), ("d", 64)]


def test_differences_are_within_a_length_and_corrected() -> None:
    found = {d.group: d for d in measure(TEXTS, lengths=[10, 64]).differences}
    assert set(found) == {"a", "b", "c"}
    raw = {
        "a": fisher_exact([[2, 198], [31, 114]]).pvalue,
        "b": fisher_exact([[30, 70], [3, 242]]).pvalue,
        "c": fisher_exact([[1, 39], [32, 273]]).pvalue,
    }
    smallest, middle, largest = sorted(raw, key=raw.__getitem__)
    assert found[smallest].p == pytest.approx(3 * raw[smallest])
    assert found[middle].p == pytest.approx(2 * raw[middle])
    assert found[largest].p == pytest.approx(max(raw[largest], 2 * raw[middle]))
    assert found["b"].difference.value == pytest.approx(0.3 - 3 / 245)
    assert found["b"].difference.low > 0.15


def test_the_interval_is_newcombes() -> None:
    """His example: 56 of 70 against 48 of 80 gives 0.0524 to 0.3339 (1998, table II)."""
    texts = [*group("x", 56, 70), *group("y", 48, 80)]
    difference = measure(texts, lengths=[1]).differences[0].difference
    assert (difference.low, difference.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_the_tables_say_what_is_too_small_and_what_differs() -> None:
    text = markdown(measure(TEXTS, lengths=[64]))
    assert "| 64 | d | 0 of 5 (n < 29: says little) |" in text
    assert next(line for line in text.splitlines() if "differs" in line).startswith("| 64 | a |")
