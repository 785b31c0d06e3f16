"""Detectors that need no training: one statistic of a language model, or of two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hallmark.detect.detector import Scores
from hallmark.detect.normalise import normalise
from hallmark.detect.statistics import STATISTICS, binoculars
from hallmark.detect.stored import blaming, read_config, string
from hallmark.lm.scorers import Scorer, check_shared_vocabulary, cross_entropies, load_scorer
from hallmark.models.sizes import find_model

KIND = "zero-shot"
VERSION = 1
BINOCULARS = "binoculars"


class ZeroShot:
    """A statistic of `model`; Binoculars also needs an `observer` of the same vocabulary.

    Models are Hallmark's own or any causal ones of transformers (`lm/scorers.py`).
    Scores are oriented as published, higher for likelier text, which is more synthetic under
    top-k sampling and less so under pure sampling.
    """

    def __init__(self, statistic: str, model: Scorer, *, observer: Scorer | None = None) -> None:
        valid = (*STATISTICS, BINOCULARS)
        if statistic not in valid:
            raise ValueError(f"no statistic is called {statistic!r}; use one of {', '.join(valid)}")
        if (statistic == BINOCULARS) != (observer is not None):
            raise ValueError("binoculars needs an observer model, and nothing else takes one")
        if observer is not None:
            check_shared_vocabulary(observer, model)
        self.statistic = statistic
        self.model = model
        self.observer = observer

    def score(self, texts: Sequence[str]) -> Scores:
        """The statistic (len(texts),); NaN for a text without tokens."""
        read = [normalise(text) for text in texts]
        records = self.model.score(read)
        if self.observer is None:
            reduce = STATISTICS[self.statistic]
            return np.array([reduce(r) if len(r) else np.nan for r in records])
        crossed = cross_entropies(self.observer, self.model, read)
        pairs = zip(records, crossed, strict=True)
        return np.array([binoculars(r, c) if len(r) else np.nan for r, c in pairs])

    @classmethod
    def load(cls, folder: Path, *, home: Path) -> ZeroShot:
        """From `config.json` with `kind`, `version`, `statistic`, `model` and maybe `observer`."""
        config = read_config(folder, kind=KIND, version=VERSION)
        with blaming(folder / "config.json"):
            statistic, name = string(config, "statistic"), string(config, "model")
            second = string(config, "observer") if "observer" in config else None
        model = load_scorer(find_model(name, home=home))
        observer = load_scorer(find_model(second, home=home)) if second else None
        return cls(statistic, model, observer=observer)
