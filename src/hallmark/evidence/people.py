"""What reviews are worth: a third part of the evidence, learnt from gold cases, and agreement.

The answers of a case's reviewers are one piece of evidence, not two: a hard case is hard for both.
So their sum (-2 .. 2) has its own likelihood ratio, and fusion takes the end of its interval that
is nearest to no evidence. As long as too few gold cases were reviewed, reviews add nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hallmark.data import Label
from hallmark.evidence.cases import Answer, Case
from hallmark.evidence.logistic import fit_logistic
from hallmark.evidence.ratio import NOTHING, Binned, Ratio, learn_binned
from hallmark.evidence.worth import Rates
from hallmark.stats import Estimate, bootstrap, wilson

LEAST_GOLD = 20  # of each label, before their reviews say what reviews are worth
CAP = math.log(100)  # reviews move the odds at most hundredfold
_FOLDS = 2
_RESAMPLES = 500


@dataclass(frozen=True)
class Gold:
    """A case of known label with all its reviews: what was answered, and the evidence beside it."""

    label: Label
    answers: tuple[Answer, ...]
    log_odds: float


@dataclass(frozen=True)
class People:
    """Ratios by the number of reviews of a case; `weight` takes back what content and reviewers
    share; `n` gold cases behind each.
    """

    ratios: Mapping[int, Binned] = field(default_factory=dict)
    weight: Mapping[int, float] = field(default_factory=dict)
    n: Mapping[int, int] = field(default_factory=dict)

    def ratio(self, answers: Sequence[Answer]) -> Ratio:
        """What these answers to one case are worth; no evidence where that is not known."""
        binned = self.ratios.get(len(answers))
        return binned(float(sum(a.score for a in answers))) if binned else NOTHING

    def part(self, answers: Sequence[Answer]) -> float:
        """What they add to the log-odds."""
        if len(answers) not in self.ratios:
            return 0.0
        own = self.weight[len(answers)] * self.ratio(answers).sure
        return min(max(own, -CAP), CAP)

    def posterior(self, case: Case) -> float:
        """Of content, metadata and, where every review is in, people; at the case's prevalence.

        NaN where none of them was weighed: the bare prevalence is no finding about an account.
        """
        reviewed = case.complete and len(case.reviews) in self.ratios
        if math.isnan(case.evidence.posterior) and not reviewed:
            return math.nan
        own = self.part([r.answer for r in case.reviews]) if reviewed else 0.0
        return float(special.expit(case.evidence.log_odds + own))


def gold_of(cases: Sequence[Case]) -> list[Gold]:
    """The gold cases whose reviews are all in."""
    return [
        Gold(case.gold, tuple(r.answer for r in case.reviews), case.evidence.log_odds)
        for case in cases
        if case.gold is not None and case.complete
    ]


def learn_people(gold: Sequence[Gold]) -> People:
    """What answers are worth, for each number of reviews that enough gold cases have.

    The weight is fitted on cases whose ratios the other half taught (even and odd places).
    """
    ratios, weights, counts = {}, {}, {}
    for reviews in sorted({len(g.answers) for g in gold}):
        own = [g for g in gold if len(g.answers) == reviews]
        truth = np.array([int(g.label) for g in own])
        if min(int((truth == kind).sum()) for kind in Label) < LEAST_GOLD:
            continue
        sums = np.array([float(sum(a.score for a in g.answers)) for g in own])
        edges = np.arange(-reviews + 0.5, reviews, dtype=np.float64)
        ratios[reviews] = learn_binned(sums, truth.tolist(), edges)
        weights[reviews] = _weight(own, truth, sums, edges)
        counts[reviews] = len(own)
    return People(ratios, weights, counts)


def _weight(
    gold: Sequence[Gold], truth: NDArray[np.int64], sums: NDArray[np.float64],
    edges: NDArray[np.float64],
) -> float:  # fmt: skip
    fold = np.zeros(len(gold), dtype=np.int64)
    for kind in Label:
        fold[truth == kind] = np.arange(int((truth == kind).sum())) % _FOLDS
    found = np.zeros(len(gold))
    for part in range(_FOLDS):
        taught = learn_binned(sums[fold != part], truth[fold != part].tolist(), edges)
        found[fold == part] = [taught(s).sure for s in sums[fold == part].tolist()]
    rows = np.column_stack([[g.log_odds for g in gold], found])
    return float(fit_logistic(rows, truth.tolist(), bounds=[(1.0, 1.0), (0.0, 1.0)])[1])


def rates_of(gold: Sequence[Gold], *, otherwise: Rates) -> Rates:
    """How single reviewers answer, by what is true; `otherwise` where gold cases are too few."""
    kinds = [[a for g in gold if g.label == kind for a in g.answers] for kind in Label]
    if min(sum(g.label == kind for g in gold) for kind in Label) < LEAST_GOLD:
        return otherwise
    shares = {
        answer: tuple((own.count(answer) + 0.5) / (len(own) + 1.5) for own in kinds)
        for answer in Answer
    }
    return Rates({a: (human, synthetic) for a, (human, synthetic) in shares.items()}, len(gold))


def called(gold: Sequence[Gold]) -> dict[Label, Estimate]:
    """The share of gold cases of each label that their reviewers, taken together, called synthetic
    (the sum of their answers is above 0), with Wilson's interval.
    """
    return {
        kind: wilson(
            sum(sum(a.score for a in g.answers) > 0 for g in gold if g.label == kind),
            sum(g.label == kind for g in gold),
        )
        for kind in Label
    }


def agreement(pairs: Sequence[Sequence[Answer]], *, seed: int = 0) -> Estimate | None:
    """Krippendorff's alpha (nominal) of two reviewers over cases, by the package; cases redrawn.

    None where it cannot be told: fewer than two cases, or one answer alone. ValueError where the
    package is not installed.
    """
    try:
        import krippendorff
    except ModuleNotFoundError:
        raise ValueError(
            "agreement needs the package krippendorff; install hallmark[cases]"
        ) from None
    table = np.array([[float(a.score) for a in p] for p in pairs if len(p) == 2]).reshape(-1, 2).T
    if table.shape[1] < 2 or len(np.unique(table)) < 2:
        return None

    def alpha(cases: NDArray[np.intp]) -> float:
        chosen = table[:, cases]
        if len(np.unique(chosen)) < 2:
            return math.nan
        return float(krippendorff.alpha(reliability_data=chosen, level_of_measurement="nominal"))

    return bootstrap(alpha, range(table.shape[1]), seed=seed, resamples=_RESAMPLES)
