"""How many raters a study needs: by simulating it as it will be analysed, and about, by formula.

Knows the design and the expected means, not the texts.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from hallmark.stats import Estimate, wilson
from hallmark.study.compare import Error, combine, contrasts
from hallmark.study.definition import Design, Expectation, Study
from hallmark.study.few import FEWEST_RATERS
from hallmark.study.plan import deal, places_of
from hallmark.study.ratings import Values

ALPHA, POWER = 0.05, 0.8
STUDIES = 1000


def group_size(difference: float, sd: float, *, alpha: float = ALPHA, power: float = POWER) -> int:
    """Ratings in each of two independent groups so that a difference of means is found.

    Two-sided z test, n = 2 (sd (z_alpha/2 + z_power) / difference)^2, rounded up (Cohen 1988).
    """
    if difference == 0 or sd <= 0 or not (0 < alpha < 1 and 0 < power < 1):
        raise ValueError("give a difference that is not 0, a positive sd, and rates within (0, 1)")
    return math.ceil(2 * (sd * _reach(alpha, power) / difference) ** 2)


def step_error(design: Design, conditions: int, expected: Expectation, *, raters: float) -> Error:
    """The error that the registered analysis expects of a difference of two means.

    Each part is the expectation of one that `compare.two_way` adds up, so the degrees of freedom
    are those of its t test. Texts differ between conditions. A rater who reads both conditions
    cancels; with fewer texts a rater than conditions, raters are part of the residual.
    """
    ratings = raters * design.texts_per_rater / conditions
    rater, item = expected.sd_rater**2, expected.sd_item**2
    residual, texts = expected.sd_residual**2, min(design.texts_per_condition, ratings)  # read
    crossed = design.texts_per_rater >= conditions
    readers = raters if crossed else min(raters, 2 * ratings)
    return combine(
        2 * ((0 if crossed else rater) + item + residual) / ratings,
        2 * (item / texts + (rater + residual) / ratings),
        2 * (rater + item + residual) / ratings,
        df_r=max(1.0, readers - 1), df_i=max(1.0, 2 * (texts - 1)),
    )  # fmt: skip


def power_of(
    difference: float, design: Design, conditions: int, expected: Expectation, *,
    raters: float | None = None, alpha: float = ALPHA,
) -> float:  # fmt: skip
    """About the chance that the registered t test of two conditions' means finds the difference.

    Noncentral t, as in Westfall, Kenny & Judd (2014), for so many raters (those of the design).
    It takes the test's variance and degrees of freedom as known; the test estimates both, so with
    few raters or texts it finds less often than this says. 0 where raters are too few for a test.
    """
    raters = places_of(design, conditions) if raters is None else raters
    if raters * min(1, design.texts_per_rater / conditions) < FEWEST_RATERS:
        return 0.0
    error = step_error(design, conditions, expected, raters=raters)
    shift, reach = abs(difference) / math.sqrt(error.variance), stats.t.isf(alpha / 2, error.df)
    below, above = special.nctdtr(error.df, shift, np.array([-reach, reach]))
    return float(1 - above + np.nan_to_num(below))  # scipy gives NaN far out in the wrong tail


def raters_needed(
    difference: float, design: Design, conditions: int, expected: Expectation, *,
    alpha: float = ALPHA, power: float = POWER,
) -> int | None:  # fmt: skip
    """The fewest raters for about this power with the texts as they are; None where none suffice.

    More raters never help beyond what so few texts allow: each is one draw of its condition.
    """

    def reached(raters: int) -> bool:
        found = power_of(difference, design, conditions, expected, raters=raters, alpha=alpha)
        return found >= power

    counts = range(FEWEST_RATERS, 10**9)
    return counts[bisect_left(counts, True, key=reached)] if reached(counts[-1]) else None


def simulate(
    study: Study, generator: np.random.Generator, *, rounded: bool = False
) -> Values:  # fmt: skip
    """One study's index as the expectation has it, over the places of the design.

    Rater, text and residual effects are normal. `rounded` gives whole points within the scale.
    """
    expected, places = _expected(study), _layout(study.design, len(study.conditions))
    rater, condition, item = places.T
    names = tuple(c.name for c in study.conditions)
    mean = np.array([expected.means[name] for name in names])
    value = (
        mean[condition]
        + generator.normal(0, expected.sd_rater, rater.max() + 1)[rater]
        + generator.normal(0, expected.sd_item, item.max() + 1)[item]
        + generator.normal(0, expected.sd_residual, len(rater))
    )
    if rounded and study.index:
        value = np.clip(np.round(value), study.index.low, study.index.high)
    return Values(rater, item, condition, value, names)


def simulated_power(study: Study, *, seed: int = 0, studies: int = STUDIES) -> list[Estimate]:
    """Share of simulated studies in which each registered contrast is found at its own p < .05.

    The study is analysed as `hallmark study analyse` does it, Holm's correction left out, as
    the formula leaves it out; n counts simulated studies.
    """
    generator = np.random.default_rng(seed)
    found = np.zeros(len(study.contrasts), dtype=int)
    for _ in range(studies):
        tested = contrasts(simulate(study, generator), study.contrasts)
        found += [difference.p < ALPHA for difference in tested]
    return [wilson(int(k), studies) for k in found]


@dataclass(frozen=True)
class Promise:
    """The power of one contrast; `group` is the size of each of two independent groups.

    `simulated` runs the registered analysis and is the one to go by; `closed`, and the raters for
    80 % that follow from it, are an approximation for planning.
    """

    higher: str
    lower: str
    difference: float
    sd: float
    group: int
    raters: int
    closed: float
    raters_for_80: int | None
    simulated: Estimate | None = None


def promises(study: Study, *, studies: int = STUDIES, seed: int = 0) -> list[Promise]:
    """The power analysis of every registered contrast; `studies` of 0 leaves simulation out."""
    expected, k = _expected(study), len(study.conditions)
    if not study.contrasts:
        raise ValueError("the study file has no [[contrast]]; add the difference you will test")
    sd = math.sqrt(expected.sd_rater**2 + expected.sd_item**2 + expected.sd_residual**2)
    rows = []
    for contrast in study.contrasts:
        step = expected.means[contrast.higher] - expected.means[contrast.lower]
        rows.append(
            Promise(
                contrast.higher, contrast.lower, step, sd, group_size(step, sd),
                places_of(study.design, k), power_of(step, study.design, k, expected),
                raters_needed(step, study.design, k, expected),
            )
        )  # fmt: skip
    if not studies:
        return rows
    simulated = simulated_power(study, seed=seed, studies=studies)
    return [replace(row, simulated=s) for row, s in zip(rows, simulated, strict=True)]


def _layout(design: Design, conditions: int) -> NDArray[np.intp]:
    """(rater, condition, text) of every reading; texts are numbered through all conditions."""
    places = deal(design, conditions, places_of(design, conditions))
    return np.array(
        [
            (rater, condition, condition * design.texts_per_condition + number)
            for rater, hand in enumerate(places)
            for condition, number in hand
        ],
        dtype=np.intp,
    )


def _expected(study: Study) -> Expectation:
    names = {c.name for c in study.conditions}
    if study.expected is None or set(study.expected.means) != names:
        raise ValueError("power needs [expected.means] with a mean for every condition")
    return study.expected


def _reach(alpha: float, power: float) -> float:
    return float(special.ndtri(1 - alpha / 2) + special.ndtri(power))
