"""From a score to a likelihood ratio and a false-positive bound, by length.

Fitted on texts that the scored detector was not fitted on. Bounds are counted, not modelled:
how many of the n human texts of a group and length scored at least as high, and the exact
upper limit (Clopper & Pearson 1934) of the rate behind that count. A ratio goes no further than
the texts of its length support.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hallmark.detect.stored import Arrays, floats, require
from hallmark.stats import Floats, clopper_pearson_upper, supported_log_ratios

LEAST_GROUP = 59  # texts; with fewer, not one of them flagged, no rate below 5 % can be claimed
OTHERS = "others"


@dataclass(frozen=True)
class Reference:
    """Scores of the calibration texts of one length: human ones by group, and synthetic ones."""

    tokens: int
    human: Mapping[str, Floats]
    synthetic: Floats


@dataclass(frozen=True)
class Bound:
    """At most `rate` (95 %) of the texts of `group` are scored so; `errors` of `n` were."""

    rate: float
    errors: int
    n: int
    group: str


@dataclass(frozen=True)
class Calibration:
    """`slope` and `intercept` (A,) of the log-likelihood ratio at the lengths of `references`."""

    references: tuple[Reference, ...]
    slope: Floats
    intercept: Floats

    @property
    def shortest(self) -> int:
        """The least number of tokens that can be judged."""
        return self.references[0].tokens

    def at(self, tokens: int) -> int:
        """Number of the longest calibrated length that the text reaches; 0 where there is none."""
        lengths = [r.tokens for r in self.references]
        return max(0, int(np.searchsorted(lengths, tokens, side="right")) - 1)

    def log_ratio(self, score: float, tokens: int) -> float:
        """Calibrated natural log of the likelihood ratio, synthetic over human; tokens >= 1.

        The fit is interpolated in the logarithm of the length, and that of the end beyond it, as
        are the limits that it is held within (`supported_log_ratios`).
        """
        lowest, highest = (_between(ends, self._lengths, tokens) for ends in self._limits)
        return min(max(self.fitted_log_ratio(score, tokens), lowest), highest)

    def fitted_log_ratio(self, score: float, tokens: int) -> float:
        """`log_ratio` as fitted, without limits; it ranks even texts beyond them."""
        slope = _between(self.slope, self._lengths, tokens)
        return slope * score + _between(self.intercept, self._lengths, tokens)

    @cached_property
    def _lengths(self) -> Floats:
        return np.array([r.tokens for r in self.references])

    @cached_property
    def _limits(self) -> tuple[Floats, Floats]:
        found = [
            supported_log_ratios(
                slope * np.concatenate(list(reference.human.values())) + intercept,
                slope * reference.synthetic + intercept,
            )
            for reference, slope, intercept in zip(
                self.references, self.slope, self.intercept, strict=True
            )
        ]
        return np.array([low for low, _ in found]), np.array([high for _, high in found])

    def false_positives(self, score: float, tokens: int) -> Bound:
        """The worst group's bound on human texts of this length that score at least as high.

        Groups of fewer than `LEAST_GROUP` texts, whose bound says more of n than of the rate,
        count as one group; where that is as small and there are others, it does not count.
        """
        human = self.references[self.at(tokens)].human
        groups = {group: own for group, own in human.items() if len(own) >= LEAST_GROUP}
        small = [own for own in human.values() if len(own) < LEAST_GROUP]
        if small and (not groups or sum(map(len, small)) >= LEAST_GROUP):
            groups[OTHERS if groups else "all"] = np.concatenate(small)
        return max(
            (_bound(scores >= score, group) for group, scores in groups.items()),
            key=lambda bound: bound.rate,
        )

    def false_negatives(self, score: float, tokens: int) -> Bound:
        """Bound on synthetic texts of this length that score as low or lower."""
        return _bound(self.references[self.at(tokens)].synthetic <= score, "synthetic")


def _between(values: Floats, lengths: Floats, tokens: int) -> float:
    """Interpolated in the logarithm of the length, and constant beyond the ends."""
    return float(np.interp(math.log(tokens), np.log(lengths), values))


def _bound(errors: NDArray[np.bool_], group: str) -> Bound:
    k, n = int(errors.sum()), len(errors)
    return Bound(clopper_pearson_upper(k, n), k, n, group)


def fit_ratio(scores: Floats, labels: NDArray[np.int64], weights: Floats) -> tuple[float, float]:
    """Slope and intercept of the log-likelihood ratio in the scores (N,) (Platt 1999).

    Logistic regression with the classes weighted equally, so that its log-odds are the
    logarithm of the likelihood ratio. The slope is never negative. ValueError where `labels`
    are all the same.
    """
    if len(set(labels.tolist())) < 2:
        raise ValueError("a likelihood ratio needs texts of both kinds; give more")
    from sklearn.linear_model import LogisticRegression

    weights = weights.copy()
    for label in (0, 1):
        mine = labels == label
        weights[mine] *= len(labels) / 2 / weights[mine].sum()
    model = LogisticRegression(C=1e3, max_iter=1000)
    model.fit(scores[:, None], labels, sample_weight=weights)
    slope = float(model.coef_[0, 0])
    return (slope, float(model.intercept_[0])) if slope > 0 else (0.0, 0.0)


def as_tensors(calibration: Calibration) -> dict[str, Floats]:
    """The calibration as named arrays: `human/LENGTH/GROUP`, `synthetic/LENGTH` and the fit."""
    out = {"calibration/slope": calibration.slope, "calibration/intercept": calibration.intercept}
    for reference in calibration.references:
        out[f"synthetic/{reference.tokens}"] = np.sort(reference.synthetic)
        for group, scores in reference.human.items():
            out[f"human/{reference.tokens}/{group}"] = np.sort(scores)
    return out


def from_tensors(tensors: Arrays, lengths: Sequence[int]) -> Calibration:
    """Read back what `as_tensors` gave for these lengths; ValueError says what is missing."""
    slope = floats(tensors, "calibration/slope", (len(lengths),))
    intercept = floats(tensors, "calibration/intercept", (len(lengths),))
    require((slope >= 0).all(), "calibration/slope must not be below 0")
    references: list[Reference] = []
    for length in lengths:
        prefix = f"human/{length}/"
        groups = sorted(name for name in tensors if name.startswith(prefix))
        require(len(groups) > 0, f"there are no human scores of {length} tokens")
        human = {name.removeprefix(prefix): floats(tensors, name, (None,)) for name in groups}
        references.append(Reference(length, human, floats(tensors, f"synthetic/{length}", (None,))))
    return Calibration(tuple(references), slope, intercept)
