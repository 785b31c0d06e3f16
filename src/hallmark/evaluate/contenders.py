"""What competes: detectors of texts, trained on a row's texts or saved before, and length alone.

Each gives the scores of one split of one corpus, cut to one length; the store remembers them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hallmark import __version__
from hallmark.detect.judge import load_class
from hallmark.evaluate.corpora import HUMAN, Corpora
from hallmark.evaluate.plan import Row
from hallmark.evaluate.settings import MatrixConfig
from hallmark.evaluate.store import Store, key_of
from hallmark.stats import Floats

AS_IT_IS = "as it is"  # the row of a saved detector
Labelled = tuple[list[str], list[int], list[str]]  # texts, labels, sources


class Contender(Protocol):
    """A detector by name, and one for each row."""

    name: str

    @property
    def rows(self) -> Sequence[Row]:
        """What it can be trained on."""
        ...

    def scores(self, row: Row, source: str, split: str, length: int) -> Floats:
        """Scores (N,) of the texts of `source` that reach `length`, by the detector of `row`."""
        ...


class Trained:
    """A detector that learns from texts: one for each row, at the table's own length.

    `fit` makes one from training and validation texts in a folder, with another for its work.
    """

    def __init__(
        self,
        name: str,
        rows: Sequence[Row],
        corpora: Corpora,
        store: Store,
        *,
        length: int,
        settings: dict[str, Any],
        fit: Callable[[Labelled, Labelled, Path, Path], None],
    ) -> None:
        self.name, self.rows = name, rows
        self._corpora, self._store, self._length = corpora, store, length
        self._settings, self._fit = settings, fit
        self._loaded: tuple[str, Any] | None = None

    def scores(self, row: Row, source: str, split: str, length: int) -> Floats:
        """See `Contender`."""
        detector = self.key(row)
        key = key_of(detector=detector, texts=self._corpora.digest(source, split, length))
        texts = self._corpora.texts(source, split, length)
        return self._store.scores(key, lambda: self._load(row, detector).score(list(texts)))

    def key(self, row: Row) -> str:
        """The hash of all that the detector of a row depends on."""
        texts = [
            self._corpora.digest(source, split, self._length)
            for split in ("train", "valid")
            for source in (HUMAN, *row.sources)
        ]
        return key_of(
            kind=self.name, settings=self._settings, texts=texts, sources=row.sources,
            hallmark=__version__,
        )  # fmt: skip

    def _load(self, row: Row, key: str) -> Any:
        if self._loaded is None or self._loaded[0] != key:

            def make(folder: Path, work: Path) -> None:
                self._fit(self._labelled(row, "train"), self._labelled(row, "valid"), folder, work)

            folder = self._store.detector(key, make)
            self._loaded = (key, load_class(self.name).load(folder, home=folder))
        return self._loaded[1]

    def _labelled(self, row: Row, split: str) -> Labelled:
        texts: list[str] = []
        labels: list[int] = []
        sources: list[str] = []
        for source in (HUMAN, *row.sources):
            own = self._corpora.texts(source, split, self._length)
            texts += own
            labels += [int(source != HUMAN)] * len(own)
            sources += [source] * len(own)
        return texts, labels, sources


def tfidf(rows: Sequence[Row], corpora: Corpora, store: Store, config: MatrixConfig) -> Trained:
    """The release's baseline for every row."""
    from hallmark.detect.tfidf import Tfidf, TfidfConfig

    def fit(train: Labelled, valid: Labelled, folder: Path, work: Path) -> None:
        detector = Tfidf()
        detector.fit(train[0], train[1], validation=(valid[0], valid[1]))
        detector.save(folder)

    settings = asdict(TfidfConfig())
    return Trained("tfidf", rows, corpora, store, length=config.full, settings=settings, fit=fit)


def encoder(
    rows: Sequence[Row], corpora: Corpora, store: Store, config: MatrixConfig, home: Path
) -> Trained:
    """An encoder for every row; one that was killed goes on from its checkpoint."""
    from hallmark.detect.encoder import Encoder
    from hallmark.detect.encoders.settings import EncoderConfig

    settings = EncoderConfig(
        encoder=config.encoder, epochs=config.epochs, seed=config.seed, max_length=config.full,
        min_length=min(config.full, EncoderConfig.min_length),
    )  # fmt: skip

    def fit(train: Labelled, valid: Labelled, folder: Path, work: Path) -> None:
        detector = Encoder(settings, home=home)
        detector.fit(
            train[0], train[1], validation=(valid[0], valid[1]), sources=train[2], folder=work
        )
        detector.save(folder)

    return Trained(
        "encoder", rows, corpora, store, length=config.full, settings=asdict(settings), fit=fit
    )


class Saved:
    """A detector that was made elsewhere: the bundled one, or a folder."""

    def __init__(
        self, name: str, detector: Any, *, key: str, sources: Sequence[str], corpora: Corpora,
        store: Store,
    ) -> None:  # fmt: skip
        self.name = name
        self.rows = [Row(AS_IT_IS, tuple(sources))]
        self._detector, self._key, self._corpora, self._store = detector, key, corpora, store

    def scores(self, row: Row, source: str, split: str, length: int) -> Floats:
        """See `Contender`."""
        key = key_of(
            saved=self._key, texts=self._corpora.digest(source, split, length), hallmark=__version__
        )
        texts = list(self._corpora.texts(source, split, length))
        return self._store.scores(key, lambda: self._detector.score(texts))


class Length:
    """The baseline that sees no text: the number of tokens of the whole document, before any cut.

    At equal lengths it says what the cut takes away. Its sign is that of a row's validation texts.
    """

    name = "length"

    def __init__(self, rows: Sequence[Row], corpora: Corpora) -> None:
        self.rows, self._corpora = rows, corpora

    def scores(self, row: Row, source: str, split: str, length: int) -> Floats:
        """See `Contender`."""
        human = self._mean((HUMAN,), length)
        sign = 1.0 if self._mean(row.sources, length) > human else -1.0
        return sign * self._tokens(source, split, length)

    def _tokens(self, source: str, split: str, length: int) -> Floats:
        found = self._corpora.reaching(source, split, length)
        return np.array([float(len(s.ids)) for s in found])

    def _mean(self, sources: Sequence[str], length: int) -> float:
        return float(np.concatenate([self._tokens(s, "valid", length) for s in sources]).mean())
