"""Two experts, one for pure and one for truncated sampling, at a ladder of lengths.

Human text lies between pure and truncated samples, so one linear score cannot hold both ends
against it. An expert is linear in the features and in a text's likeness to some landmarks, which
lets it bend. Each expert's log-likelihood ratio is calibrated; the sampling of a text at hand is
unknown, so the score is that of their mixture. Between two lengths scores are interpolated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hallmark.detect.landmarks import compared, kernel
from hallmark.detect.stored import Arrays, floats, require, wholes
from hallmark.stats import Floats

FAMILIES = ("pure", "truncated")
SHARES = (0.41, 0.59)  # of the families among synthetic texts: see docs/detectors.md
CLIP = 4.0  # standard deviations
LARGEST = 1e6  # weight, in nats


@dataclass(frozen=True)
class Experts:
    """Experts for A lengths, K families, F features and M landmarks.

    `lengths` (A,) in tokens, rising; `centre`, `scale` (A, F) standardise a feature at that
    length; `weights` (K, A, F) and `bias` (K, A) give log-likelihood ratios in nats, to which
    `dual_weights` (K, A, M) add for the kernel with `landmarks` (M, compared features), which are
    standardised.
    """

    names: tuple[str, ...]
    lengths: NDArray[np.int64]
    centre: Floats
    scale: Floats
    weights: Floats
    bias: Floats
    landmarks: Floats
    dual_weights: Floats

    def standardised(self, features: Floats, at: int) -> Floats:
        """(N, F) features in units of their spread at length number `at`, clipped."""
        z: Floats = np.clip((features - self.centre[at]) / self.scale[at], -CLIP, CLIP)
        return z

    def ratios(self, features: Floats, tokens: NDArray[np.int64]) -> Floats:
        """Each family's log-likelihood ratio against human text, (N, K), at each text's length."""
        low, share = between(self.lengths, tokens)
        columns = compared(self.names)
        out = np.zeros((len(features), len(self.weights)))
        for step, weight in ((0, 1 - share), (1, share)):
            rows = np.minimum(low + step, len(self.lengths) - 1)
            for at in np.unique(rows):
                mine = rows == at
                z = self.standardised(features[mine], int(at))
                bent = kernel(z[:, columns], self.landmarks) @ self.dual_weights[:, at].T
                straight = z @ self.weights[:, at].T + self.bias[:, at]
                out[mine] += weight[mine, None] * (straight + bent)
        return out

    def score(self, features: Floats, tokens: NDArray[np.int64]) -> Floats:
        """Log-likelihood ratio (N,) of the mixture of the families, in nats."""
        return mixture(self.ratios(features, tokens))

    def tensors(self) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
        """The arrays to be saved."""
        return {
            "lengths": self.lengths, "centre": self.centre, "scale": self.scale,
            "weights": self.weights, "bias": self.bias, "landmarks": self.landmarks,
            "dual_weights": self.dual_weights,
        }  # fmt: skip

    @classmethod
    def from_tensors(cls, names: tuple[str, ...], tensors: Arrays) -> Experts:
        """Read back what `tensors` gave; ValueError where the arrays do not fit the names."""
        lengths = wholes(tensors, "lengths", (None,))
        require((lengths > 0).all() and (np.diff(lengths) > 0).all(), "lengths must rise from 1 on")
        size, columns = (len(lengths), len(names)), int(compared(names).sum())
        require(columns > 0, "there must be a feature that texts can be compared in")
        weights = floats(tensors, "weights", (len(FAMILIES), *size))
        scale = floats(tensors, "scale", size)
        require((scale > 0).all(), "scale must be above 0")
        bias = floats(tensors, "bias", (len(FAMILIES), len(lengths)))
        landmarks = floats(tensors, "landmarks", (None, columns))
        require((np.abs(landmarks) <= CLIP).all(), f"landmarks must lie within {CLIP:g}")
        dual_weights = floats(tensors, "dual_weights", (*bias.shape, len(landmarks)))
        for name, array in (("weights", weights), ("bias", bias), ("dual_weights", dual_weights)):
            require((np.abs(array) <= LARGEST).all(), f"{name} holds a number above {LARGEST:g}")
        centre = floats(tensors, "centre", size)
        return cls(names, lengths, centre, scale, weights, bias, landmarks, dual_weights)


def mixture(ratios: Floats) -> Floats:
    """Log-likelihood ratio (N,) of the families mixed in `SHARES`, from theirs, (N, K)."""
    out: Floats = np.logaddexp.reduce(ratios + np.log(SHARES), axis=1)
    return out


def between(
    lengths: NDArray[np.int64], tokens: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Floats]:
    """For each text the length at or below its own, and how far it is to the next, 0 to 1.

    On a logarithmic scale; texts outside the range take its end.
    """
    place = np.interp(np.log(tokens), np.log(lengths), np.arange(len(lengths)))
    low = np.floor(place).astype(np.int64)
    return low, place - low
