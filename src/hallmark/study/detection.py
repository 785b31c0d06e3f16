"""How well people tell machines from humans: accuracy, d', boundaries found, and HUSE.

A machine text called machine is a hit; a human text called machine is a false alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from hallmark.stats import Estimate, bootstrap
from hallmark.study.definition import HUMAN, MACHINE
from hallmark.study.few import enough
from hallmark.study.ratings import Answer

_RESAMPLES = 1000


@dataclass(frozen=True)
class Detection:
    """Of all raters together; `d_prime` 0 is guessing, `criterion` above 0 says human often.

    Both need texts of both kinds and are None where those that `lacks` names (human or machine)
    are not there: without human texts nobody can raise a false alarm.
    """

    accuracy: Estimate
    d_prime: Estimate | None
    criterion: Estimate | None
    lacks: str | None = None


def d_prime(hits: int, machine: int, alarms: int, human: int) -> tuple[float, float]:
    """(d', criterion) with half an answer added to each cell (Hautus 1995), so never infinite."""
    hit, alarm = ((k + 0.5) / (n + 1) for k, n in ((hits, machine), (alarms, human)))
    z_hit, z_alarm = float(special.ndtri(hit)), float(special.ndtri(alarm))
    return z_hit - z_alarm, -(z_hit + z_alarm) / 2


def detection(answers: Sequence[Answer], *, seed: int = 0) -> Detection:
    """From answers of 0 (human) or 1 (machine) with `truth`; raters are redrawn whole."""
    judged, truth = _judged(answers)
    said, true = np.array([a.value for a in judged]) > 0.5, truth > 0.5
    raters = [a.rater for a in judged]

    def signal(rows: NDArray[np.intp]) -> tuple[float, float]:
        s, t = said[rows], true[rows]
        if t.all() or not t.any():
            return float("nan"), float("nan")
        return d_prime(int((s & t).sum()), int(t.sum()), int((s & ~t).sum()), int((~t).sum()))

    def found(statistic: Callable[[NDArray[np.intp]], float]) -> Estimate:
        return _by_rater(statistic, raters, seed=seed)

    accuracy = found(lambda rows: float((said[rows] == true[rows]).mean()))
    if true.all() or not true.any():
        return Detection(accuracy, None, None, lacks=HUMAN if true.all() else MACHINE)
    return Detection(
        accuracy,
        found(lambda rows: signal(rows)[0]),
        found(lambda rows: signal(rows)[1]),
    )


def _judged(answers: Sequence[Answer]) -> tuple[list[Answer], NDArray[np.float64]]:
    """The answers that can be right or wrong, and what would be right."""
    judged = [a for a in answers if a.truth is not None]
    if not judged:
        raise ValueError("no answer has a truth to compare it with")
    return judged, np.array([a.truth for a in judged], dtype=np.float64)


@dataclass(frozen=True)
class Boundary:
    """`exact` is the share that named the first machine sentence; `distance` in sentences."""

    exact: Estimate
    distance: Estimate


def boundary(answers: Sequence[Answer], *, seed: int = 0) -> Boundary:
    """From answers that number the first machine sentence from 1, with `truth`."""
    judged, true = _judged(answers)
    off = np.abs(np.array([a.value for a in judged]) - true)
    raters = [a.rater for a in judged]
    return Boundary(
        _by_rater(lambda r: float((off[r] == 0).mean()), raters, seed=seed),
        _by_rater(lambda r: float(off[r].mean()), raters, seed=seed),
    )


def _by_rater(
    statistic: Callable[[NDArray[np.intp]], float], raters: Sequence[str], *, seed: int
) -> Estimate:
    """With its interval, raters drawn whole, where there are enough of them."""
    found = bootstrap(statistic, raters, seed=seed, resamples=_RESAMPLES)
    return enough(found, found.n)


@dataclass(frozen=True)
class Huse:
    """`huse` is 1 where nobody can tell at all; quality is of people alone, and
    diversity = 1 + huse - quality."""

    huse: float
    quality: float
    diversity: float
    n: int


def huse(
    judgement: ArrayLike, log_prob: ArrayLike, length: ArrayLike, machine: ArrayLike, *, k: int = 15
) -> Huse:
    """HUSE of Hashimoto, Zhang & Liang (2019): twice the error of telling human from machine.

    Each text is judged by the majority of its nearest others in (mean human judgement,
    log-probability a token), each divided by its standard deviation. As in the authors' program
    the (k + 1)-th nearest and all ties with it vote too, and an even vote says human.
    """
    people = np.asarray(judgement, dtype=np.float64)
    model = np.asarray(log_prob, dtype=np.float64) / np.asarray(length, dtype=np.float64)
    truth = np.asarray(machine, dtype=bool)
    if not len(people) > k + 1:
        raise ValueError(f"HUSE needs more than {k + 1} texts, not {len(people)}")
    features = np.column_stack([people / people.std(), model / model.std()])
    both = 2 * _error(features, truth, k)
    quality = 2 * _error(features[:, :1], truth, k)
    return Huse(both, quality, 1 + both - quality, len(people))


def _error(features: NDArray[np.float64], truth: NDArray[np.bool_], k: int) -> float:
    """Leave-one-out error of nearest neighbours."""
    wrong = 0
    for i in range(len(features)):
        others = np.delete(features, i, axis=0)
        distance = ((others - features[i]) ** 2).sum(axis=1)
        votes = np.delete(truth, i)[distance <= np.sort(distance)[k]]
        wrong += bool(votes.sum() * 2 > len(votes)) != bool(truth[i])
    return wrong / len(features)
