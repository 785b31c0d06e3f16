"""The release's baseline: TF-IDF of words and word pairs, and logistic regression.

gpt-2-output-dataset's `baseline.py`: 1-2-grams, at most 2^21 features seen in at least five
texts, C chosen on validation data. The engine is scikit-learn; on disk there is no pickle, but
a vocabulary in JSON and numbers in safetensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from hallmark.detect.detector import Scores
from hallmark.detect.normalise import normalise
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
    """Score: log-odds in nats that a text is synthetic, as the training texts had it."""

    def __init__(self, config: TfidfConfig = TfidfConfig()) -> None:
        self.config = config
        self._vectoriser: TfidfVectorizer | None = None
        self._coef = np.zeros(0)
        self._intercept = 0.0

    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[int],
        *,
        validation: tuple[Sequence[str], Sequence[int]] | None = None,
    ) -> None:
        """Learn from texts with labels 0 and 1; C by accuracy on `validation`, else C = 1."""
        if set(labels) != {0, 1}:
            raise ValueError("labels must be 0 (human) and 1 (synthetic), and both must occur")
        self._vectoriser = TfidfVectorizer(
            ngram_range=(1, 2), min_df=self.config.min_df, max_features=self.config.max_features
        )
        try:
            train = self._vectoriser.fit_transform([normalise(t) for t in texts])
        except ValueError as error:
            raise ValueError(
                f"too few texts for words in at least {self.config.min_df} of them ({error}); "
                "give more or lower min_df"
            ) from None
        best = (-1.0, LogisticRegression())
        for c in self.config.c_values if validation else (1.0,):
            model = LogisticRegression(C=c, max_iter=1000).fit(train, labels)
            accuracy = 0.0
            if validation:
                held = self._vectoriser.transform([normalise(t) for t in validation[0]])
                accuracy = float(np.mean(model.predict(held) == np.asarray(validation[1])))
            if accuracy > best[0]:
                best = (accuracy, model)
        self._coef, self._intercept = best[1].coef_[0], float(best[1].intercept_[0])

    def score(self, texts: Sequence[str]) -> Scores:
        """Log-odds in nats (len(texts),)."""
        if self._vectoriser is None:
            raise ValueError("this detector has not been fitted; call fit or load")
        if not len(texts):
            return np.zeros(0)
        features = self._vectoriser.transform([normalise(t) for t in texts])
        scores: Scores = features @ self._coef + self._intercept
        return scores

    def save(self, folder: Path, *, facts: dict[str, Any] | None = None) -> None:
        """Write the folder, manifest last."""
        if self._vectoriser is None:
            raise ValueError("this detector has not been fitted; call fit first")
        folder.mkdir(parents=True, exist_ok=True)
        words = self._vectoriser.get_feature_names_out().tolist()
        write_strings(folder / "vocabulary.json", words)
        tensors = {
            "idf": self._vectoriser.idf_, "coef": self._coef,
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
        out._vectoriser = TfidfVectorizer(
            ngram_range=(1, 2), vocabulary={word: i for i, word in enumerate(words)}
        )
        out._vectoriser.idf_ = idf
        out._coef, out._intercept = coef, float(intercept[0])
        return out
