"""Detectors that read what one network found: each text goes through it once, for all rows.

Numbers of a token depend on earlier tokens alone, so the record of a text's beginning is the
beginning of its record.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hallmark import stats
from hallmark.detect.cutting import decoded
from hallmark.detect.reading import Reader, Reading
from hallmark.detect.refit import Refit
from hallmark.detect.statistics import STATISTICS
from hallmark.detect.stored import Arrays
from hallmark.evaluate.cells import best_threshold
from hallmark.evaluate.corpora import HUMAN, Corpora, Sample
from hallmark.evaluate.plan import Row
from hallmark.evaluate.store import Store, key_of
from hallmark.lm import score as scoring
from hallmark.stats import Floats


class Readings:
    """The features of every text at every length of `cuts`, found once and kept."""

    def __init__(
        self, reader: Reader, corpora: Corpora, store: Store, *, key: str, cuts: Sequence[int]
    ) -> None:
        self._reader, self._corpora, self._store = reader, corpora, store
        self._key, self._cuts = key, tuple(cuts)
        self._found: dict[tuple[str, str], Arrays] = {}

    def feature(self, name: str, source: str, split: str, length: int) -> Floats:
        """One feature (N,) of the texts that reach `length`."""
        return np.asarray(self._all(source, split)[f"{length}/{name}"], dtype=np.float64)

    def features(self, source: str, split: str, length: int) -> Floats:
        """All features (N, F), by name."""
        found, head = self._all(source, split), f"{length}/"
        return np.column_stack([found[name] for name in sorted(found) if name.startswith(head)])

    def _all(self, source: str, split: str) -> Arrays:
        """Arrays called LENGTH/FEATURE."""
        if (source, split) not in self._found:
            samples = self._corpora.reaching(source, split, self._cuts[0])
            ids = [s.ids[: self._cuts[-1]] for s in samples]
            lengths = [min(len(s.ids), self._cuts[-1]) for s in samples]
            key = key_of(reader=self._key, cuts=self._cuts, ids=ids, lengths=lengths)
            self._found[source, split] = self._store.arrays(key, lambda: self._read(samples))
        return self._found[source, split]

    def _read(self, samples: Sequence[Sample]) -> Arrays:
        """One pass of the network; at each length the beginnings of what it found."""
        own, tokenizer = self._corpora.tokenizer, self._reader.model.tokenizer
        ids = [list(s.ids[: self._cuts[-1]]) for s in samples]
        if tokenizer.merges != own.merges:
            ids = [tokenizer.encode(decoded(some, own)) for some in ids]
        records = scoring.score(self._reader.model.network, ids, eot=tokenizer.eot)
        rows: dict[str, list[float]] = {}
        for sample, some, record in zip(samples, ids, records, strict=True):
            adaptive = self._reader.background.score(some, eot=tokenizer.eot)
            reading = Reading(tokenizer.decode(some), adaptive, record, len(some))
            for length in self._cuts:
                if len(sample.ids) >= length:
                    n = self._places(some, sample.ids[:length])
                    found = self._reader.features(reading.prefix(n, tokenizer))
                    for name, value in found.items():
                        rows.setdefault(f"{length}/{name}", []).append(value)
        return {name: np.array(values) for name, values in rows.items()}

    def _places(self, read: Sequence[int], ids: Sequence[int]) -> int:
        """How many of the reader's tokens are the text of `ids`, at least two."""
        if list(read[: len(ids)]) == list(ids):
            return len(ids)
        room = len(self._corpora.tokenizer.decode_bytes(list(ids)))
        pieces = [len(self._reader.model.tokenizer.decode_bytes([i])) for i in read]
        return max(2, int((np.cumsum(pieces) <= room).sum()))


class ZeroShotRows:
    """The one statistic, and its sign, that tell a row's validation texts best at a length."""

    name = "zero-shot"

    def __init__(self, rows: Sequence[Row], readings: Readings) -> None:
        self.rows, self._readings = rows, readings
        self._chosen: dict[tuple[str, int], tuple[str, float]] = {}

    def scores(self, row: Row, source: str, split: str, length: int) -> Floats:
        """See `Contender`."""
        name, sign = self.chosen(row, length)
        return sign * self._values(name, source, split, length)

    def chosen(self, row: Row, length: int) -> tuple[str, float]:
        """Statistic and sign for a row."""
        at = (row.name, length)
        if at not in self._chosen:
            tried = [(name, sign) for name in STATISTICS for sign in (1.0, -1.0)]
            self._chosen[at] = max(tried, key=lambda one: self._right(one[0], one[1], row, length))
        return self._chosen[at]

    def _right(self, name: str, sign: float, row: Row, length: int) -> float:
        """Balanced accuracy on validation texts."""
        human = sign * self._values(name, HUMAN, "valid", length)
        own = [self._values(name, source, "valid", length) for source in row.sources]
        synthetic = sign * np.concatenate(own)
        limit = best_threshold(human, synthetic)
        return stats.balanced_accuracy(human, synthetic, threshold=limit).value

    def _values(self, name: str, source: str, split: str, length: int) -> Floats:
        return self._readings.feature(f"lm_{name}", source, split, length)


class RefitRows:
    """The bundled detector's features but its discriminator's, fitted to a row and a length."""

    name = "features"

    def __init__(self, rows: Sequence[Row], readings: Readings) -> None:
        self.rows, self._readings = rows, readings
        self._fitted: dict[tuple[str, int], Refit] = {}

    def scores(self, row: Row, source: str, split: str, length: int) -> Floats:
        """See `Contender`."""
        return self._refit(row, length).score(self._readings.features(source, split, length))

    def _refit(self, row: Row, length: int) -> Refit:
        at = (row.name, length)
        if at not in self._fitted:
            self._fitted[at] = Refit()
            train, labels = self._labelled(row, "train", length)
            valid = self._labelled(row, "valid", length)
            self._fitted[at].fit(train, labels, validation=valid)
        return self._fitted[at]

    def _labelled(self, row: Row, split: str, length: int) -> tuple[Floats, list[int]]:
        parts = [(s, self._readings.features(s, split, length)) for s in (HUMAN, *row.sources)]
        labels = [int(source != HUMAN) for source, part in parts for _ in part]
        return np.concatenate([part for _, part in parts]), labels
