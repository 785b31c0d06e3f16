"""Content and metadata together: a posterior at a stated prevalence, with what each part adds.

Signals of one group tell much the same, so the strongest counts and the others do not: capped, not
multiplied. Weights between 0 and 1, learnt on accounts that the ratios were not learnt on, take
back what groups share. Metadata may sharpen or lower what the content says and never speaks alone:
people act together too, and coordination is no sign of who wrote a text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hallmark.evidence import pooled
from hallmark.evidence.accounts import GROUPS, SIGNALS, Table
from hallmark.evidence.logistic import fit_logistic
from hallmark.evidence.pooled import LEAST_ACCOUNTS, Pooled, learn_pooled
from hallmark.evidence.ratio import Binned, Ratio, learn

CONTENT = "content"
PARTS = (CONTENT, *GROUPS)
CAP = math.log(10)  # metadata, all of it, moves the odds at most tenfold
LEAST_LABELLED = 2 * LEAST_ACCOUNTS - 1  # of each label: half of them, rounded up, teach ratios
REPORT_AT = 0.95  # a posterior from which an account is worth a person's time first


@dataclass(frozen=True)
class Signal:
    """One piece of evidence about an account: a value, what it is worth, and where from.

    value: NaN where it could not be read. counted: whether it is the one of its group that counts.
    """

    name: str
    group: str
    value: float
    ratio: Ratio
    counted: bool


@dataclass(frozen=True)
class Fused:
    """What content and metadata say of an account together.

    posterior: probability at `prevalence` that the account is synthetic. parts: what each of PARTS
    adds to the log-odds. coordinated: twice posted the same as another within a minute, which says
    nothing of who wrote it.
    """

    account: str
    prevalence: float
    posterior: float
    parts: Mapping[str, float]
    signals: tuple[Signal, ...]
    coordinated: bool
    texts: int

    @property
    def first(self) -> bool:
        """Whether to look at it first: the posterior is high, and content itself says so."""
        return self.posterior >= REPORT_AT and self.parts[CONTENT] > 0


@dataclass(frozen=True)
class Fusion:
    """Ratios of each signal, the pooled content's lines, and each part's weight.

    There is no bias: an account of which nothing is known keeps the prior.
    """

    ratios: Mapping[str, Binned]
    pooled: Pooled
    weights: Mapping[str, float]

    def fuse(
        self, table: Table, scores: Sequence[Sequence[float]], *, prevalence: float,
        without: Sequence[str] = (),
    ) -> list[Fused]:  # fmt: skip
        """Every account of `table`; `scores` are those of its texts, in the table's order.

        prevalence: the share of synthetic accounts among such accounts. without: parts to leave
        out, to see what they do. ValueError where the prevalence is not above 0 and below 1.
        """
        if not 0 < prevalence < 1:
            raise ValueError(f"the prevalence must lie above 0 and below 1, not {prevalence}")
        prior = math.log(prevalence / (1 - prevalence))
        found = []
        for i, account in enumerate(table.names):
            content = self.pooled(scores[i])
            signals = self._signals(table, i)
            parts = self._parts(content, signals, without)
            odds = prior + math.fsum(parts.values())
            together = float(table.values["partners"][i]) > 0
            found.append(
                Fused(
                    account, prevalence, float(special.expit(odds)), parts,
                    (Signal(CONTENT, CONTENT, _mean(scores[i]), content, True), *signals),
                    together, len(scores[i]),
                )
            )  # fmt: skip
        return found

    def evidence(self, table: Table, scores: Sequence[float], account: int) -> list[float]:
        """Log-likelihood ratio of each of PARTS, neither weighed nor capped."""
        signals = self._signals(table, account)
        strongest = {s.group: s.ratio.sure for s in signals if s.counted}
        return [self.pooled(scores).log, *(strongest[group] for group in GROUPS)]

    def _signals(self, table: Table, account: int) -> list[Signal]:
        out = []
        for group, names in GROUPS.items():
            values = {name: float(table.values[name][account]) for name in names}
            ratios = {name: self.ratios[name](values[name]) for name in names}
            strongest = max(names, key=lambda name: abs(ratios[name].sure))
            out += [Signal(n, group, values[n], ratios[n], n == strongest) for n in names]
        return out

    def _parts(
        self, content: Ratio, signals: Sequence[Signal], without: Sequence[str]
    ) -> dict[str, float]:
        own = 0.0 if CONTENT in without else self.weights[CONTENT] * content.log
        metadata = {
            s.group: 0.0 if s.group in without else self.weights[s.group] * s.ratio.sure
            for s in signals
            if s.counted
        }
        total = math.fsum(metadata.values())
        most = CAP if own > 0 and content.sure > 0 else 0.0
        allowed = min(max(total, -CAP), most)
        scale = allowed / total if total and abs(allowed) < abs(total) else 1.0
        return {CONTENT: own, **{group: scale * value for group, value in metadata.items()}}


def learn_fusion(
    table: Table, scores: Sequence[Sequence[float]], labels: Sequence[int], *, seed: int = 0
) -> Fusion:
    """Learn from labelled accounts (labels 0 and 1 in the table's order): ratios from one half of
    them, weights from the other. ValueError where there are too few.
    """
    if len(labels) != len(table.names):
        raise ValueError(f"{len(labels)} labels for {len(table.names)} accounts; give one for each")
    truth = np.asarray(labels)
    one = _half(truth, seed=seed)
    other = np.setdiff1d(np.arange(len(truth)), one)
    ratios = {name: learn(table.values[name][one], truth[one].tolist()) for name in SIGNALS}
    by_name = {table.names[i]: scores[i] for i in one.tolist()}
    truths = {table.names[i]: int(truth[i]) for i in one.tolist()}
    try:
        lines = learn_pooled(by_name, truths, seed=seed)
    except ValueError as error:
        raise ValueError(f"in the half of the accounts that teaches ratios, {error}") from None
    free = Fusion(ratios, lines, dict.fromkeys(PARTS, 1.0))
    rows = np.array([free.evidence(table, scores[i], i) for i in other.tolist()])
    weights = fit_logistic(
        rows, truth[other].tolist(), bounds=[(0.0, 1.0)] * len(PARTS), intercept=False
    )
    return Fusion(ratios, lines, dict(zip(PARTS, weights.tolist(), strict=True)))


def check_enough(labels: Sequence[int]) -> None:
    """ValueError where there are too few labelled accounts to learn from, whatever their scores."""
    human, synthetic = (sum(label == kind for label in labels) for kind in (0, 1))
    if min(human, synthetic) < LEAST_LABELLED:
        raise ValueError(
            f"{human} human and {synthetic} synthetic accounts are labelled; {LEAST_LABELLED} of "
            f"both kinds are the least: half of each, {LEAST_ACCOUNTS}, teach ratios, and the "
            "others weights"
        )


def _half(truth: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """Places of half of the accounts of each label, drawn at random."""
    generator = np.random.default_rng(seed)
    kinds = [generator.permutation(np.flatnonzero(truth == label)) for label in (0, 1)]
    return np.sort(np.concatenate([kind[: (len(kind) + 1) // 2] for kind in kinds]))


def as_json(fusion: Fusion) -> dict[str, Any]:
    """The fusion as plain JSON."""
    return {
        "signals": {
            name: {
                "edges": list(b.edges),
                "ratios": [[r.log, r.low, r.high, r.n] for r in b.ratios],
                "seen": [None if math.isnan(low) else [low, high] for low, high in b.seen],
            }
            for name, b in fusion.ratios.items()
        },
        "content": pooled.as_json(fusion.pooled),
        "weights": dict(fusion.weights),
    }  # fmt: skip


def from_json(value: Mapping[str, Any]) -> Fusion:
    """What `as_json` made; ValueError where it is damaged."""
    try:
        ratios = {name: _binned(value["signals"][name]) for name in SIGNALS}
        weights = {part: float(value["weights"][part]) for part in PARTS}
        content = value["content"]
        sound = all(len(b.ratios) == len(b.seen) == len(b.edges) + 1 for b in ratios.values())
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"the model of the evidence is damaged or old ({error}); learn it again"
        ) from None
    if not sound:
        raise ValueError("the model of the evidence is damaged (counts differ); learn it again")
    return Fusion(ratios, pooled.from_json(content), weights)


def _binned(value: Mapping[str, Any]) -> Binned:
    ratios = [Ratio(float(r[0]), float(r[1]), float(r[2]), int(r[3])) for r in value["ratios"]]
    none = (math.nan, math.nan)
    seen = [none if s is None else (float(s[0]), float(s[1])) for s in value["seen"]]
    return Binned(tuple(map(float, value["edges"])), tuple(ratios), tuple(seen))


def _mean(scores: Sequence[float]) -> float:
    known = [s for s in scores if not math.isnan(s)]
    return math.fsum(known) / len(known) if known else math.nan
