"""The combination from text to score and from folder to detector; damaged folders."""

from __future__ import annotations

import json
import math
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors.numpy import load_file, save_file

from hallmark.detect.combination import FILES, Combination
from hallmark.detect.reading import Reader
from hallmark.models.folder import write_manifest
from hallmark.models.sizes import MANIFEST

TEXTS = ["The ship was seen.", "", "x", "The men said nothing to Captain Ward. " * 5]


def test_scores_are_those_of_the_experts(combination: Combination, prose: str) -> None:
    (reading,) = combination.reader.read([prose])
    features = combination.reader.features(reading)
    row = np.array([[features[name] for name in combination.experts.names]])
    expected = combination.experts.score(row, np.array([len(reading)]))
    assert_allclose(combination.score([prose]), expected, rtol=1e-6)


def test_texts_of_fewer_than_two_tokens_have_no_score(combination: Combination) -> None:
    assert [math.isnan(s) for s in combination.score(TEXTS)] == [False, True, True, False]
    assert combination.score([]).tolist() == []
    empty = combination.examine([""])[0]
    assert (empty.tokens_used, empty.tokens_total) == (0, 0)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("The ship left the harbour in the morning and the crew said nothing.", True),
        ("The ship left glorp frob blorp in zing quux flim flam.", False),
        ("12345 67 89 !!! ---", False),
        ("\u043a\u043e\u0440\u0430\u0431\u043b\u044c \u0443\u0448\u0451\u043b", False),
        ("", False),
    ],
)
def test_only_running_english_is_in_scope(
    combination: Combination, text: str, inside: bool
) -> None:
    (examined,) = combination.examine([text])
    assert (examined.out_of_scope == "") == inside


def test_saved_and_loaded(
    detector_folder: Path, combination: Combination, tmp_path: Path, prose: str
) -> None:
    assert sorted(p.name for p in detector_folder.iterdir()) == sorted([*FILES, MANIFEST])
    loaded = Combination.load(detector_folder, home=tmp_path)
    texts = [prose, *TEXTS]
    assert_allclose(loaded.score(texts), combination.score(texts), atol=0.05)  # counts are rounded
    loaded.save(tmp_path / "again", facts={"texts": 3})
    again = Combination.load(tmp_path / "again", home=tmp_path)
    assert again.score(texts).tobytes() == loaded.score(texts).tobytes()
    for name in [*FILES, MANIFEST]:
        assert (tmp_path / "again" / name).read_bytes() == (detector_folder / name).read_bytes()


def test_the_config_says_what_it_is(detector_folder: Path, combination: Combination) -> None:
    config = json.loads((detector_folder / "config.json").read_text())
    assert config["kind"] == "combination"
    assert config["model"] == combination.reader.model.name
    assert config["features"] == list(combination.reader.names())
    assert config["calibrated_lengths"] == [16, 64]
    assert config["training"] == {"texts": 3}


@pytest.mark.parametrize("name", FILES)
def test_the_manifest_catches_a_changed_file(
    detector_folder: Path, tmp_path: Path, name: str
) -> None:
    data = bytearray((detector_folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (detector_folder / name).write_bytes(data)
    with pytest.raises(ValueError, match="is not the file that manifest"):
        Combination.load(detector_folder, home=tmp_path)
    (detector_folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        Combination.load(detector_folder, home=tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kind": "tfidf"}, "holds no combination detector"),
        ({"version": 1}, "version '1' and this hallmark reads version 2"),
        ({"version": None}, "reads version 2"),
        ({"model": None}, "model must be a string"),
        ({"model": ["ladder-7M"]}, "model must be a string"),
        ({"model": "nothing"}, "no model is called 'nothing'"),
        ({"features": None}, "features must be a list of strings"),
        ({"features": ["bits_mean", 3]}, "features must be a list of strings"),
        ({"features": ["bits_mean", "bits_mean"]}, "a string twice"),
        ({"features": ["bits_mean"]}, "weights has shape"),
        ({"calibrated_lengths": None}, "calibrated_lengths must be a list of rising"),
        ({"calibrated_lengths": []}, "calibrated_lengths must be a list of rising"),
        ({"calibrated_lengths": [64, 16]}, "calibrated_lengths must be a list of rising"),
        ({"calibrated_lengths": [0, 64]}, "calibrated_lengths must be a list of rising"),
        ({"calibrated_lengths": [16, True]}, "calibrated_lengths must be a list of rising"),
        ({"calibrated_lengths": [16, 96]}, "no human scores of 96 tokens"),
    ],
)
def test_a_wrong_config(
    detector_folder: Path, tmp_path: Path, refused, changed: dict[str, Any], message: str
) -> None:
    path = detector_folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    assert message in refused(Combination.load, detector_folder, home=tmp_path)


def test_features_that_the_code_does_not_make(
    detector_folder: Path, tmp_path: Path, refused
) -> None:
    path = detector_folder / "config.json"
    config = json.loads(path.read_text())
    config["features"][3] = "charm\n"
    path.write_text(json.dumps(config))
    message = refused(Combination.load, detector_folder, home=tmp_path)
    assert "lists 1 features that this hallmark does not compute" in message


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"kind": NaN}', b"[" * 99999])
def test_a_config_that_is_no_json_object(
    detector_folder: Path, tmp_path: Path, refused, content: bytes
) -> None:
    (detector_folder / "config.json").write_bytes(content)
    assert "config.json" in refused(Combination.load, detector_folder, home=tmp_path)


@pytest.mark.parametrize("name", ["detector.safetensors", "background.safetensors"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:7],
        lambda data: data[: len(data) // 2],
        lambda data: data + b"more",
        lambda data: data[:8] + b"\xff" + data[9:],
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: pickle.dumps({"weights": [1.0, 2.0]}),
        lambda data: b"PK\x03\x04" + data,
    ],
)
def test_files_that_are_not_safetensors(
    detector_folder: Path, tmp_path: Path, refused, name: str, damage: Callable[[bytes], bytes]
) -> None:
    path = detector_folder / name
    path.write_bytes(damage(path.read_bytes()))
    message = refused(Combination.load, detector_folder, home=tmp_path)
    assert name in message
    assert "not a whole safetensors file" in message
    assert "again" in message


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("detector.safetensors", "weights"),
        ("detector.safetensors", "lengths"),
        ("detector.safetensors", "calibration/slope"),
        ("detector.safetensors", "synthetic/16"),
        ("background.safetensors", "unigram"),
        ("background.safetensors", "word_counts"),
    ],
)
def test_arrays_that_are_missing_or_wrong(
    detector_folder: Path, tmp_path: Path, refused, file: str, name: str
) -> None:
    path = detector_folder / file
    arrays = load_file(path)
    for wrong, message in (
        (None, f"the array {name} is missing"),
        (arrays[name].astype(np.float32)[..., None], f"{name} has shape"),
        (arrays[name].astype(np.uint32), f"{name} is of type U32"),
        (np.full(arrays[name].shape, np.nan), f"'{name}' holds NaN or infinity"),
    ):
        kept = {n: a for n, a in arrays.items() if n != name}
        save_file(kept | ({} if wrong is None else {name: wrong}), path)
        found = refused(Combination.load, detector_folder, home=tmp_path)
        assert message in found
        assert str(path) in found


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_missing_or_folders(
    detector_folder: Path, tmp_path: Path, refused, name: str
) -> None:
    (detector_folder / name).unlink()
    assert f"{name} is missing" in refused(Combination.load, detector_folder, home=tmp_path)
    (detector_folder / name).mkdir()
    assert f"{name} is a folder" in refused(Combination.load, detector_folder, home=tmp_path)


def test_words_of_another_number(detector_folder: Path, tmp_path: Path, refused) -> None:
    (detector_folder / "words.json").write_text('["the", "ship"]')
    assert "word_counts has shape" in refused(Combination.load, detector_folder, home=tmp_path)


def test_random_damage_is_refused_or_harmless(
    detector_folder: Path, tmp_path: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch,
    reader: Reader,
) -> None:  # fmt: skip
    """Bits flipped in the files themselves, the manifest made anew each time."""
    monkeypatch.setattr(
        "hallmark.detect.combination.LanguageModel.load", lambda *_, **__: reader.model
    )
    rng = np.random.default_rng(0)
    text = "The ship left the harbour in the morning and the crew said nothing. " * 2
    for i in range(60):
        folder = tmp_path / f"copy{i}"
        shutil.copytree(detector_folder, folder)
        path = folder / FILES[i % len(FILES)]
        data = bytearray(path.read_bytes())
        near = len(data) if i % 3 else min(400, len(data))
        data[int(rng.integers(near))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        write_manifest(folder, FILES)
        message, score = "", 0.0
        try:
            score = Combination.load(folder, home=tmp_path).score([text])[0]
        except (ValueError, FileNotFoundError) as error:
            message = str(error) if type(error) in (ValueError, FileNotFoundError) else "\n"
        assert "\n" not in message
        assert np.isfinite(score)
