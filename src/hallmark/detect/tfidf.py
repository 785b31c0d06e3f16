"""The release's baseline: TF-IDF of words and word pairs, and logistic regression.

gpt-2-output-dataset's `baseline.py`: 1-2-grams, at most 2^21 features seen in at least five
texts, liblinear's objective, C chosen on validation data. Features are scikit-learn's to the
last one; on disk there is no pickle, but a vocabulary in JSON and numbers in safetensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hallmark.detect.detector import Scores, check_labels
from hallmark.detect.logistic import Fitted, fit_path, margins
from hallmark.detect.ngrams import Rows, Vocabulary, learn_vocabulary
from hallmark.detect.stored import (
    blaming,
    floats,
    read_arrays,
    read_config,
    read_strings,
    require,
    write_arrays,
    write_strings,
)
from hallmark.detect.tokens import WordIndex, prepare
from hallmark.models.folder import write_json, write_manifest

KIND = "tfidf"
VERSION = 1
FILES = ("config.json", "vocabulary.json", "tfidf.safetensors")


@dataclass(frozen=True)
class TfidfConfig:
    """The published recipe. `min_df` is a number of texts."""

    min_df: int = 5
    max_features: int = 2**21
    c_values: tuple[float, ...] = tuple(2.0**k for k in range(-6, 7))


class Tfidf:
    """Score: log-odds in nats that a text is synthetic, as the training texts had it.

    After `fit`, `c` is the chosen C and `accuracies` are those on the validation texts, one for
    each C.
    """

    def __init__(self, config: TfidfConfig = TfidfConfig()) -> None:
        self.config = config
        self.c = 1.0
        self.accuracies: tuple[float, ...] = ()
        self._vocabulary: Vocabulary | None = None
        self._idf = np.zeros(0)
        self._coef = np.zeros(0)
        self._intercept = 0.0

    def fit(
        self,
        texts: Iterable[str],
        labels: Sequence[int],
        *,
        validation: tuple[Sequence[str], Sequence[int]] | None = None,
    ) -> None:
        """Learn from texts with labels 0 and 1; C by accuracy on `validation`, else C = 1.

        The first of equally good values of C is taken. Texts are read once. ValueError where a
        label is missing, or where no word is in `min_df` texts.
        """
        check_labels(labels)
        rows = self._learn_features(texts, len(labels))
        c_values = self.config.c_values if validation else (1.0,)
        held = list(self._read(validation[0])) if validation else []
        best: tuple[float, Fitted | None] = (-1.0, None)
        accuracies: list[float] = []
        for fitted in fit_path(rows, labels, self._idf, c_values):
            accuracies.append(self._accuracy(fitted, held, validation[1]) if validation else 0.0)
            if accuracies[-1] > best[0]:
                best = (accuracies[-1], fitted)
        assert best[1] is not None
        self.c, self.accuracies = best[1].c, tuple(accuracies) if validation else ()
        self._coef, self._intercept = best[1].weights, best[1].intercept

    def _learn_features(self, texts: Iterable[str], count: int) -> list[Rows]:
        """Choose the vocabulary and read the texts' features with it."""
        words = WordIndex()
        streams = list(words.read(map(prepare, texts), learn=True))
        found = sum(len(s.lengths) for s in streams)
        if found != count:
            raise ValueError(f"there are {found} texts and {count} labels; give one for each")
        try:
            self._vocabulary, seen = learn_vocabulary(
                streams, words, min_df=self.config.min_df, max_features=self.config.max_features
            )
        except ValueError as error:
            raise ValueError(
                f"too few texts for words in at least {self.config.min_df} of them ({error}); "
                "give more or lower min_df"
            ) from None
        self._idf = np.log((1 + count) / (1 + seen)) + 1
        return list(self._vocabulary.rows(streams))

    def _accuracy(self, fitted: Fitted, held: Sequence[Rows], labels: Sequence[int]) -> float:
        scores = self._margins(held, fitted.weights) + fitted.intercept
        return float(np.mean((scores > 0) == np.asarray(labels)))

    def _margins(self, rows: Iterable[Rows], weights: NDArray[np.float64]) -> Scores:
        return np.concatenate([np.zeros(0), *(margins(r, self._idf, weights) for r in rows)])

    def _read(self, texts: Iterable[str]) -> Iterable[Rows]:
        if self._vocabulary is None:
            raise ValueError("this detector has not been fitted; call fit or load")
        return self._vocabulary.read(texts)

    def score(self, texts: Sequence[str]) -> Scores:
        """Log-odds in nats (len(texts),); those of the intercept for a text without known words."""
        return self._margins(self._read(texts), self._coef) + self._intercept

    def save(self, folder: Path, *, facts: dict[str, Any] | None = None) -> None:
        """Write the folder, manifest last; `facts` (data, results) go into config.json."""
        if self._vocabulary is None:
            raise ValueError("this detector has not been fitted; call fit first")
        folder.mkdir(parents=True, exist_ok=True)
        names = self._vocabulary.names()
        order = sorted(range(len(names)), key=names.__getitem__)
        write_strings(folder / "vocabulary.json", [names[i] for i in order])
        tensors = {
            "idf": self._idf[order], "coef": self._coef[order],
            "intercept": np.array([self._intercept]),
        }  # fmt: skip
        write_arrays(folder / "tfidf.safetensors", tensors)
        config = {"kind": KIND, "version": VERSION, "training": facts or {}}
        write_json(folder / "config.json", config)
        write_manifest(folder, FILES, kind=KIND)

    @classmethod
    def load(cls, folder: Path, *, home: Path) -> Tfidf:
        """Read what `save` wrote. `home` is not used: the folder is complete."""
        read_config(folder, kind=KIND, version=VERSION)
        words = read_strings(folder / "vocabulary.json")
        arrays = read_arrays(folder / "tfidf.safetensors")
        with blaming(folder / "tfidf.safetensors"):
            require(len(words) > 0, "vocabulary.json is empty")
            idf = floats(arrays, "idf", (len(words),))
            coef = floats(arrays, "coef", (len(words),))
            intercept = floats(arrays, "intercept", (1,))
        out = cls()
        with blaming(folder / "vocabulary.json"):
            out._vocabulary = Vocabulary.of(words)
        out._idf, out._coef, out._intercept = idf, coef, float(intercept[0])
        return out
