"""Zero-shot detectors: which statistic of which model, and their small folder."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from hallmark.detect.statistics import STATISTICS, binoculars
from hallmark.detect.zeroshot import ZeroShot
from hallmark.lm.model import LanguageModel
from hallmark.lm.score import cross_entropy
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config
from hallmark.models.tokenizer import Tokenizer

TEXTS = ["The ship was seen.", "", "\u201cWard\u201d   said nothing"]


@pytest.fixture
def observer(other_network: GPT2, tokenizer: Tokenizer) -> LanguageModel:
    return LanguageModel(other_network, tokenizer, name="observer")


@pytest.mark.parametrize("name", STATISTICS)
def test_scores_are_the_statistic_of_the_normalised_text(model: LanguageModel, name: str) -> None:
    scores = ZeroShot(name, model).score(TEXTS)
    first, third = model.score(["The ship was seen.", '"Ward" said nothing'])
    assert scores[0] == pytest.approx(STATISTICS[name](first), rel=1e-4)
    assert math.isnan(scores[1])
    assert scores[2] == pytest.approx(STATISTICS[name](third), rel=1e-4)


def test_binoculars_takes_an_observer(model: LanguageModel, observer: LanguageModel) -> None:
    scores = ZeroShot("binoculars", model, observer=observer).score(TEXTS)
    ids = model.tokenizer.encode(TEXTS[0])
    crossed = cross_entropy(observer.network, model.network, [ids])[0]
    expected = binoculars(model.score([TEXTS[0]])[0], crossed)
    assert scores[0] == pytest.approx(expected, rel=1e-4)
    assert math.isnan(scores[1])


def test_no_texts(model: LanguageModel) -> None:
    assert ZeroShot("rank", model).score([]).shape == (0,)


def test_what_does_not_fit_is_refused(model: LanguageModel, observer: LanguageModel) -> None:
    with pytest.raises(ValueError, match="no statistic is called 'vibes'; use one of log-lik"):
        ZeroShot("vibes", model)
    with pytest.raises(ValueError, match="needs an observer"):
        ZeroShot("binoculars", model)
    with pytest.raises(ValueError, match="nothing else takes one"):
        ZeroShot("rank", model, observer=observer)
    bytes_only = Tokenizer([])
    config = GPT2Config(n_layer=1, n_head=1, n_embd=8, n_ctx=8, vocab_size=bytes_only.n_vocab)
    other = LanguageModel(GPT2(config), bytes_only, name="bytes")
    with pytest.raises(ValueError, match=r"bytes and .* do not share one vocabulary"):
        ZeroShot("binoculars", model, observer=other)


def write(folder: Path, **config: object) -> Path:
    folder.mkdir(exist_ok=True)
    whole = {"kind": "zero-shot", "version": 1, **config}
    (folder / "config.json").write_text(json.dumps(whole))
    return folder


def test_loaded_from_a_folder(model_folder: Path, model: LanguageModel, tmp_path: Path) -> None:
    named = str(model_folder)
    loaded = ZeroShot.load(write(tmp_path / "d", statistic="lrr", model=named), home=tmp_path)
    assert np.array_equal(loaded.score(TEXTS), ZeroShot("lrr", model).score(TEXTS), equal_nan=True)
    folder = write(tmp_path / "d", statistic="binoculars", model=named, observer=named)
    assert np.isfinite(ZeroShot.load(folder, home=tmp_path).score(TEXTS[:1])).all()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "statistic must be a string"),
        ({"statistic": "lrr"}, "model must be a string"),
        ({"statistic": "lrr", "model": 3}, "model must be a string"),
        ({"statistic": "lrr", "model": "nothing"}, "no model is called 'nothing'"),
        ({"statistic": "vibes"}, "no statistic is called 'vibes'"),
        ({"statistic": "binoculars"}, "needs an observer"),
        ({"statistic": "binoculars", "observer": None}, "observer must be a string"),
        ({"kind": "tfidf"}, "holds no zero-shot detector"),
        ({"version": 7}, "reads version 1"),
    ],
)
def test_a_wrong_config(
    model_folder: Path, tmp_path: Path, refused, config: dict[str, object], message: str
) -> None:
    if message.startswith(("no statistic", "needs", "observer")):
        config = {"model": str(model_folder), **config}
    folder = write(tmp_path / "d", **config)
    assert message in refused(ZeroShot.load, folder, home=tmp_path)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"config\.json is missing"):
        ZeroShot.load(tmp_path, home=tmp_path)
