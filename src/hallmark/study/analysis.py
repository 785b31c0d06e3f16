"""A study's answers turned into one result: every figure that the report prints.

Knows ratings and the study file, not stores, pages or drawings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from hallmark.stats import Estimate, Floats
from hallmark.study.agreement import (
    cronbach,
    item_table,
    krippendorff,
    omega,
    with_interval,
)
from hallmark.study.compare import Difference, contrasts, mean_estimates
from hallmark.study.definition import BOUNDARY, DETECTION, RATING, Condition, Scale, Study, Words
from hallmark.study.detection import Boundary, Detection, boundary, detection
from hallmark.study.exclusions import Flow, include, raters_of
from hallmark.study.few import FEWEST_RATERS, TOO_FEW, enough, is_bare
from hallmark.study.mixed import LinearMixed, fit_linear
from hallmark.study.ordinal import OrdinalMixed, fit_ordinal
from hallmark.study.pairs import Preference, bradley_terry, share
from hallmark.study.ratings import Answer, Rater, Values, index_of, values_of


@dataclass(frozen=True)
class ScaleResult:
    """What a rating scale says: means on its own points, reliability, models, contrasts.

    `notes` say what could not be computed, and why.
    """

    scale: Scale
    ratings: int
    raters: int
    texts: int
    means: dict[str, Estimate]
    differences: list[Difference]
    alpha: Estimate | None
    omega: Estimate | None
    krippendorff: Estimate | None
    linear: LinearMixed | None
    ordinal: OrdinalMixed | None
    notes: tuple[str, ...]
    values: Values = field(repr=False)


@dataclass(frozen=True)
class PairsResult:
    """Preferences between systems; `shares` count ties as not preferred."""

    n: int
    shares: dict[str, Estimate]
    strengths: dict[str, Estimate]


@dataclass(frozen=True)
class Result:
    """Everything; `simulated` results have no headline."""

    title: str
    study: str
    simulated: bool
    flow: Flow
    scales: tuple[ScaleResult, ...]
    detection: dict[str, Detection]
    boundary: dict[str, Boundary]
    pairs: PairsResult | None = None

    @property
    def headline(self) -> dict[str, Estimate] | None:
        """Mean of the first rating scale by condition; None for simulated data or few raters."""
        if self.simulated or not self.scales:
            return None
        found = self.scales[0].means
        return None if any(map(is_bare, found.values())) else found


def analyse(
    answers: Sequence[Answer], raters: Sequence[Rater] | None = None, *, study: Study | None = None,
    seed: int = 0,
) -> Result:  # fmt: skip
    """Analyse answers as the study file registered it; without one, every question by condition."""
    if not answers:
        raise ValueError("there are no answers to analyse yet")
    chosen, flow, simulated = include(answers, raters if raters is not None else raters_of(answers))
    if not chosen:
        raise ValueError(flow.nobody_left(simulated=simulated))
    study = study or foreign_study(chosen)
    kinds = {s.name: s for s in study.scales}
    told = {
        kind: {
            name: [a for a in chosen if a.question == name and a.truth is not None]
            for name, s in kinds.items()
            if s.kind == kind
        }
        for kind in (DETECTION, BOUNDARY)
    }
    return Result(
        study.title, study.hash, simulated, flow,
        tuple(
            scale_result(chosen, study, s, seed=seed)
            for s in study.scales
            if s.kind == RATING and any(a.question in s.questions for a in chosen)
        ),
        {n: detection(rows, seed=seed) for n, rows in told[DETECTION].items() if rows},
        {n: boundary(rows, seed=seed) for n, rows in told[BOUNDARY].items() if rows},
    )  # fmt: skip


def scale_result(
    answers: Sequence[Answer], study: Study, scale: Scale, *, seed: int
) -> ScaleResult:
    """Everything about one rating scale."""
    rows = index_of(answers, scale.questions)
    if not rows:
        raise ValueError(f"no text has an answer to every item of {scale.name}")
    values = values_of(rows, conditions=[c.name for c in study.conditions])
    table, raters = item_table(answers, scale.questions)
    several = len(scale.questions) > 1
    notes: list[str] = []
    there = [c for c in study.contrasts if {c.higher, c.lower} <= set(values.conditions)]
    notes += [f"{c.higher} - {c.lower}: no ratings" for c in study.contrasts if c not in there]
    linear, ordinal = _models(values, notes)
    agreed = krippendorff(values, seed=seed)
    people = len(set(values.rater))

    def reliability(statistic: Callable[[Floats], float]) -> Estimate:
        return enough(with_interval(statistic, table, raters, seed=seed), people)

    return ScaleResult(
        scale, len(values), people, len(set(values.item)),
        mean_estimates(values, seed=seed), contrasts(values, there),
        reliability(cronbach) if several else None,
        reliability(omega) if len(scale.questions) > 2 else None,
        enough(agreed, people) if agreed.value == agreed.value else None,
        linear, ordinal, tuple(notes), values,
    )  # fmt: skip


def _models(values: Values, notes: list[str]) -> tuple[LinearMixed | None, OrdinalMixed | None]:
    """Both mixed models, where the data allow them."""
    linear, ordinal = None, None
    if len(set(values.rater)) < FEWEST_RATERS:
        notes.append(f"mixed models: {TOO_FEW}")
        return None, None
    if len(set(values.rater)) == len(values):
        notes.append("mixed models: each rater rated one text, so rater and residual are one")
        return None, None
    try:
        linear = fit_linear(values)
        ordinal = fit_ordinal(replace(values, value=(values.value + 0.5) // 1))
    except ValueError as error:
        notes.append(f"mixed models: {error}")
    return linear, ordinal


def analyse_pairs(preferences: Sequence[Preference], *, seed: int = 0) -> PairsResult:
    """Shares and Bradley-Terry strengths."""
    if not preferences:
        raise ValueError("there are no preferences to analyse")
    names = sorted({n for p in preferences for n in (p.first, p.second)})
    return PairsResult(
        len(preferences), {n: share(preferences, n, seed=seed) for n in names},
        bradley_terry(preferences, seed=seed),
    )  # fmt: skip


def foreign_study(answers: Sequence[Answer]) -> Study:
    """A study file for ratings collected elsewhere: `SCALE.ITEM` questions make an index."""
    values = [a.value for a in answers]
    if min(values) < 0 or max(values) > 100:
        raise ValueError(
            f"ratings run from {min(values):g} to {max(values):g}; give them on a scale within 0 "
            "to 100, by adding the same number to each or dividing each by one"
        )
    items: dict[str, list[str]] = {}
    for question in dict.fromkeys(a.question for a in answers):
        name, _, item = question.partition(".")
        items.setdefault(name, []).append(item)
    low, high = int(min(values)), max(int(max(values)), int(min(values)) + 1)
    scales = [
        Scale(name, "", items=tuple(i for i in own if i), low=low, high=min(high, 100))
        for name, own in items.items()
    ]
    conditions = tuple(Condition(c, "") for c in sorted({a.condition for a in answers}))
    return Study("Ratings collected elsewhere", conditions, tuple(scales), Words("", "", ""))
