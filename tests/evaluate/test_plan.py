"""Rows and columns: names, order, mixtures."""

from __future__ import annotations

import pytest

from hallmark.evaluate.plan import Column, column_of, ordered, rows_of


@pytest.mark.parametrize(
    ("source", "about", "size", "sampling"),
    [
        ("xl-1542M-k40", {}, "xl-1542M", "k40"),
        ("small-117M", {}, "small-117M", "pure"),
        ("poems", {}, "poems", "pure"),
        (
            "ladder-7M-nucleus", {"model": "ladder-7M", "sampling": {"setting": "nucleus0.9"}},
            "ladder-7M", "nucleus0.9",
        ),
    ],
)  # fmt: skip
def test_a_column_has_size_and_sampling(
    source: str, about: dict[str, object], size: str, sampling: str
) -> None:
    found = column_of(source, about, trained=True)
    assert (found.size, found.sampling) == (size, sampling)


def test_columns_are_in_order_of_size() -> None:
    names = ["1.5B", "a-774M", "ladder-0.5M", "other", "ladder-3M"]
    sizes = [c.size for c in ordered([Column(n, n, "pure") for n in names])]
    assert sizes == ["ladder-0.5M", "ladder-3M", "a-774M", "1.5B", "other"]


def test_rows_are_corpora_then_mixtures_and_none_twice() -> None:
    columns = [Column(f"{s}-{k}", s, k) for s in ("1M", "3M") for k in ("pure", "k40")]
    columns.append(Column("tuned-1M-pure", "tuned-1M", "pure", trained=False))
    rows = {row.name: row.sources for row in rows_of(columns)}
    assert list(rows) == [
        "1M pure", "1M k40", "3M pure", "3M k40", "1M mixed", "3M mixed", "all sizes pure",
        "all sizes k40", "everything",
    ]  # fmt: skip
    assert rows["3M mixed"] == ("3M-pure", "3M-k40")
    assert rows["all sizes k40"] == ("1M-k40", "3M-k40")
    assert rows["everything"] == tuple(c.source for c in columns if c.trained)


def test_a_single_corpus_has_one_row() -> None:
    assert [row.name for row in rows_of([Column("1M", "1M", "pure")])] == ["1M pure"]
