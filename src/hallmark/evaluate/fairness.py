"""False-positive rates by group and length, and which groups differ at the same length.

Groups are compared within a bin of length only, because length alone moves the rate. Knows
neither detectors nor texts: who was flagged in, rates and tests out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hallmark.stats import Estimate, clopper_pearson_upper, wilson

FEWEST = 29  # texts; without an error fewer cannot rule out a rate of 10 % (95 %)
CONFIDENT = 0.05  # a difference is called one below this, after Holm's correction


@dataclass(frozen=True)
class Judged:
    """A human text: its group, its length in tokens, and whether it was called synthetic."""

    group: str
    length: int
    flagged: bool


@dataclass(frozen=True)
class Rate:
    """Of `n` texts of a group from `least` tokens on, `errors` were flagged.

    `rate` has Wilson's interval, `bound` is the exact one-sided 95 % upper bound.
    """

    group: str
    least: int
    errors: int
    rate: Estimate
    bound: float

    @property
    def says_little(self) -> bool:
        """Whether so few texts could not even rule out a rate of 10 %."""
        return self.rate.n < FEWEST


@dataclass(frozen=True)
class Difference:
    """A group's rate minus that of all others of the same length.

    Newcombe's (1998, method 10) 95 % interval; `p` is Fisher's exact test, corrected for all
    comparisons of the table by Holm (1979).
    """

    group: str
    least: int
    difference: Estimate
    p: float


@dataclass(frozen=True)
class Fairness:
    """Every group by every length, and the comparisons between them."""

    rates: tuple[Rate, ...]
    differences: tuple[Difference, ...]


def measure(judged: Iterable[Judged], *, lengths: Sequence[int]) -> Fairness:
    """Rates of every group in every bin; bins begin at `lengths`, shorter texts are left out."""
    counts: dict[tuple[int, str], list[int]] = {}
    for text in judged:
        least = max((edge for edge in lengths if edge <= text.length), default=None)
        if least is not None:
            count = counts.setdefault((least, text.group), [0, 0])
            count[0] += text.flagged
            count[1] += 1
    rates = tuple(
        Rate(group, least, k, wilson(k, n), clopper_pearson_upper(k, n))
        for (least, group), (k, n) in sorted(counts.items())
    )
    return Fairness(rates, _holm([d for least in lengths for d in _compare(rates, least)]))


def _compare(rates: Sequence[Rate], least: int) -> list[Difference]:
    """Each group that says something against the others of its length."""
    from scipy.stats import fisher_exact

    here = [r for r in rates if r.least == least]
    out = []
    for own in here:
        k = sum(r.errors for r in here) - own.errors
        n = sum(r.rate.n for r in here) - own.rate.n
        if n >= FEWEST and not own.says_little:
            table = [[own.errors, own.rate.n - own.errors], [k, n - k]]
            p = float(fisher_exact(table).pvalue)
            out.append(Difference(own.group, least, _minus(own.rate, wilson(k, n)), p))
    return out


def _minus(a: Estimate, b: Estimate) -> Estimate:
    low = math.hypot(a.value - a.low, b.high - b.value)
    high = math.hypot(a.high - a.value, b.value - b.low)
    value = a.value - b.value
    return Estimate(value, max(-1.0, value - low), min(1.0, value + high), a.n + b.n)


def _holm(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """The same with corrected p-values."""
    corrected: dict[int, float] = {}
    worst = 0.0
    for rank, i in enumerate(sorted(range(len(found)), key=lambda i: found[i].p)):
        worst = max(worst, min(1.0, (len(found) - rank) * found[i].p))
        corrected[i] = worst
    return tuple(replace(d, p=corrected[i]) for i, d in enumerate(found))


def markdown(fairness: Fairness) -> str:
    """Both tables for a document."""
    lines = [
        "| tokens from | group | flagged | rate, 95 % interval | at most (95 %) |",
        "|---|---|---|---|---|",
    ]
    for r in fairness.rates:
        little = f" (n < {FEWEST}: says little)" if r.says_little else ""
        lines.append(
            f"| {r.least} | {r.group} | {r.errors} of {r.rate.n}{little} | {r.rate.shown} "
            f"| {r.bound:.3f} |"
        )
    lines += ["", "| tokens from | group | rate minus the others' | p (Fisher, Holm) | |"]
    lines.append("|---|---|---|---|---|")
    for d in fairness.differences:
        called = "differs" if d.p < CONFIDENT else ""
        lines.append(
            f"| {d.least} | {d.group} | {d.difference.value:+.3f} [{d.difference.low:+.3f}, "
            f"{d.difference.high:+.3f}] | {d.p:.2g} | {called} |"
        )
    return "\n".join(lines)
