"""What a step trains on: pairs of a human and a synthetic crop of one length, some tokens hidden.

A function of seed and step alone, so that a run can go on at any step and processes can share
one. Classes are balanced, and within a class every source has the same share, however many
texts it has (the release's mixed sampling); equal lengths keep length from being evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hallmark.detect.encoders.settings import EncoderConfig
from hallmark.detect.encoders.vocabulary import Ids

READ = 1024  # tokens of a text from which crops are taken, as long as the release's own texts
_ORDER, _CROP = 1, 2  # streams of random numbers


@dataclass(frozen=True)
class Row:
    """A crop and its label."""

    ids: Ids
    label: int


class Crops:
    """Tokenised texts of both classes, by source; `larger_class` counts texts."""

    def __init__(
        self,
        ids: Sequence[Ids],
        labels: Sequence[int],
        sources: Sequence[str],
        config: EncoderConfig,
        *,
        hidden: int,
    ) -> None:
        self._config, self._hidden = config, hidden
        self._classes: list[list[list[Ids]]] = []
        for label in (0, 1):
            found: dict[str, list[Ids]] = {}
            for own, its, source in zip(ids, labels, sources, strict=True):
                if its == label and len(own):
                    found.setdefault(source, []).append(own)
            self._classes.append([found[source] for source in sorted(found)])
        counts = [sum(map(len, texts)) for texts in self._classes]
        if not min(counts):
            raise ValueError("both human and synthetic texts with tokens are needed; give more")
        self.larger_class = max(counts)
        self._orders: dict[tuple[int, int], tuple[int, NDArray[np.int64]]] = {}

    def step(self, step: int) -> list[Row]:
        """The rows of a step: pair after pair, the human one first."""
        pairs = self._config.batch_size // 2
        rows: list[Row] = []
        for number in range(step * pairs, (step + 1) * pairs):
            rng = np.random.default_rng([self._config.seed, _CROP, number])
            texts = [self._draw(label, number) for label in (0, 1)]
            wanted = rng.integers(self._config.min_length, self._config.max_length + 1)
            length = min(int(wanted), *map(len, texts))
            rows += [Row(self._crop(t, length, rng), i) for i, t in enumerate(texts)]
        return rows

    def _draw(self, label: int, number: int) -> Ids:
        """The text of a class that comes at a place of its endless order."""
        sources = self._classes[label]
        turn, source = divmod(number, len(sources))
        texts = sources[source]
        epoch, within = divmod(turn, len(texts))
        known = self._orders.get((label, source), (-1, np.zeros(0, dtype=np.int64)))
        if known[0] != epoch:
            rng = np.random.default_rng([self._config.seed, _ORDER, label, source, epoch])
            known = self._orders[label, source] = (epoch, rng.permutation(len(texts)))
        return texts[int(known[1][within])]

    def _crop(self, ids: Ids, length: int, rng: np.random.Generator) -> Ids:
        """A stretch of a text, anywhere in it, with some tokens hidden."""
        start = int(rng.integers(0, len(ids) - length + 1))
        out = ids[start : start + length].copy()
        out[rng.random(length) < self._config.token_dropout] = self._hidden
        return out
