"""Preferences between two texts: shares, and strengths by the model of Bradley and Terry."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hallmark.stats import Estimate, Floats, bootstrap
from hallmark.study.few import enough

_RESAMPLES = 1000


@dataclass(frozen=True)
class Preference:
    """One choice: `group` is what is redrawn whole (a rater or a pair of texts)."""

    first: str
    second: str
    winner: str | None  # None for a tie
    group: Hashable = 0


def share(preferences: Sequence[Preference], name: str, *, seed: int = 0) -> Estimate:
    """Share of choices that prefer `name`, of all choices with it, ties among them."""
    own = [p for p in preferences if name in (p.first, p.second)]
    won = np.array([p.winner == name for p in own], dtype=np.float64)
    groups = [p.group for p in own]
    found = bootstrap(lambda rows: float(won[rows].mean()), groups, seed=seed, resamples=_RESAMPLES)
    return enough(found, found.n)


def bradley_terry(preferences: Sequence[Preference], *, seed: int = 0) -> dict[str, Estimate]:
    """Log strength of each system, means 0; P(a beats b) = logistic(a - b), a tie half for each.

    Intervals redraw groups whole. ValueError where some system never lost or never won against
    the rest, for then its strength is infinite.
    """
    names = sorted({n for p in preferences for n in (p.first, p.second)})
    codes = {name: i for i, name in enumerate(names)}
    table = np.array([(codes[p.first], codes[p.second], _points(p)) for p in preferences])
    _check_connected(_wins(table, len(names)), names)
    groups = [p.group for p in preferences]

    def strength(i: int) -> Estimate:
        def of(rows: NDArray[np.intp]) -> float:
            return float(_fit(_wins(table[rows], len(names)))[i])

        found = bootstrap(of, groups, seed=seed, resamples=_RESAMPLES // 4)
        return enough(found, found.n)

    return {name: strength(i) for i, name in enumerate(names)}


def _points(preference: Preference) -> float:
    if preference.winner is None:
        return 0.5
    if preference.winner not in (preference.first, preference.second):
        raise ValueError(f"{preference.winner!r} won a pair that it was not in")
    return float(preference.winner == preference.first)


def _wins(table: Floats, n: int) -> Floats:
    """wins[a, b]: how often a beat b."""
    wins = np.zeros((n, n))
    a, b = table[:, 0].astype(int), table[:, 1].astype(int)
    np.add.at(wins, (a, b), table[:, 2])
    np.add.at(wins, (b, a), 1 - table[:, 2])
    return wins


def _fit(wins: Floats) -> Floats:
    """Maximum likelihood by Newton's method; a slight ridge keeps redrawn tables finite."""
    played, strength = wins + wins.T, np.zeros(len(wins))
    ridge = 1e-6
    for _ in range(60):
        chance = special.expit(strength[:, None] - strength)
        slope = wins.sum(axis=1) - (played * chance).sum(axis=1) - ridge * strength
        weight = played * chance * (1 - chance)
        bend = np.diag(weight.sum(axis=1) + ridge) - weight
        step = np.clip(np.linalg.solve(bend, slope), -2, 2)
        strength = strength + step
        if np.abs(step).max() < 1e-9:
            break
    found: Floats = strength - strength.mean()
    return found


def _check_connected(wins: Floats, names: list[str]) -> None:
    """Ford's (1957) condition: from each system a chain of wins leads to each other one."""
    reach = (wins > 0).astype(int) + np.eye(len(wins), dtype=int)
    reach = np.linalg.matrix_power(reach, len(wins)) > 0
    if not reach.all():
        a, b = np.argwhere(~reach)[0]
        raise ValueError(
            f"no chain of wins leads from {names[a]} to {names[b]}; their strengths cannot be told"
        )
