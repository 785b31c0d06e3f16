"""Detectors that know the base model's outputs, and how far they fall on fine-tuned ones.

Three of them: `bundled` as it is; `tfidf` and `features`, which learn from the base model's outputs
and human texts of the same lengths. What is lost is split as the release split it: into what
shorter texts cost, and the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hallmark import __version__
from hallmark.detect.combination import FEWEST_TOKENS, Combination
from hallmark.detect.cutting import decoded
from hallmark.detect.refit import Refit
from hallmark.detect.stored import Arrays
from hallmark.detect.tfidf import Tfidf
from hallmark.evaluate.cells import Cell, Thresholds, cell_of, difference, fit_thresholds
from hallmark.evaluate.store import Store, key_of
from hallmark.models.tokenizer import Tokenizer
from hallmark.stats import Estimate, Floats

Ids = tuple[int, ...]
DETECTORS = ("bundled", "tfidf", "features")
AT = 1  # of the two false-positive rates of `cells.RATES`, 5 %


@dataclass(frozen=True)
class Split:
    """Human texts and outputs of the base model, in pairs of one length."""

    human: list[str]
    synthetic: list[str]

    @property
    def labels(self) -> list[int]:
        """0 for each human text, then 1 for each output."""
        return [0] * len(self.human) + [1] * len(self.synthetic)


class Panel:
    """The detectors, fitted to texts of some lengths; thresholds are those of validation texts.

    What the network found in texts is kept in `store`; `key` names the bundled detector there.
    """

    def __init__(
        self, bundled: Combination, train: Split, valid: Split, *, store: Store, key: str
    ) -> None:
        self._bundled, self._store, self._key = bundled, store, key
        self._tfidf, self._refit = Tfidf(), Refit()
        learn, held = [*train.human, *train.synthetic], [*valid.human, *valid.synthetic]
        self._tfidf.fit(learn, train.labels, validation=(held, valid.labels))
        features = self._features(learn)[0]
        self._refit.fit(features, train.labels, validation=(self._features(held)[0], valid.labels))
        human, synthetic = self.scores(valid.human), self.scores(valid.synthetic)
        self.thresholds = {n: fit_thresholds(human[n], synthetic[n]) for n in DETECTORS}

    def scores(self, texts: Sequence[str]) -> dict[str, Floats]:
        """Scores (N,) by each detector; the bundled one and the features share one reading."""
        features, lengths = self._features(texts)
        return {
            "bundled": self._bundled.experts.score(features, lengths),
            "tfidf": self._tfidf.score(texts),
            "features": self._refit.score(features),
        }

    def _features(self, texts: Sequence[str]) -> tuple[Floats, NDArray[np.int64]]:
        key = key_of(detector=self._key, texts=list(texts), hallmark=__version__)
        found = self._store.arrays(key, lambda: self._read(texts))
        return np.asarray(found["features"], dtype=np.float64), found["lengths"].astype(np.int64)

    def _read(self, texts: Sequence[str]) -> Arrays:
        readings = self._bundled.reader.read(texts)
        if short := sum(len(r) < FEWEST_TOKENS for r in readings):
            raise ValueError(
                f"{short} texts have fewer than {FEWEST_TOKENS} tokens; leave them out"
            )
        lengths = np.array([len(r) for r in readings])
        return {"features": self._bundled.matrix(readings), "lengths": lengths}


def equal_lengths(
    panel: Panel,
    human: dict[str, Floats],
    base: dict[str, Floats],
    tuned: dict[str, Floats],
    *,
    length: int,
) -> dict[str, dict[str, Any]]:
    """By detector: rates on fine-tuned outputs of `length` tokens, and what is lost to the base."""
    found = {}
    for name in DETECTORS:
        own = _cell(name, human, tuned, panel.thresholds[name], length)
        before = _cell(name, human, base, panel.thresholds[name], length)
        found[name] = {
            "accuracy": own.accuracy, "auroc": own.auroc, "tpr": own.tpr[AT], "fpr": own.fpr[AT],
            "accuracy_lost": difference(before.accuracy, own.accuracy),
            "auroc_lost": difference(before.auroc, own.auroc),
            "tpr_lost": difference(before.tpr[AT], own.tpr[AT]),
        }  # fmt: skip
    return found


@dataclass(frozen=True)
class Lengths:
    """Scores at lengths of their own: outputs of the base model and human texts as long as those;
    both cut to the lengths of the fine-tuned model's; and the fine-tuned model's outputs.
    """

    base: dict[str, Floats]
    human: dict[str, Floats]
    base_cut: dict[str, Floats]
    human_cut: dict[str, Floats]
    tuned: dict[str, Floats]


def own_lengths(panel: Panel, scores: Lengths) -> dict[str, dict[str, Estimate]]:
    """By detector: accuracy on the base's outputs, on those cut, on the tuned; the losses between.

    `lost` is the first minus the last, `by_length` the first minus the second, `by_rest` the rest.
    """
    found = {}
    for name in DETECTORS:
        limit = panel.thresholds[name]
        base = _cell(name, scores.human, scores.base, limit, 0).accuracy
        cut = _cell(name, scores.human_cut, scores.base_cut, limit, 0).accuracy
        tuned = _cell(name, scores.human_cut, scores.tuned, limit, 0).accuracy
        found[name] = {
            "base": base, "base_cut": cut, "tuned": tuned, "lost": difference(base, tuned),
            "by_length": difference(base, cut), "by_rest": difference(cut, tuned),
        }  # fmt: skip
    return found


def _cell(
    name: str,
    human: dict[str, Floats],
    synthetic: dict[str, Floats],
    limit: Thresholds,
    length: int,
) -> Cell:
    return cell_of(
        human[name], synthetic[name], limit, detector=name, row="base", column="", length=length
    )


def matched(
    texts: Sequence[Ids], lengths: Sequence[int], tokenizer: Tokenizer, *, seed: int
) -> list[str]:
    """Each text cut to a length drawn from `lengths`, in turn after a shuffle.

    A text shorter than the length that falls to it stays as it is.
    """
    order = np.random.default_rng(seed).permutation(len(lengths))
    return [
        decoded(ids[: lengths[order[i % len(order)]]], tokenizer) for i, ids in enumerate(texts)
    ]
