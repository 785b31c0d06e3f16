"""Agreement, detection, HUSE and preferences against packages, formulas and worked examples."""

from __future__ import annotations

import math
import sys

import krippendorff as package
import numpy as np
import pytest

from hallmark.study.agreement import cronbach, krippendorff, omega
from hallmark.study.detection import boundary, d_prime, detection, huse
from hallmark.study.pairs import Preference, bradley_terry, share
from hallmark.study.ratings import Answer, Values


def test_krippendorff_is_that_of_the_package() -> None:
    table = np.array(
        [[1, 2, 3, 3, 2, 1, 4, 1, 2], [1, 2, 3, 3, 2, 2, 4, 1, 2], [0, 3, 3, 3, 2, 3, 4, 2, 2]]
    )
    rater, item = np.indices(table.shape).reshape(2, -1)
    values = Values(rater, item, item * 0, table.ravel().astype(float), ("a",))
    for level in ("interval", "ordinal", "nominal"):
        expected = package.alpha(table, level_of_measurement=level)
        found = krippendorff(values, level=level)
        assert found.value == pytest.approx(expected)
        assert found.low <= found.value <= found.high


def test_cronbach_and_omega_of_one_factor() -> None:
    """Items that share one factor with loadings .8 .7 .6 have omega (sum l)^2 / variance."""
    loadings = np.array([0.8, 0.7, 0.6])
    target = np.outer(loadings, loadings)
    np.fill_diagonal(target, 1.0)
    raw = np.random.default_rng(0).normal(size=(500, 3))
    raw -= raw.mean(0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw, rowvar=False))).T
    table = white @ np.linalg.cholesky(target).T
    assert omega(table) == pytest.approx(loadings.sum() ** 2 / target.sum(), abs=1e-4)
    assert cronbach(table) == pytest.approx(1.5 * (1 - 3 / target.sum()))
    assert math.isnan(omega(table[:, :2]))


def test_d_prime_is_the_textbook_one() -> None:
    value, criterion = d_prime(840, 999, 160, 999)
    assert value == pytest.approx(2 * 0.9944, abs=0.01)
    assert criterion == pytest.approx(0, abs=0.01)
    assert math.isfinite(d_prime(10, 10, 0, 10)[0])


def answer(rater: int, value: float, truth: float) -> Answer:
    return Answer(f"r{rater}", f"t{value}{truth}", "a", "author", value, truth=truth)


def test_accuracy_and_boundaries() -> None:
    rows = [answer(r, v, t) for r in range(10) for v, t in ((1, 1), (0, 1), (0, 0), (0, 0))]
    found = detection(rows)
    assert found.accuracy.value == 0.75
    assert found.criterion.value > 0
    spots = boundary([answer(r, v, 3) for r in range(4) for v in (3, 5)])
    assert (spots.exact.value, spots.distance.value) == (0.5, 1)
    with pytest.raises(ValueError, match="no answer has a truth"):
        detection([Answer("r", "t", "a", "author", 1.0)])


def test_huse_of_texts_alike_and_texts_apart() -> None:
    draw = np.random.default_rng(0)
    truth = np.repeat([False, True], 100)
    noise = draw.normal(size=(2, 200))
    alike = huse(noise[0], noise[1], np.ones(200), truth)
    assert alike.huse > 0.7
    apart = huse(noise[0] + 10 * truth, noise[1], np.ones(200), truth)
    assert (apart.huse, apart.quality, apart.diversity) == (0, 0, 1)
    diverse = huse(noise[0], noise[1] + 100 * truth, np.ones(200), truth)
    assert diverse.quality > 0.7
    assert diverse.diversity == pytest.approx(1 + diverse.huse - diverse.quality)


def test_bradley_terry_of_two_is_the_log_odds() -> None:
    rows = [Preference("a", "b", "a", i) for i in range(30)]
    rows += [Preference("b", "a", "b", 30 + i) for i in range(10)]
    found = bradley_terry(rows)
    assert found["a"].value - found["b"].value == pytest.approx(math.log(3), abs=1e-6)
    assert share(rows, "a").value == 0.75


def test_bradley_terry_of_three_in_closed_form() -> None:
    """Wins in the proportions 4:2:1 fit exactly, ties counted half."""
    strength = {"a": 4, "b": 2, "c": 1}
    rows = []
    for first, second, pairs in (("a", "b", 6), ("b", "c", 6), ("a", "c", 10)):
        wins = pairs * strength[first] // (strength[first] + strength[second])
        rows += [Preference(first, second, first if i < wins else second, len(rows) + i)
                 for i in range(pairs)]  # fmt: skip
    found = bradley_terry(rows)
    assert found["a"].value - found["b"].value == pytest.approx(math.log(2), abs=1e-6)
    assert found["a"].value - found["c"].value == pytest.approx(math.log(4), abs=1e-6)


def test_a_system_that_never_lost_has_no_strength() -> None:
    with pytest.raises(ValueError, match="no chain of wins leads from b to a"):
        bradley_terry([Preference("a", "b", "a")])


def test_without_the_extra_it_is_said_what_to_install(
    values: Values, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "krippendorff", None)
    with pytest.raises(ValueError, match=r"needs krippendorff.*install hallmark\[study\]"):
        krippendorff(values)
