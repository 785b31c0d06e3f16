"""How like a text is to some others, its landmarks: what lets an expert bend.

A Gaussian kernel between rows of standardised features, approximated by the landmarks' span
(Nyström's method, Williams & Seeger 2001), so that a linear fit on the map is one in the kernel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hallmark.stats import Floats

REACH = 0.5  # likeness at a mean squared distance of d is exp(-REACH d)
LEFT_OUT = "word_"  # function words one by one would drown the other features' distances
_JITTER = 1e-3  # on the kernel's diagonal, so that its root exists


def compared(names: Sequence[str]) -> NDArray[np.bool_]:
    """(F,) True for the features that distances are taken in."""
    return np.array([not name.startswith(LEFT_OUT) for name in names], dtype=np.bool_)


def likeness(z: Floats, landmarks: Floats) -> Floats:
    """(N, M) Gaussian kernel of rows (N, F) with landmarks (M, F), 0 to 1."""
    squares = (z**2).sum(1)[:, None] + (landmarks**2).sum(1) - 2 * z @ landmarks.T
    out: Floats = np.exp(-REACH / max(1, z.shape[1]) * np.maximum(squares, 0))
    return out


def root(landmarks: Floats) -> Floats:
    """(M, M) inverse root of the landmarks' kernel: likeness times it has the kernel's products."""
    kernel = likeness(landmarks, landmarks) + _JITTER * np.eye(len(landmarks))
    values, vectors = np.linalg.eigh(kernel)
    out: Floats = vectors / np.sqrt(values)
    return out
