"""Guesses change cost and nothing else; chi-square and greedy equality included."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from hallmark.lm.continuous import stream
from hallmark.lm.sampling import SamplingParams, document_seed
from hallmark.lm.speculation import Ask, NGrams, Pace, SmallerModel
from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import in_precision
from hallmark.models.precision import Precision
from hallmark.models.sizes import GPT2Config
from hallmark.models.tokenizer import Tokenizer

N_CTX = 48
MODES = [{}, {"temperature": 0}, {"top_k": 8}, {"top_p": 0.8}, {"temperature": 0.5}]
PROMPTS = ["", "the end of the", "abcabcabcabc", "x" * N_CTX, "in the the the", "é🙂"]
SEEDS = [document_seed(9, "", "", i) for i in range(len(PROMPTS))]


pytestmark = pytest.mark.usefixtures("one_thread")


def make(tokenizer: Tokenizer, *, layers: int, spread: float = 4) -> GPT2:
    """Networks that share embeddings, and so agree somewhat."""
    config = GPT2Config(
        n_layer=layers, n_head=2, n_embd=64, n_ctx=N_CTX, vocab_size=tokenizer.n_vocab
    )
    network = GPT2(config).eval()
    network.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for p in network.h.parameters():
            p.mul_(spread if p.ndim == 2 else 1)
        for p in (network.wte.weight, network.wpe.weight):
            shared = torch.randn(p.shape, generator=torch.Generator().manual_seed(len(p)))
            p.copy_(shared * 0.16)
        network.ln_f.weight.mul_(2)
    return network


class Guesses:
    """Guesses that are the right ones where `right` says so: the worst and the best there are."""

    name = "told"

    def __init__(self, known: dict[int, Sequence[int]], right: Sequence[bool]) -> None:
        self.known, self.pattern = known, itertools.cycle(right)

    def guess(self, asks: Sequence[Ask]) -> list[list[int]]:
        out = []
        for ask in asks:
            coming = [*self.known[ask.seed], 0][ask.step : ask.step + ask.most]
            out.append([t if next(self.pattern) else (t + 1) % 256 for t in coming])
        return out

    def close(self) -> None:
        pass


class Always(Pace):
    """Guesses whatever it costs."""

    def choose(self, texts: int) -> int:
        return 3


def write(network, tokenizer, draft, *, precision=Precision.FLOAT32, slots=3, **settings):
    params = SamplingParams(**({"max_tokens": 60} | settings))
    pace = Pace()
    pairs = zip(PROMPTS, SEEDS, strict=True)
    texts = dict(stream(network, tokenizer, pairs, params, slots=slots, draft=draft, pace=pace))
    return [texts[i] for i in range(len(PROMPTS))], pace


@pytest.mark.parametrize("settings", MODES, ids=str)
@pytest.mark.parametrize("right", [[True], [False], [True, True, False]], ids=str)
def test_right_and_wrong_guesses_give_the_same_texts(tokenizer, settings, right):
    network = make(tokenizer, layers=2)
    plain, _ = write(network, tokenizer, None, **settings)
    known = {text.seed: text.tokens for text in plain}
    texts, pace = write(network, tokenizer, Guesses(known, right), **settings)
    assert texts == plain
    assert pace.proposed > 0
    assert max(text.slides for text in texts) > 0
    if right == [True]:
        assert pace.accepted > 0.9 * pace.proposed
        assert pace.drawn > pace.passes
    if right == [False]:
        assert pace.accepted == 0


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.INT8])
@pytest.mark.parametrize("settings", MODES, ids=str)
def test_a_smaller_network_and_ngrams_change_no_text(tokenizer, settings, precision):
    """In int8 bit for bit; in float32 but for near ties, of which there are none here."""
    network = in_precision(make(tokenizer, layers=2), precision)
    plain, _ = write(network, tokenizer, None, **settings)
    params = SamplingParams(**settings)
    small = SmallerModel(make(tokenizer, layers=1), params, slots=3, name="small", threads=1)
    for draft in (small, NGrams()):
        texts, pace = write(network, tokenizer, draft, **settings)
        assert texts == plain
        assert pace.proposed > 0
        draft.close()


def test_a_smaller_network_guesses_right_more_often_than_chance(tokenizer):
    """With the same noise: the same network guesses all right, also where tokens are drawn."""
    network = make(tokenizer, layers=2)
    twin = SmallerModel(network, SamplingParams(), slots=3, name="twin", threads=1)
    _, pace = write(network, tokenizer, twin)
    twin.close()
    assert pace.accepted > 0.95 * pace.proposed > 20


def test_drawn_tokens_follow_the_networks_distribution(tokenizer):
    """Chi-square of second tokens, which come after guesses, against exact probabilities."""
    network = make(tokenizer, layers=1, spread=2)
    params = SamplingParams(max_tokens=2, top_k=3)
    draft = SmallerModel(make(tokenizer, layers=1), params, slots=16, name="small", threads=1)
    pairs = [("the end", seed) for seed in range(3000)]
    pace = Always()
    found = dict(stream(network, tokenizer, pairs, params, slots=16, draft=draft, pace=pace))
    draft.close()
    assert 0 < pace.accepted < pace.proposed
    counts: dict[tuple[int, ...], int] = {}
    for text in found.values():
        counts[text.tokens] = counts.get(text.tokens, 0) + 1
    expected = _pairs(network, tokenizer.encode("the end"))
    assert set(counts) <= set(expected)
    observed = [counts.get(pair, 0) for pair in expected]
    assert chisquare(observed, np.array(list(expected.values())) * 3000).pvalue > 1e-4


@torch.no_grad()
def _pairs(network: GPT2, ids: list[int]) -> dict[tuple[int, ...], float]:
    """Probability of each pair of tokens, top-k 3."""

    def likeliest(context: list[int]) -> list[tuple[int, float]]:
        values, tokens = network.logits(network(torch.tensor([context]))[0, -1]).topk(3)
        return list(zip(tokens.tolist(), values.double().softmax(0).tolist(), strict=True))

    return {(one, two): p * q for one, p in likeliest(ids) for two, q in likeliest([*ids, one])}


def test_ngrams_guess_what_came_after_the_same_tokens():
    def guess(context: list[int], most: int = 3) -> list[int]:
        return NGrams().guess([Ask(0, 0, context, 0, 0, most)])[0]

    assert guess([1, 2, 3, 4, 5, 9, 2, 3]) == [4, 5, 9]
    assert guess([7, 2, 3, 8, 1, 2, 3, 4, 1, 2, 3]) == [4, 1, 2]
    assert guess([1, 2, 8, 8, 1, 2, 9, 9, 1, 2], 1) == [9]
    assert guess([1, 2, 3, 4]) == guess([5]) == guess([5, 5]) == []


def test_the_pace_is_what_pays():
    pace = Pace(passes=5, right=0.9, guess_seconds=0.01, seconds={1: 1.0, 9: 1.2})
    assert pace.choose(1) > 4
    pace.right = 0.05
    assert pace.choose(1) <= 1
    pace.guess_seconds = 2.0
    assert pace.choose(1) == 0
    pace.checked(4, 2)
    assert (pace.proposed, pace.accepted) == (4, 2)
