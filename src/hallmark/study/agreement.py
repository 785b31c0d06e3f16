"""How well raters agree, and how well the items of an index hang together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hallmark.stats import Estimate, Floats, bootstrap
from hallmark.study.ratings import Answer, Values

Level = Literal["nominal", "ordinal", "interval"]
_RESAMPLES = 500


def item_table(answers: Sequence[Answer], questions: Sequence[str]) -> tuple[Floats, list[str]]:
    """Answers to the items of an index, one row for a text of a rater, and each row's rater."""
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for a in answers:
        if a.question in questions:
            rows.setdefault((a.rater, a.text), {})[a.question] = a.value
    whole = {key: row for key, row in rows.items() if len(row) == len(questions)}
    table = np.array([[row[q] for q in questions] for row in whole.values()])
    return table.reshape(-1, len(questions)), [key[0] for key in whole]


def cronbach(table: ArrayLike) -> float:
    """Cronbach's (1951) alpha of items in columns: k/(k-1) (1 - sum of variances / of total)."""
    covariance = np.cov(np.asarray(table, dtype=np.float64), rowvar=False)
    if covariance.ndim < 2 or not covariance.sum():
        return float("nan")
    k = len(covariance)
    return float(k / (k - 1) * (1 - np.trace(covariance) / covariance.sum()))


def omega(table: ArrayLike) -> float:
    """McDonald's (1999) omega: the share of the index's variance that one factor explains.

    Loadings are those of one factor by iterated principal axes of the covariance matrix. NaN
    with fewer than three items, where one factor cannot be told.
    """
    covariance = np.atleast_2d(np.cov(np.asarray(table, dtype=np.float64), rowvar=False))
    if len(covariance) < 3 or not covariance.sum():
        return float("nan")
    common = np.diag(covariance) * 0.5
    for _ in range(2000):
        reduced = covariance.copy()
        np.fill_diagonal(reduced, common)
        roots, vectors = np.linalg.eigh(reduced)
        loadings = vectors[:, -1] * np.sqrt(max(roots[-1], 0.0))
        fresh = np.minimum(loadings**2, np.diag(covariance))
        if np.allclose(fresh, common, atol=1e-10):
            break
        common = fresh
    explained = loadings.sum() ** 2
    return float(explained / (explained + (np.diag(covariance) - loadings**2).sum()))


def with_interval(
    statistic: Callable[[Floats], float], table: Floats, raters: Sequence[str], *, seed: int
) -> Estimate:
    """A statistic of an item table with its interval, raters drawn whole."""
    return bootstrap(
        lambda rows: float(statistic(table[rows])),
        raters, seed=seed, resamples=_RESAMPLES,
    )  # fmt: skip


def krippendorff(values: Values, *, level: Level = "interval", seed: int = 0) -> Estimate:
    """Krippendorff's alpha of raters over texts by the package `krippendorff`; texts redrawn.

    `level` is nominal, ordinal or interval. n counts texts. NaN where nobody rates what another
    rates, or all values are the same. ValueError where the package is not installed.
    """
    try:
        import krippendorff as package
    except ModuleNotFoundError:
        raise ValueError("agreement needs krippendorff; install hallmark[study]") from None
    table = np.full((values.rater.max() + 1, values.item.max() + 1), np.nan)
    table[values.rater, values.item] = values.value

    def alpha(items: NDArray[np.intp]) -> float:
        chosen = table[:, items]
        seen = chosen[:, (~np.isnan(chosen)).sum(0) > 1]
        if len(np.unique(seen[~np.isnan(seen)])) < 2:
            return float("nan")
        return float(package.alpha(reliability_data=seen, level_of_measurement=level))

    return bootstrap(alpha, range(table.shape[1]), seed=seed, resamples=_RESAMPLES)
