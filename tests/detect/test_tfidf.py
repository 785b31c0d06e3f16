"""The baseline against scikit-learn's own pipeline, and its folder."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors.numpy import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from hallmark.detect.tfidf import FILES, Tfidf, TfidfConfig
from hallmark.models.folder import write_manifest
from hallmark.models.sizes import MANIFEST

WORDS = [
    "sea",
    "wind",
    "ship",
    "crew",
    "bell",
    "men",
    "rope",
    "sail",
    "night",
    "storm",
    "caf\u00e9",
]
SMALL = TfidfConfig(min_df=2, c_values=(0.25, 1.0, 4.0))


def texts(n: int, *, seed: int) -> tuple[list[str], list[int]]:
    """Texts of random words; synthetic ones have more of the last half."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 2).tolist()
    tilt = np.linspace(1, 3, len(WORDS))
    shares = [tilt[::-1] / tilt.sum(), tilt / tilt.sum()]
    return [" ".join(rng.choice(WORDS, size=12, p=shares[y])) for y in labels], labels


@pytest.fixture
def detector() -> Tfidf:
    out = Tfidf(SMALL)
    out.fit(*texts(60, seed=0))
    return out


def test_equal_to_the_plain_pipeline(detector: Tfidf) -> None:
    train, labels = texts(60, seed=0)
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, max_features=2**21),
        LogisticRegression(C=1.0, solver="liblinear", tol=1e-9),
    ).fit(train, labels)
    test, _ = texts(20, seed=1)
    assert_allclose(detector.score(test), pipeline.decision_function(test), atol=1e-4)
    unknown = ["", "unknown"]
    assert_allclose(detector.score(unknown), pipeline.decision_function(unknown), atol=1e-4)


def test_c_is_the_best_on_validation_data_and_the_first_of_equals() -> None:
    train, held, (test, _) = texts(60, seed=0), texts(60, seed=2), texts(20, seed=1)
    plain = [
        make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), min_df=2),
            LogisticRegression(C=c, solver="liblinear", tol=1e-9),
        ).fit(*train)
        for c in SMALL.c_values
    ]
    scores = tuple(p.score(*held) for p in plain)
    best = int(np.argmax(scores))
    detector = Tfidf(SMALL)
    detector.fit(*train, validation=held)
    assert (detector.c, detector.accuracies) == (SMALL.c_values[best], scores)
    assert_allclose(detector.score(test), plain[best].decision_function(test), atol=1e-4)


def test_format_is_not_evidence(detector: Tfidf) -> None:
    one, other = detector.score(["sea caf\u00e9\nwind", "sea cafe\u0301   wind"])
    assert one == other


def test_no_texts(detector: Tfidf) -> None:
    assert detector.score([]).shape == (0,)


def test_saved_and_loaded(detector: Tfidf, tmp_path: Path) -> None:
    detector.save(tmp_path / "d", facts={"texts": 60})
    assert sorted(p.name for p in (tmp_path / "d").iterdir()) == sorted([*FILES, MANIFEST])
    loaded = Tfidf.load(tmp_path / "d", home=tmp_path)
    test, _ = texts(20, seed=1)
    assert loaded.score(test).tobytes() == detector.score(test).tobytes()
    loaded.save(tmp_path / "again", facts={"texts": 60})
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "d" / name).read_bytes()


def test_another_number_of_labels_than_texts() -> None:
    with pytest.raises(ValueError, match="2 texts and 3 labels"):
        Tfidf(SMALL).fit(["sea wind", "bell rope"], [0, 1, 1])


def test_not_fitted(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="call fit or load"):
        Tfidf().score(["sea"])
    with pytest.raises(ValueError, match="call fit first"):
        Tfidf().save(tmp_path / "d")
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("labels", [[0, 0], [1, 1], [0, 2], [-1, 1], []])
def test_wrong_labels(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="labels must be 0"):
        Tfidf().fit(["sea"] * len(labels), labels)


@pytest.mark.parametrize("given", [["sea wind", "bell rope"], ["!", "?"]])
def test_too_few_texts_for_the_words(given: list[str]) -> None:
    with pytest.raises(ValueError, match="too few texts"):
        Tfidf().fit(given, [0, 1])


def test_damaged_folders(detector: Tfidf, tmp_path: Path, refused) -> None:
    folder = tmp_path / "d"
    detector.save(folder)
    arrays = load_file(folder / "tfidf.safetensors")
    words = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    whole = {name: (folder / name).read_bytes() for name in FILES}

    def message(name: str, content: bytes | None) -> str:
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
        found = refused(Tfidf.load, folder, home=tmp_path)
        (folder / name).write_bytes(whole[name])
        return found

    for name in FILES:
        assert f"{name} is missing" in message(name, None)
        assert name in message(name, whole[name][: len(whole[name]) // 2])
    assert "holds no tfidf detector" in message("config.json", b'{"kind": "combination"}')
    assert "reads version 1" in message("config.json", b'{"kind": "tfidf"}')
    assert "whole safetensors" in message("tfidf.safetensors", pickle.dumps(arrays))
    twice = json.dumps([words[0], *words[:-1]]).encode()
    assert "a string twice" in message("vocabulary.json", twice)
    assert "idf has shape" in message("vocabulary.json", json.dumps(words[:-1]).encode())
    assert "is empty" in message("vocabulary.json", b"[]")
    for name in arrays:
        save_file({n: a for n, a in arrays.items() if n != name}, tmp_path / "x")
        assert f"{name} is missing" in message("tfidf.safetensors", (tmp_path / "x").read_bytes())
    write_manifest(folder, FILES)
    assert Tfidf.load(folder, home=tmp_path).score(["sea"]) == detector.score(["sea"])
