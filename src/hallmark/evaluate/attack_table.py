"""What attacks cost a detector: the share of synthetic texts still found, raw and repaired.

The threshold is fitted on one half of the human texts, none attacked; the other half says how many
of them it flags. Attacks change the synthetic texts alone, as in RAID.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hallmark.detect.cleaning import clean
from hallmark.detect.detector import Detector, Scores
from hallmark.evaluate.attacks import FPR
from hallmark.stats import Estimate, auroc, paired_difference, threshold_at_fpr, wilson

NO_ATTACK = "none"
LEAST_HUMAN, LEAST_SYNTHETIC = 40, 1  # 20 of a half allow one false positive at 5 %
_BATCH = 32  # texts scored together

Change = Callable[[str, int], str]  # a text and its seed into the attacked text


@dataclass(frozen=True)
class Outcome:
    """Under one attack: synthetic texts found at the threshold, and the area under the curve.

    cost: by how much fewer are found than without an attack, of the same texts.
    """

    tpr: Estimate
    auroc: Estimate
    cost: Estimate


@dataclass(frozen=True)
class Row:
    """One attack. changed: share of the texts that it changed; tampered: of them, seen to be."""

    attack: str
    changed: Estimate
    raw: Outcome
    cleaned: Outcome
    tampered: Estimate


@dataclass(frozen=True)
class AttackTable:
    """Rows, and the human texts of the other half that are flagged, by threshold and as tampered.

    fpr_raw, fpr_cleaned: at the thresholds fitted on `fitted` human texts.
    """

    rows: tuple[Row, ...]
    fitted: int
    fpr_raw: Estimate
    fpr_cleaned: Estimate
    human_tampered: Estimate


def attack_table(
    detector: Detector,
    human: Sequence[str],
    synthetic: Sequence[str],
    changes: Mapping[str, Change],
    *,
    fpr: float = FPR,
    seed: int = 0,
    on_texts: Callable[[int], None] = lambda _: None,
) -> AttackTable:
    """The table of a detector on human texts and synthetic texts under attack.

    fpr: from 0 to below 1. on_texts: called with each number of texts that were scored.
    ValueError where there are fewer than LEAST_HUMAN human texts or no synthetic one.
    """
    if len(human) < LEAST_HUMAN or len(synthetic) < LEAST_SYNTHETIC:
        raise ValueError(
            f"a table needs {LEAST_HUMAN} human texts and a synthetic one at least, and there are "
            f"{len(human)} and {len(synthetic)}; give more"
        )
    judged = _Scored(detector, on_texts)
    people = judged.both(human)
    fit = np.array(random.Random(seed).sample(range(len(human)), len(human) // 2))
    test = np.setdiff1d(np.arange(len(human)), fit)
    thresholds = [threshold_at_fpr(column[fit], fpr=fpr) for column in people]
    held = [column[test] for column in people]
    plain = judged.both(synthetic)
    rows = []
    for name, change in {NO_ATTACK: lambda text, _: text, **changes}.items():
        attacked = [change(text, seed + i) for i, text in enumerate(synthetic)]
        found = plain if name == NO_ATTACK else judged.both(attacked)
        raw, cleaned = (
            _outcome(*columns) for columns in zip(held, plain, found, thresholds, strict=True)
        )
        changed = sum(a != b for a, b in zip(attacked, synthetic, strict=True))
        share = wilson(changed, len(synthetic))
        rows.append(Row(name, share, raw, cleaned, _tampered(attacked)))
    flagged = [int((h > t).sum()) for h, t in zip(held, thresholds, strict=True)]
    return AttackTable(
        tuple(rows), len(fit), wilson(flagged[0], len(test)), wilson(flagged[1], len(test)),
        _tampered([human[i] for i in test]),
    )  # fmt: skip


def _outcome(human: Scores, plain: Scores, attacked: Scores, threshold: float) -> Outcome:
    before, after = plain > threshold, attacked > threshold
    return Outcome(
        wilson(int(after.sum()), len(after)), auroc(human, attacked),
        paired_difference(before, after),
    )  # fmt: skip


def _tampered(texts: Sequence[str]) -> Estimate:
    return wilson(sum(clean(text).tampered for text in texts), len(texts))


class _Scored:
    """Scores of texts as they are and repaired, each different text once."""

    def __init__(self, detector: Detector, on_texts: Callable[[int], None]) -> None:
        self.detector, self.on_texts = detector, on_texts
        self.known: dict[str, float] = {}

    def both(self, texts: Sequence[str]) -> tuple[Scores, Scores]:
        """Raw scores and scores after cleaning; a text without a score is as human as can be."""
        cleaned = [clean(text).text for text in texts]
        new = [t for t in dict.fromkeys([*texts, *cleaned]) if t not in self.known]
        for at in range(0, len(new), _BATCH):
            batch = new[at : at + _BATCH]
            self.known |= zip(batch, self.detector.score(batch).tolist(), strict=True)
            self.on_texts(len(batch))
        return self._scores(texts), self._scores(cleaned)

    def _scores(self, texts: Sequence[str]) -> Scores:
        found = np.array([self.known[text] for text in texts], dtype=np.float64)
        return np.where(np.isnan(found), -np.inf, found)
