"""The adaptive bigram model: distributions, caches, prefixes, and its two files."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from safetensors.numpy import load_file, save_file

from hallmark.detect.background import (
    CACHES,
    DECAYS,
    DISCOUNT,
    POSITIONS,
    Background,
    cache_probabilities,
    count_bigrams,
    fit_weights,
)
from hallmark.models.tokenizer import Tokenizer


def some_ids(n: int, *, vocab: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, vocab, size=n)


def naive_caches(ids: list[int]) -> np.ndarray:
    out = np.zeros((len(ids), len(CACHES)))
    for i, token in enumerate(ids):
        for order in range(3):
            context = ids[i - order : i]
            after = [ids[k] for k in range(order, i) if ids[k - order : k] == context]
            if i >= order and after:
                out[i, order] = after.count(token) / len(after)
        for j, decay in enumerate(DECAYS):
            weights = [decay ** (i - k) for k in range(i)]
            if weights:
                mine = sum(w for k, w in enumerate(weights) if ids[k] == token)
                out[i, 3 + j] = mine / sum(weights)
    return out


def test_cache_probabilities_are_the_naive_ones() -> None:
    ids = some_ids(150)
    assert_allclose(cache_probabilities(ids), naive_caches(ids.tolist()), rtol=1e-9, atol=1e-15)


def test_caches_of_a_text_by_hand() -> None:
    found = cache_probabilities(np.array([7, 7, 8, 7, 8]))
    assert found[0].tolist() == [0, 0, 0, 0, 0]
    assert found[1].tolist() == [1, 0, 0, 1, 1]
    assert found[4, :3] == pytest.approx([1 / 4, 1 / 2, 0])  # after 8 7 nothing has come yet


def test_bigram_probabilities_sum_to_one(background: Background, tokenizer: Tokenizer) -> None:
    vocab = np.arange(tokenizer.n_vocab)
    sizes = np.diff(background.starts)
    seen, unseen = int(sizes.argmax()), int(np.flatnonzero(sizes == 0)[0])
    for context in (seen, unseen):
        each = [background.score([context, v], eot=tokenizer.eot).bigram[1] for v in vocab]
        assert np.exp(each).sum() == pytest.approx(1, abs=1e-9)


def test_bigram_probability_by_hand(background: Background, tokenizer: Tokenizer) -> None:
    stream = [tokenizer.eot, *tokenizer.encode(("The ship was seen. " * 4).strip())]
    starts, followers, counts = count_bigrams(
        np.array(stream, dtype=np.uint16), vocab_size=tokenizer.n_vocab
    )
    small = Background(
        words=background.words, unigram=background.unigram, starts=starts, followers=followers,
        counts=counts, weights=background.weights,
    )  # fmt: skip
    a, b = stream[5], stream[6]
    row = [y for x, y in pairwise(stream) if x == a]
    kept = row.count(b) - DISCOUNT
    spread = DISCOUNT * len(set(row)) * math.exp(background.unigram[b])
    expected = math.log((kept + spread) / len(row))
    assert small.score([a, b], eot=tokenizer.eot).bigram[1] == pytest.approx(expected)


def test_counts_are_those_of_a_loop() -> None:
    stream = some_ids(300).astype(np.uint16)
    starts, followers, counts = count_bigrams(stream, vocab_size=12)
    found = {
        (a, int(followers[k])): int(counts[k])
        for a in range(12)
        for k in range(starts[a], starts[a + 1])
    }
    pairs = list(pairwise(stream.tolist()))
    assert found == {pair: pairs.count(pair) for pair in set(pairs)}


def test_the_score_of_a_prefix_is_the_prefix_of_the_score(
    background: Background, tokenizer: Tokenizer, prose: str
) -> None:
    ids = tokenizer.encode(prose * 2)
    whole = background.score(ids, eot=tokenizer.eot)
    for n in (0, 1, 2, 21, 200, len(ids)):
        own, cut = background.score(ids[:n], eot=tokenizer.eot), whole.prefix(n)
        for name in ("ids", "unigram", "bigram", "caches", "mixture"):
            assert_allclose(getattr(own, name), getattr(cut, name), rtol=1e-12)


def test_rare_words_have_more_bits(background: Background) -> None:
    assert background.bits("the") < background.bits("captain") < background.bits("zyzzyva")
    total = sum(background.words.values())
    assert background.bits("zyzzyva") == pytest.approx(math.log2(total / 5))


def test_save_and_load(background: Background, tmp_path: Path, tokenizer: Tokenizer) -> None:
    background.save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["background.safetensors", "words.json"]
    loaded = Background.load(tmp_path)
    assert loaded.words == background.words
    assert_allclose(loaded.unigram, background.unigram, rtol=1e-6)
    assert (loaded.starts == background.starts).all()
    assert (loaded.followers == background.followers).all()
    assert_allclose(loaded.counts, background.counts, rtol=2 ** (1 / 32) - 1 + 1e-6)
    ids = tokenizer.encode("The ship was the last.")
    one, other = (b.score(ids, eot=tokenizer.eot).mixture for b in (background, loaded))
    assert_allclose(one, other, atol=0.05)
    (tmp_path / "again").mkdir()
    loaded.save(tmp_path / "again")
    for name in ("background.safetensors", "words.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / name).read_bytes()


def test_huge_counts_do_not_wrap_around(background: Background, tmp_path: Path) -> None:
    """The commonest pair of a large corpus is beyond what a byte of 16ths of octaves holds."""
    counts = background.counts.copy()
    counts[:3] = 60_000, 170_000, 2_000_000
    Background(
        words=background.words, unigram=background.unigram, starts=background.starts,
        followers=background.followers, counts=counts, weights=background.weights,
    ).save(tmp_path)  # fmt: skip
    loaded = Background.load(tmp_path)
    assert_allclose(loaded.counts, counts, rtol=0.033)
    (tmp_path / "again").mkdir()
    loaded.save(tmp_path / "again")
    assert_allclose(Background.load(tmp_path / "again").counts, loaded.counts)


def test_counts_without_steps_are_in_sixteenths(background: Background, tmp_path: Path) -> None:
    background.save(tmp_path)
    arrays = load_file(tmp_path / "background.safetensors")
    assert arrays.pop("counts_steps").tolist() == [16]
    save_file(arrays, tmp_path / "background.safetensors")
    assert (Background.load(tmp_path).counts == np.exp2(arrays["counts"] / np.float32(16))).all()


def test_fitted_weights_beat_uniform_ones(
    background: Background, tokenizer: Tokenizer, prose: str
) -> None:
    texts = [prose[at : at + 900] for at in (0, 40, 90)]
    scores = [background.score(tokenizer.encode(t * 3)[:500], eot=tokenizer.eot) for t in texts]
    weights = fit_weights(scores)
    assert weights.shape == (len(POSITIONS), 2 + len(CACHES))
    assert_allclose(weights.sum(1), 1)
    fitted = Background(
        words=background.words, unigram=background.unigram, starts=background.starts,
        followers=background.followers, counts=background.counts, weights=weights,
    )  # fmt: skip
    for before in scores:
        after = fitted.score(before.ids.tolist(), eot=tokenizer.eot)
        assert after.mixture.mean() > before.mixture.mean() + 0.05


def test_weights_of_positions_that_no_text_reaches(
    background: Background, tokenizer: Tokenizer, prose: str
) -> None:
    weights = fit_weights([background.score(tokenizer.encode(prose)[:100], eot=tokenizer.eot)])
    assert_allclose(weights.sum(1), 1)
    assert (weights[3:] == weights[2]).all()
    with pytest.raises(ValueError, match="no texts"):
        fit_weights([])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("unigram", lambda a: a + 1, "unigram is no distribution"),
        ("unigram", lambda a: a * np.float32(1e30), "unigram is no distribution"),
        ("unigram", lambda a: a * np.float32(np.nan), "NaN"),
        ("unigram", lambda a: a[:-1], "starts has shape"),
        ("starts", lambda a: a[::-1].copy(), "starts do not divide"),
        ("starts", lambda a: a.astype(np.float32), "type float32"),
        ("followers", lambda a: a[::-1].copy(), "not sorted"),
        ("followers", lambda a: a + np.uint16(60_000), "outside the vocabulary"),
        ("counts", lambda a: a[:5], "counts has shape"),
        ("counts_steps", lambda a: a * np.uint8(0), "counts are out of range"),
        ("counts_steps", lambda a: a + np.uint8(1), "counts are out of range"),
        ("weights", lambda a: a * 2, "weights do not sum to 1"),
        ("word_counts", lambda a: -a, "word_counts are no counts"),
        ("word_counts", lambda a: a[:2], "word_counts has shape"),
    ],
)
def test_damaged_numbers_are_refused(
    background: Background, tmp_path: Path, name: str, change, message: str
) -> None:
    background.save(tmp_path)
    path = tmp_path / "background.safetensors"
    arrays = load_file(path)
    save_file(arrays | {name: change(arrays[name])}, path)
    with pytest.raises(ValueError, match=message) as caught:
        Background.load(tmp_path)
    assert str(path) in str(caught.value)
    assert "save the detector again" in str(caught.value)


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '["the", "the"]', "[" * 100_000, '["the"', "\xff"]
)
def test_damaged_words_are_refused(background: Background, tmp_path: Path, content: str) -> None:
    background.save(tmp_path)
    (tmp_path / "words.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=r"words\.json"):
        Background.load(tmp_path)
    (tmp_path / "words.json").write_text(json.dumps(["the"]))
    with pytest.raises(ValueError, match="word_counts has shape"):
        Background.load(tmp_path)
