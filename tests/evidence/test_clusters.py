"""Near-duplicate clusters against exact Jaccard similarity of every pair."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest

from hallmark.evidence.clusters import cluster, jaccard
from hallmark.evidence.shingles import GRAM, plain, shingle


def grams(text: str) -> set[str]:
    own = plain(text)
    return {own[i : i + GRAM] for i in range(max(1, len(own) - GRAM + 1))} if own else set()


def similarity(one: str, other: str) -> float:
    a, b = grams(one), grams(other)
    return len(a & b) / len(a | b) if a | b else 0.0


def single_linkage(texts: list[str], *, similar: float) -> list[int]:
    """Each text's cluster, every pair compared."""
    found = list(range(len(texts)))
    for i, j in combinations(range(len(texts)), 2):
        if similarity(texts[i], texts[j]) >= similar and found[i] != found[j]:
            low, high = sorted((found[i], found[j]))
            found = [low if own == high else own for own in found]
    return found


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """300 texts of 30 words: 60 of them copies of an earlier one with one or two words changed."""
    chosen = random.Random(3)
    words = [
        "".join(chosen.choices("abcdefghijklmnop", k=chosen.randint(2, 8))) for _ in range(900)
    ]
    made: list[str] = []
    for i in range(300):
        if i % 5 == 4:
            own = chosen.choice(made).split()
            for _ in range(chosen.randint(0, 2)):
                own[chosen.randrange(len(own))] = chosen.choice(words)
        else:
            own = chosen.choices(words, k=30)
        made.append(" ".join(own))
    return made


def test_clusters_are_those_of_every_pair_compared(texts: list[str]) -> None:
    wanted = single_linkage(texts, similar=0.8)
    assert len(set(wanted)) < 260
    assert cluster(texts).tolist() == wanted


def test_the_share_of_common_hashes_is_jaccards(texts: list[str]) -> None:
    found = shingle(texts)
    sets = [found.hashes[a:b] for a, b in zip(found.starts, found.starts[1:], strict=False)]
    for i in range(0, 100):
        assert jaccard(sets[i], sets[i + 7]) == pytest.approx(similarity(texts[i], texts[i + 7]))
    assert jaccard(sets[0], sets[0]) == 1.0


def test_below_the_wanted_similarity_texts_stay_apart() -> None:
    one, other = "the quick brown fox jumps over it", "the quick brown fox jumps on them"
    alike = similarity(one, other)
    assert cluster([one, other], similar=alike + 0.01).tolist() == [0, 1]
    assert cluster([one, one], similar=1).tolist() == [0, 0]


def test_case_width_and_spacing_do_not_matter_and_empty_texts_are_alone() -> None:
    assert cluster(["A  b\tC d E", "a b c d e", "", " ", "ab", "AB"]).tolist() == [0, 0, 2, 3, 4, 4]
    assert cluster([]).tolist() == []
    assert cluster(["half a \ud800 pair", "half a \ud800 pair"]).tolist() == [0, 0]


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch, texts: list[str]) -> None:
    whole = shingle(texts)
    monkeypatch.setattr("hallmark.evidence.shingles._CHUNK", 7)
    parts = shingle(iter(texts))
    for one, other in zip(vars(whole).values(), vars(parts).values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_planted_pairs_at_the_limit_are_nearly_all_found() -> None:
    chosen = random.Random(5)
    near, texts = [], []
    while len(near) < 200:
        one = "".join(chosen.choices("abcdefgh ", k=150))
        place = chosen.randrange(15, 120)
        other = one[:place] + "XYZ QWV"[: chosen.randint(4, 7)] + one[place + 6 :]
        if 0.8 <= similarity(one, other) <= 0.9:
            near.append(len(texts))
            texts += [one, other]
    found = cluster(texts)
    assert np.mean([found[i] == found[i + 1] for i in near]) >= 0.97


@pytest.mark.parametrize("similar", [0, -1, 1.01])
def test_a_similarity_that_cannot_be_is_refused(similar: float) -> None:
    with pytest.raises(ValueError, match="similar must lie above 0 and be at most 1"):
        cluster(["a"], similar=similar)
