"""Copied runs are those that a slow search finds; a planted copy is found and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from hallmark.evaluate.copying import longest_runs, near_duplicates

Ids = list[list[int]]


def slow(text: list[int], corpus: Ids) -> int:
    """The longest run by trying every pair of places."""
    best = 0
    for document in corpus:
        for i in range(len(text)):
            for j in range(len(document)):
                k = 0
                while text[i + k : i + k + 1] == document[j + k : j + k + 1] != []:
                    k += 1
                best = max(best, k)
    return best


@pytest.mark.parametrize("seed", range(8))
def test_runs_are_those_of_a_slow_search(seed: int) -> None:
    draw = np.random.default_rng(seed)
    corpus = [draw.integers(0, 3, draw.integers(1, 25)).tolist() for _ in range(6)]
    texts = [draw.integers(0, 3, draw.integers(1, 15)).tolist() for _ in range(5)]
    assert longest_runs(texts, corpus).tolist() == [slow(text, corpus) for text in texts]


def test_a_planted_copy_is_found_to_the_token() -> None:
    draw = np.random.default_rng(0)
    corpus = draw.integers(0, 5000, (40, 200)).tolist()
    texts = draw.integers(5000, 9000, (10, 120)).tolist()
    texts[3][17:60] = corpus[31][100:143]
    runs = longest_runs(texts, corpus)
    assert runs[3] == 43
    assert runs.sum() == 43  # the others share no token with the corpus


def test_no_run_goes_from_one_document_into_the_next() -> None:
    assert longest_runs([[1, 2, 3, 4], [4], []], [[1, 2], [3, 4]]).tolist() == [2, 1, 0]
    assert longest_runs([[1, 2], [3, 4]], [[1, 2, 3, 4]]).tolist() == [2, 2]


def test_near_duplicates_are_nearly_whole_documents() -> None:
    draw = np.random.default_rng(1)
    corpus = draw.integers(0, 5000, (30, 200)).tolist()
    nearly, half = list(corpus[7]), corpus[7][:100] + corpus[8][100:]
    nearly[50] = 9999
    found = near_duplicates([nearly, half, corpus[9], [1, 2]], corpus)
    assert found.tolist() == [1, 0, 1, 0]
    assert near_duplicates([nearly], []).tolist() == [0]
