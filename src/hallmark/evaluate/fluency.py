"""How easy texts are to foretell, and how often they repeat themselves: fluency's poor relations.

Bits per byte by a model of one's choice; needs no people and does not stand in for them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hallmark.detect import scope
from hallmark.lm.model import LanguageModel
from hallmark.stats import Estimate, bootstrap

GRAM = 4  # tokens of a run that may be repeated


def bits_per_byte(model: LanguageModel, texts: Sequence[str]) -> Estimate:
    """Bits of all texts by their bytes in UTF-8; the interval draws texts with replacement.

    ValueError without texts.
    """
    bits = np.array([-s.log_prob.sum(dtype=np.float64) / np.log(2) for s in model.score(texts)])
    size = np.array([len(text.encode()) for text in texts], dtype=np.float64)

    def ratio(chosen: NDArray[np.intp]) -> float:
        return float(bits[chosen].sum() / size[chosen].sum())

    return bootstrap(ratio, range(len(texts)))


def repeated(texts: Sequence[Sequence[int]]) -> Estimate:
    """Mean share of a text's runs of GRAM tokens that stood in it before."""
    shares = np.array([scope.repeated(ids, window=GRAM) for ids in texts])
    return bootstrap(lambda chosen: float(shares[chosen].mean()), range(len(texts)))
