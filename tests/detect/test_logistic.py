"""The path over C against scikit-learn's liblinear, solved closely."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from hallmark.detect import logistic
from hallmark.detect.logistic import fit_path
from hallmark.detect.ngrams import learn_vocabulary
from hallmark.detect.tokens import WordIndex

C_VALUES = (0.1, 1.0, 10.0, 100.0)


def test_every_c_has_liblinears_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic, "TOLERANCE", 1e-8)
    monkeypatch.setattr("hallmark.detect.tokens._BATCH", 2000)  # several blocks of rows
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    texts = [" ".join(f"w{(rng.geometric(0.1) + 3 * y) % 40}" for _ in range(30)) for y in labels]
    peer = TfidfVectorizer(ngram_range=(1, 2), min_df=2)
    features = peer.fit_transform(texts)
    words = WordIndex()
    streams = list(words.read(texts, learn=True))
    vocabulary, seen = learn_vocabulary(streams, words, min_df=2, max_features=2**21)
    rows = list(vocabulary.rows(streams))
    assert len(rows) > 2
    idf = np.log((1 + len(texts)) / (1 + seen)) + 1
    order = np.argsort(vocabulary.names())
    for fitted in fit_path(rows, labels.tolist(), idf, C_VALUES):
        model = LogisticRegression(C=fitted.c, solver="liblinear", tol=1e-10, max_iter=1000)
        model.fit(features, labels)
        assert_allclose(fitted.weights[order], model.coef_[0], atol=1e-5)
        assert_allclose(fitted.intercept, model.intercept_[0], atol=1e-5)
