"""Exact and near duplicates are found; what is only alike is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hallmark.lm.corpus.duplicates import Duplicates, HashTable, digest, signature


def ids(seed: int, length: int = 400) -> list[int]:
    return np.random.default_rng(seed).integers(0, 8000, length).tolist()


def test_case_width_and_spacing_do_not_count() -> None:
    assert (
        digest("The  Cat\n")
        == digest(" the cat")
        == digest("\N{FULLWIDTH LATIN SMALL LETTER T}he cat")
    )
    assert digest("the cat") != digest("the cats")


def test_a_table_grows_and_forgets_nothing(tmp_path: Path) -> None:
    table = HashTable(tmp_path, "t", capacity=4)
    keys = np.random.default_rng(0).integers(1, 2**63, 500).tolist()
    assert [table.add(key, row) for row, key in enumerate(keys)] == [None] * 500
    assert [table.add(key, 0) for key in keys] == list(range(500))
    assert len(table) == 500
    assert len(list(tmp_path.iterdir())) == 1


def test_signatures_estimate_jaccard_similarity() -> None:
    factors = np.random.default_rng(0).integers(1, 2**63, 4096, dtype=np.uint64) * 2 + 1
    one = ids(0, 1000)
    other = one[:700] + ids(1, 300)
    runs = [{tuple(x[i : i + 5]) for i in range(len(x) - 4)} for x in (one, other)]
    exact = len(runs[0] & runs[1]) / len(runs[0] | runs[1])
    found = [signature(np.array(x, dtype=np.uint64), factors) for x in (one, other)]
    assert abs(np.mean(found[0] == found[1]) - exact) < 4 * np.sqrt(exact * (1 - exact) / 4096)


def test_near_duplicates_are_turned_away() -> None:
    one = ids(0)
    edited = [*one[:200], 7, *one[201:]]  # 10 of some 800 runs differ
    half = one[:200] + ids(1, 200)
    with Duplicates() as seen:
        assert not seen.seen("one", one)
        assert seen.seen("edited", edited)
        assert not seen.seen("half", half)
        assert not seen.seen("other", ids(2))
        assert seen.seen("ONE ", one)
        assert (seen.exact, seen.near) == (1, 1)
    with Duplicates(near=False) as exact:
        assert not exact.seen("one", one)
        assert not exact.seen("edited", edited)


def test_what_was_turned_away_does_not_turn_away() -> None:
    """Three texts, each 0.9 like the one before: the third is not like the first."""
    first = ids(0)
    second = [*first[:360], *ids(1, 40)]
    third = [*second[60:], *ids(2, 60)]
    with Duplicates() as seen:
        assert not seen.seen("1", first)
        assert seen.seen("2", second)
        assert not seen.seen("3", third)


def test_short_texts_are_compared_exactly() -> None:
    with Duplicates() as seen:
        assert not seen.seen("a b", [1, 2])
        assert not seen.seen("a c", [1, 3])
        assert seen.seen("A B", [4, 5])


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with Duplicates(where=tmp_path) as seen:
        seen.seen("one", ids(0))
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())
