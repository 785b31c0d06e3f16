"""Each statistic against its formula, written out over the whole distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from hallmark.detect import statistics
from hallmark.lm.score import TokenScores, cross_entropy, score
from hallmark.models.gpt2 import GPT2


@dataclass(frozen=True)
class Case:
    """A text's scores beside the logits (T, V) that they were reduced from."""

    scores: TokenScores
    crossed: np.ndarray
    ids: Tensor
    logits: Tensor
    other: Tensor

    @property
    def chosen(self) -> Tensor:
        """(T,) log-probability of each token."""
        every = torch.log_softmax(self.logits, dim=-1)
        return every.gather(1, self.ids[:, None]).squeeze(1)

    @property
    def rank(self) -> Tensor:
        """(T,) by sorting."""
        order = self.logits.argsort(dim=1, descending=True)
        return (order == self.ids[:, None]).nonzero()[:, 1] + 1


@pytest.fixture(scope="module")
def case(network: GPT2, other_network: GPT2) -> Case:
    vocab = network.config.vocab_size
    ids = np.random.default_rng(3).integers(0, vocab - 1, size=90)
    inputs = torch.tensor([[vocab - 1, *ids[:-1].tolist()]])
    with torch.inference_mode():
        logits = [n.logits(n(inputs))[0].double() for n in (network, other_network)]
    return Case(
        score(network, [ids])[0],
        cross_entropy(other_network, network, [ids])[0],
        torch.tensor(ids),
        *logits,
    )


def test_likelihood_ranks_and_entropy(case: Case) -> None:
    probability = torch.softmax(case.logits, dim=-1)
    entropy = -(probability * probability.log()).sum(1)
    assert_allclose(statistics.log_likelihood(case.scores), case.chosen.mean(), rtol=1e-5)
    assert_allclose(statistics.rank(case.scores), -case.rank.double().mean(), rtol=1e-9)
    assert_allclose(statistics.log_rank(case.scores), -case.rank.log().mean(), rtol=1e-5)
    assert_allclose(statistics.entropy(case.scores), -entropy.mean(), rtol=1e-5)


def test_lrr(case: Case) -> None:
    expected = -case.chosen.sum() / case.rank.log().sum()
    assert_allclose(statistics.lrr(case.scores), expected, rtol=1e-5)


def test_gltr_buckets(case: Case) -> None:
    rank = case.rank.tolist()
    shares = [sum(low < r <= high for r in rank) / len(rank)
              for low, high in ((0, 10), (10, 100), (100, 1000), (1000, 10**9))]  # fmt: skip
    assert_allclose(statistics.gltr_shares(case.scores), shares)
    assert statistics.gltr_top10(case.scores) == pytest.approx(shares[0])


def test_gltr_buckets_hold_their_upper_edges() -> None:
    ranks = np.array([1, 10, 11, 100, 101, 1000, 1001, 8000], dtype=np.int32)
    blank = np.zeros(8, dtype=np.float32)
    scores = TokenScores(ranks, blank, ranks, blank, blank, 8)
    assert statistics.gltr_shares(scores).tolist() == [0.25, 0.25, 0.25, 0.25]


def test_fast_detectgpt_is_the_papers_analytic_discrepancy(case: Case) -> None:
    """get_sampling_discrepancy_analytic with one model as reference and scorer."""
    log_probs = torch.log_softmax(case.logits, dim=-1)
    probs = torch.softmax(case.logits, dim=-1)
    log_likelihood = log_probs.gather(1, case.ids[:, None]).squeeze(1)
    mean = (probs * log_probs).sum(-1)
    variance = (probs * log_probs.square()).sum(-1) - mean.square()
    expected = (log_likelihood.sum() - mean.sum()) / variance.sum().sqrt()
    assert_allclose(statistics.fast_detectgpt(case.scores), expected, rtol=1e-4)


def test_binoculars_is_minus_the_papers_ratio(case: Case) -> None:
    perplexity = -case.chosen.mean()
    observed, performed = torch.softmax(case.other, dim=-1), torch.log_softmax(case.logits, dim=-1)
    cross_perplexity = -(observed * performed).sum(-1).mean()
    found = statistics.binoculars(case.scores, case.crossed)
    assert_allclose(found, -perplexity / cross_perplexity, rtol=1e-5)


def test_every_statistic_is_higher_for_the_likelier_text(network: GPT2) -> None:
    """Greedy text against random tokens; entropy is of the predictions, so not compared."""
    with torch.inference_mode():
        likely = [network.config.vocab_size - 1]
        for _ in range(40):
            likely.append(int(network.logits(network(torch.tensor([likely])))[0, -1].argmax()))
    random = np.random.default_rng(0).integers(0, network.config.vocab_size - 1, size=40)
    one, other = score(network, [likely[1:], random])
    for name, statistic in statistics.STATISTICS.items():
        if name != "entropy":
            assert statistic(one) > statistic(other), name


def test_degenerate_texts_have_finite_statistics() -> None:
    one, zero = np.ones(3, dtype=np.int32), np.zeros(3, dtype=np.float32)
    certain = TokenScores(one, zero, one, zero, zero, 3)
    for name, statistic in statistics.STATISTICS.items():
        assert math.isfinite(statistic(certain)), name
    assert math.isfinite(statistics.binoculars(certain, zero))
