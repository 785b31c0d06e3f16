"""A certificate: thresholds of a detector on somebody's own human texts, and how often they err.

Thresholds come from one part of the texts and every bound from the other, split by author, so
that no text is counted for the threshold that it chose. A cell counts one text of an author.
Knows neither detectors nor files: scores in, a record out. See `fit` for the guarantees.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hallmark.detect.target import CertificateConfig
from hallmark.stats import clopper_pearson_lower, clopper_pearson_upper, supported_log_ratios

MARGIN = 0.5  # share of the target that the threshold is fitted to
ALL = ""  # the domain or group of a cell that is not divided by it


@dataclass(frozen=True)
class Scored:
    """A text's score and length, and what is known of it; `key` is the SHA-256 of the text."""

    score: float
    length: int
    key: str
    author: str
    domain: str = ALL
    group: str = ALL


@dataclass(frozen=True)
class Cell:
    """Human texts of one bin, domain and group that were not used for the threshold.

    `errors` of `n` lie above it; `bound` is the exact 95 % upper bound of that rate, and
    `needed` more texts without an error would bring it to the target.
    """

    least: int
    domain: str
    group: str
    errors: int
    n: int
    bound: float
    needed: int

    @property
    def name(self) -> str:
        """Domain and group, as far as the texts are divided by them."""
        return " / ".join(part for part in (self.domain, self.group) if part) or "all texts"


@dataclass(frozen=True)
class Bin:
    """A length from `least` on: the threshold, the bound for all its texts, and its cells.

    `threshold` is None where no text was there to fit it. `slope` and `intercept` give the log
    of the likelihood ratio, which holds from `lowest` to `highest`; None without synthetic texts.
    `caught` of `synthetic` texts of the other part lie above the threshold.
    """

    least: int
    threshold: float | None
    whole: Cell
    cells: tuple[Cell, ...]
    slope: float | None = None
    intercept: float | None = None
    lowest: float | None = None
    highest: float | None = None
    caught: int = 0
    synthetic: int = 0

    def refusal(self, target: float) -> str:
        """Why nothing may be claimed of texts of this length; empty where it may."""
        if self.threshold is None or self.whole.bound > target:
            return (
                f"{self.whole.errors} of the {self.whole.n} human texts of this length that were "
                f"counted lie above the threshold; to claim at most {target:.1%} (95 %), "
                f"{self.whole.needed} more without an error are needed, so bring about "
                f"{2 * self.whole.needed} more, as half of them give the threshold"
            )
        for cell in self.cells:
            if clopper_pearson_lower(cell.errors, cell.n) > target:
                return (
                    f"{cell.errors} of {cell.n} human texts of {cell.name} lie above the "
                    f"threshold, which is more than {target:.1%} (95 %)"
                )
        return ""


def fit(
    human: Sequence[Scored], synthetic: Sequence[Scored], config: CertificateConfig
) -> tuple[Bin, ...]:
    """Thresholds and bounds by length.

    The threshold is the lowest whose own bound on the first part is at most half the target, so
    that the second part seldom refuses the claim, or the highest score where there is none (an
    order statistic, Wilks 1941). It does not depend on the second part, so errors there are
    binomial, and the bound of Clopper and Pearson (1934) covers the rate in 95 % of
    certificates, for each bin and each cell by itself, if the texts that are judged come as
    these did. ValueError where the target is not inside (0, 1).
    """
    if not 0 < config.target_fpr < 1:
        raise ValueError(f"the target must lie above 0 and below 1, not {config.target_fpr}")
    edges = config.edges()
    bins = []
    for least, end in zip(edges, [*edges[1:], math.inf], strict=True):
        own, theirs = (
            _halves([s for s in texts if least <= s.length < end], config.seed)
            for texts in (human, synthetic)
        )
        bins.append(_fit_bin(least, own, theirs, config.target_fpr))
    return tuple(bins)


def needed(errors: int, n: int, target: float) -> int:
    """How many more texts without an error bring the 95 % bound to the target: 299 from none."""
    low, high = 0, 1
    while clopper_pearson_upper(errors, n + high) > target:
        low, high = high, 2 * high
    if clopper_pearson_upper(errors, n) <= target:
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        above = clopper_pearson_upper(errors, n + middle) > target
        low, high = (middle, high) if above else (low, middle)
    return high


def _fit_bin(
    least: int,
    human: tuple[list[Scored], list[Scored]],
    synthetic: tuple[list[Scored], list[Scored]],
    target: float,
) -> Bin:
    fitting, measuring = human
    threshold = _threshold([s.score for s in _one_each(fitting)], MARGIN * target)
    cells = sorted({(s.domain, s.group) for s in measuring} - {(ALL, ALL)})
    slope, intercept, lowest, highest = _ratio(fitting, synthetic[0])
    level = math.inf if threshold is None else threshold
    caught = sum(s.score > level for s in synthetic[1])
    return Bin(
        least, threshold, _cell(measuring, (least, ALL, ALL), level, target),
        tuple(
            _cell(
                [s for s in measuring if (s.domain, s.group) == own], (least, *own), level, target
            )
            for own in cells
        ),
        slope, intercept, lowest, highest, caught, len(synthetic[1]),
    )  # fmt: skip


def _threshold(scores: Sequence[float], target: float) -> float | None:
    """The lowest score that the exact bound allows, else the highest; None without scores."""
    if not scores:
        return None
    ordered = sorted(scores, reverse=True)
    above = 0
    while above + 1 < len(ordered) and clopper_pearson_upper(above + 1, len(ordered)) <= target:
        above += 1
    return float(ordered[above])


def _cell(
    texts: Iterable[Scored], name: tuple[int, str, str], threshold: float, target: float
) -> Cell:
    counted = _one_each(texts)
    errors, n = sum(s.score > threshold for s in counted), len(counted)
    bound = clopper_pearson_upper(errors, n)
    return Cell(*name, errors, n, bound, needed(errors, n, target))


def _one_each(texts: Iterable[Scored]) -> list[Scored]:
    """The text of every author whose hash comes first: a draw that no score has a part in."""
    chosen: dict[str, Scored] = {}
    for text in texts:
        if text.author not in chosen or text.key < chosen[text.author].key:
            chosen[text.author] = text
    return list(chosen.values())


def _halves(texts: Iterable[Scored], seed: int) -> tuple[list[Scored], list[Scored]]:
    """Every author's texts to one part or the other, by a hash of the author's name."""
    parts: tuple[list[Scored], list[Scored]] = ([], [])
    for text in texts:
        parts[hashlib.sha256(f"{seed}/{text.author}".encode()).digest()[0] % 2].append(text)
    return parts


def _ratio(
    human: Sequence[Scored], synthetic: Sequence[Scored]
) -> tuple[float, float, float, float] | tuple[None, None, None, None]:
    """The log-likelihood ratio's slope, intercept and limits, on the part that gives thresholds."""
    if not human or not synthetic:
        return None, None, None, None
    from hallmark.detect.calibration import fit_ratio

    scores = np.array([s.score for s in (*human, *synthetic)])
    labels = np.array([0] * len(human) + [1] * len(synthetic))
    slope, intercept = fit_ratio(scores, labels, np.ones(len(labels)))
    ratios = slope * scores + intercept
    return slope, intercept, *supported_log_ratios(ratios[labels == 0], ratios[labels == 1])
