"""Content of many short texts together: what one cannot tell, the mean of twenty may.

Calibrated on accounts and not on texts: the texts of one account resemble each other, so k of them
are worth less than k times one. Groups of k are drawn from labelled accounts; each k has its own
line from the mean score to a log-likelihood ratio.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from hallmark.evidence.logistic import fit_logistic
from hallmark.evidence.ratio import NOTHING, Ratio
from hallmark.stats import Floats

SIZES = (1, 2, 5, 10, 20)
DRAWS = 4  # groups of k from each account
LEAST_ACCOUNTS = 10  # of each kind that have k texts
RESAMPLES = 100


@dataclass(frozen=True)
class Pooled:
    """For `sizes` (S,): slopes and intercepts (S, 1 + R), the fit first, then R resamples of it.

    n: labelled accounts behind each size.
    """

    sizes: tuple[int, ...]
    slope: Floats
    intercept: Floats
    n: tuple[int, ...]

    def __call__(self, scores: Sequence[float]) -> Ratio:
        """The ratio of an account's scored texts; NaN scores (nothing to score) are left out.

        Between sizes the lines are interpolated in log k; beyond the largest, its line holds. The
        interval is the resamples' 95 %.
        """
        known = np.asarray(scores, dtype=np.float64)
        known = known[~np.isnan(known)]
        if not len(known):
            return NOTHING
        k = min(max(len(known), self.sizes[0]), self.sizes[-1])
        at = np.interp(math.log(k), np.log(self.sizes), np.arange(len(self.sizes)))
        low, share = int(at), float(at) - int(at)
        high = min(low + 1, len(self.sizes) - 1)
        slope = (1 - share) * self.slope[low] + share * self.slope[high]
        intercept = (1 - share) * self.intercept[low] + share * self.intercept[high]
        logs = slope * known.mean() + intercept
        ends = np.quantile(logs[1:], [0.025, 0.975])
        n = self.n[low] if share < 0.5 else self.n[high]
        return Ratio(float(logs[0]), float(ends[0]), float(ends[1]), n)


def learn_pooled(
    scores: Mapping[str, Sequence[float]], labels: Mapping[str, int], *, seed: int = 0
) -> Pooled:
    """Lines for each of SIZES that enough accounts have texts for.

    scores: of each account's texts. labels: 0 (human) or 1 (synthetic), of each account.
    ValueError where fewer than LEAST_ACCOUNTS of a kind have a text.
    """
    known = {a: np.array([s for s in own if not math.isnan(s)]) for a, own in scores.items()}
    generator = np.random.default_rng(seed)
    sizes: list[int] = []
    slopes, intercepts, counts = [], [], []
    for size in SIZES:
        accounts = [a for a in known if len(known[a]) >= size and a in labels]
        kinds = [sum(labels[a] == kind for a in accounts) for kind in (0, 1)]
        if min(kinds) < LEAST_ACCOUNTS:
            if not sizes:
                raise ValueError(
                    f"a text that can be scored is there of {kinds[0]} human and {kinds[1]} "
                    f"synthetic accounts; {LEAST_ACCOUNTS} of each are the least, so label more"
                )
            break
        own, truth = [known[a] for a in accounts], [labels[a] for a in accounts]
        with threadpool_limits(1, "blas"):  # threads that meet over so little take 40 times as long
            lines = _lines(own, truth, size, generator)
        sizes.append(size)
        slopes.append(lines[:, 0])
        intercepts.append(lines[:, 1])
        counts.append(len(accounts))
    return Pooled(tuple(sizes), np.array(slopes), np.array(intercepts), tuple(counts))


def as_json(pooled: Pooled) -> dict[str, Any]:
    """The lines as plain JSON."""
    return {
        "sizes": list(pooled.sizes), "slope": pooled.slope.tolist(),
        "intercept": pooled.intercept.tolist(), "accounts": list(pooled.n),
    }  # fmt: skip


def from_json(value: Any) -> Pooled:
    """What `as_json` made; ValueError where it is damaged."""
    try:
        found = Pooled(
            tuple(map(int, value["sizes"])), np.array(value["slope"], dtype=np.float64),
            np.array(value["intercept"], dtype=np.float64), tuple(map(int, value["accounts"])),
        )  # fmt: skip
        shape = (len(found.sizes), found.slope.shape[1])
        sound = found.sizes and found.slope.shape == found.intercept.shape == shape
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"the model of the evidence is damaged ({error}); learn it again"
        ) from None
    if not sound:
        raise ValueError("the model of the evidence is damaged (counts differ); learn it again")
    return found


def _lines(
    texts: Sequence[Floats], labels: Sequence[int], size: int, generator: np.random.Generator
) -> Floats:
    """(1 + RESAMPLES, 2): slope and intercept from all accounts, then from accounts drawn anew."""
    means = np.array(
        [[generator.choice(t, size, replace=False).mean() for _ in range(DRAWS)] for t in texts]
    )
    truth = np.asarray(labels)
    everyone = np.arange(len(texts))
    drawn = [everyone]
    for _ in range(RESAMPLES):
        parts = [np.flatnonzero(truth == kind) for kind in (0, 1)]
        drawn.append(np.concatenate([generator.choice(p, len(p)) for p in parts]))
    lines = []
    for chosen in drawn:
        truths = np.repeat(truth[chosen], DRAWS).tolist()
        lines.append(fit_logistic(means[chosen].reshape(-1, 1), truths))
    return np.array(lines)
