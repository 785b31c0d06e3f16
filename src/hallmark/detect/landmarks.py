"""How like a text is to some others, its landmarks: what lets an expert bend.

A Gaussian kernel of standardised features. A fit on Nyström's map of it (Williams & Seeger 2001)
is linear in the kernel with the landmarks, so that a weight a landmark is all that is kept of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hallmark.stats import Floats

GAMMA = 0.5  # of the mean squared distance; scikit-learn's is this over the number of features
NOT_COMPARED = "word_"  # function words one by one would drown the other features' distances


def compared(names: Sequence[str]) -> NDArray[np.bool_]:
    """(F,) True for the features that distances are taken in."""
    return np.array([not name.startswith(NOT_COMPARED) for name in names], dtype=np.bool_)


def kernel(z: Floats, landmarks: Floats) -> Floats:
    """(N, M) Gaussian kernel, 0 to 1, of rows (N, F) with landmarks (M, F); F >= 1."""
    squares = (z**2).sum(1)[:, None] + (landmarks**2).sum(1) - 2 * z @ landmarks.T
    out: Floats = np.exp(-GAMMA / z.shape[1] * np.maximum(squares, 0))
    return out
