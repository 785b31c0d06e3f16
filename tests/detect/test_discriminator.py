"""Log-odds of tokens in windows, what is made of them, and the folder they come from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from hallmark.detect.combination import DISCRIMINATOR, Combination
from hallmark.detect.discriminator import (
    FILES,
    HEAD,
    LEAST,
    SKIPPED,
    WINDOW,
    Discriminator,
    window_features,
)
from hallmark.detect.reading import Reader
from hallmark.models.folder import content_hash, write_manifest
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import MANIFEST
from hallmark.models.tokenizer import Tokenizer

from .conftest import random_calibration, random_experts


def made(network: GPT2, tokenizer: Tokenizer, *, seed: int = 0) -> Discriminator:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(network.config.n_embd, generator=generator)
    return Discriminator(network, tokenizer, weight, torch.tensor([0.3]), facts={"texts": 7}).eval()


@pytest.fixture
def discriminator(network: GPT2, tokenizer: Tokenizer) -> Discriminator:
    return made(network, tokenizer)


@pytest.fixture
def with_discriminator(reader: Reader, discriminator: Discriminator) -> Combination:
    own = Reader(reader.model, reader.background, discriminator)
    return Combination(own, random_experts(own.names()), random_calibration())


@pytest.fixture
def texts(tokenizer: Tokenizer) -> list[list[int]]:
    generator = np.random.default_rng(0)
    sizes = (1, 5, WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW + 20)
    return [generator.integers(tokenizer.n_vocab - 1, size=n).tolist() for n in sizes]


def test_each_window_is_read_by_itself(
    discriminator: Discriminator, tokenizer: Tokenizer, texts: list[list[int]]
) -> None:
    found = discriminator.log_odds(texts)
    for ids, own in zip(texts, found, strict=True):
        assert own.shape == (len(ids),)
        for start in range(0, len(ids), WINDOW):
            part = ids[start : start + WINDOW]
            tokens = torch.tensor([[tokenizer.eot, *part]])
            hidden = discriminator.network(tokens)[0, 1:]
            expected = hidden @ discriminator.weight + discriminator.bias
            assert_allclose(
                own[start : start + WINDOW], expected.detach().numpy(), rtol=1e-4, atol=1e-4
            )


def test_a_batch_equals_its_members_and_a_beginning_the_whole(
    discriminator: Discriminator, tokenizer: Tokenizer, texts: list[list[int]]
) -> None:
    together = discriminator.log_odds([*texts, []])
    assert together[-1].shape == (0,)
    for ids, own in zip(texts, together, strict=False):
        (alone,) = discriminator.log_odds([ids])
        assert_allclose(alone, own, rtol=1e-4, atol=1e-4)
        for n in (1, len(ids) // 2, len(ids)):
            (begun,) = discriminator.log_odds([ids[:n]])
            assert_allclose(begun, own[:n], rtol=1e-4, atol=1e-4)


def test_untrained_it_says_nothing(
    network: GPT2, tokenizer: Tokenizer, texts: list[list[int]]
) -> None:
    blank = Discriminator.untrained(network, tokenizer, facts={})
    network.requires_grad_(False)
    assert all((own == 0).all() for own in blank.log_odds(texts))


def test_numbers_that_are_not_finite_are_refused(
    network: GPT2, tokenizer: Tokenizer, texts: list[list[int]]
) -> None:
    size = network.config.n_embd
    weight = torch.full((size,), torch.inf)
    broken = Discriminator(network, tokenizer, weight, torch.zeros(1), facts={})
    with pytest.raises(ValueError, match="gives NaN or infinity; save the detector again"):
        broken.log_odds(texts)


def test_features_of_windows() -> None:
    windows = [np.full(WINDOW, 1.0), np.full(WINDOW, -2.0), np.full(LEAST, 4.0)]
    windows[0][:SKIPPED] = 100.0  # not counted
    windows[1][-8:] = 6.0
    second = -2.0 + 8 * 8.0 / (WINDOW - SKIPPED)
    odds = np.concatenate(windows).astype(np.float32)
    found = window_features(odds)
    assert found["windows_first"] == pytest.approx(1.0)
    others = (WINDOW * second + LEAST * 4.0) / (WINDOW + LEAST)
    assert found["windows_others"] == pytest.approx(others)
    whole = (WINDOW * (1 + second) + LEAST * 4.0) / (2 * WINDOW + LEAST)
    assert found["windows_all"] == pytest.approx(whole)
    assert found["windows_endings"] == pytest.approx((1 + 6 + 4) / 3)
    assert (found["windows_most"], found["windows_least"]) == pytest.approx((4.0, second))
    assert found["windows_sd"] == pytest.approx(np.std([1.0, second, 4.0]))


def test_a_short_last_window_counts_only_where_it_is_the_only_one() -> None:
    one = window_features(np.full(WINDOW, 2.0, dtype=np.float32))
    more = window_features(
        np.concatenate([np.full(WINDOW, 2.0), np.full(LEAST - 1, 9.0)]).astype(np.float32)
    )
    assert one == more
    assert window_features(np.array([3.0, 5.0], dtype=np.float32))["windows_all"] == 5.0


def test_saved_and_loaded(
    discriminator: Discriminator, tokenizer: Tokenizer, texts: list[list[int]], tmp_path: Path
) -> None:
    discriminator.save(tmp_path / "one")
    loaded = Discriminator.load(tmp_path / "one")
    assert loaded.facts == {"texts": 7}
    before, after = (d.log_odds(texts) for d in (discriminator, loaded))
    for own, again in zip(before, after, strict=True):
        assert_allclose(again, own, atol=0.5)  # its network is rounded to int8
    loaded.save(tmp_path / "two")
    for name in [*FILES, MANIFEST]:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"bias": [0.0]}, "the array weight is missing"),
        ({"weight": [1.0], "bias": [0.0]}, r"weight has shape \(1,\), not 16"),
        ({"weight": [0.0] * 16, "bias": [0.0] * 2}, "bias has shape"),
        ({"weight": [np.nan] * 16, "bias": [0.0]}, "NaN or infinity"),
        ({"weight": [1e300] * 16, "bias": [0.0]}, "weight holds a number above 3.4e"),
    ],
)
def test_a_wrong_output(
    discriminator: Discriminator, tokenizer: Tokenizer, tmp_path: Path, arrays: dict, message: str
) -> None:
    from hallmark.detect.stored import write_arrays

    discriminator.save(tmp_path)
    write_arrays(tmp_path / HEAD, {n: np.array(a, dtype=np.float64) for n, a in arrays.items()})
    with pytest.raises(ValueError, match="is not the file that manifest"):
        Discriminator.load(tmp_path)
    write_manifest(tmp_path, FILES)
    with pytest.raises(ValueError, match=message):
        Discriminator.load(tmp_path)


def test_a_combination_keeps_its_discriminator(
    with_discriminator: Combination, tmp_path: Path, prose: str
) -> None:
    folder = tmp_path / "detector"
    with_discriminator.save(folder, facts={})
    loaded = Combination.load(folder, home=tmp_path)
    assert loaded.reader.discriminator is not None
    assert {n for n in loaded.experts.names if n.startswith("windows_")}
    loaded.save(tmp_path / "again", facts={})
    again = Combination.load(tmp_path / "again", home=tmp_path)
    assert again.score([prose]).tobytes() == loaded.score([prose]).tobytes()


def test_a_prefix_has_the_features_of_the_beginning(
    with_discriminator: Combination, prose: str
) -> None:
    reader = with_discriminator.reader
    (whole,) = reader.read([prose])
    for n in (10, 64, 150):
        cut = whole.prefix(n, reader.model.tokenizer)
        (own,) = reader.read([reader.model.tokenizer.decode(whole.network.tokens[:n].tolist())])
        one, other = reader.features(own), reader.features(cut)
        assert_allclose(list(one.values()), list(other.values()), rtol=1e-3, atol=1e-4)


def test_another_discriminator_or_none_is_refused(
    with_discriminator: Combination, network: GPT2, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    folder = tmp_path / "detector"
    with_discriminator.save(folder, facts={})
    made(network, tokenizer, seed=1).save(folder / DISCRIMINATOR)
    with pytest.raises(ValueError, match="not the one that the detector was fitted with"):
        Combination.load(folder, home=tmp_path)
    for path in (folder / DISCRIMINATOR).iterdir():
        path.unlink()
    (folder / DISCRIMINATOR).rmdir()
    with pytest.raises(FileNotFoundError, match="discriminator is no folder"):
        Combination.load(folder, home=tmp_path)


@pytest.mark.parametrize("value", [3, [], {}, "", True])
def test_a_discriminator_is_named_by_its_hash(
    with_discriminator: Combination, tmp_path: Path, value: object, refused
) -> None:
    folder = tmp_path / "detector"
    with_discriminator.save(folder, facts={})
    config = json.loads((folder / "config.json").read_text()) | {"discriminator": value}
    (folder / "config.json").write_text(json.dumps(config))
    assert "was fitted with" in refused(Combination.load, folder, home=tmp_path)


def test_a_discriminator_of_another_vocabulary_or_too_short_a_context(
    with_discriminator: Combination, network: GPT2, tokenizer: Tokenizer, tmp_path: Path, refused
) -> None:
    folder = tmp_path / "detector"
    for config, own, message in (
        (replace(network.config, n_ctx=WINDOW), tokenizer, "its context of 95 is shorter than 96"),
        (
            replace(network.config, vocab_size=257 + 3),
            Tokenizer(tokenizer.merges[:3]),
            "have different vocabularies",
        ),
    ):
        with_discriminator.save(folder, facts={})
        made(GPT2(config), own).save(folder / DISCRIMINATOR)
        values = json.loads((folder / "config.json").read_text())
        values["discriminator"] = content_hash(folder / DISCRIMINATOR)
        (folder / "config.json").write_text(json.dumps(values))
        assert message in refused(Combination.load, folder, home=tmp_path)
