"""Samplers against exact probabilities, and against transformers' processors of logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from hallmark.lm.draw import (
    draw,
    keep_nucleus,
    keep_top_k,
    next_tokens,
    next_tokens_unwatched,
    penalise,
    uniform,
)
from hallmark.lm.sampling import SamplingParams

DRAWS = 1_000_000
V = 24
INF = float("inf")


pytestmark = pytest.mark.usefixtures("one_thread")


def row(seed: int = 0, size: int = V) -> Tensor:
    """(1, V) logits with the spread of a trained network's, positive and negative."""
    return torch.randn(1, size, generator=torch.Generator().manual_seed(seed)) * 2 - 0.5


def seen_of(*ids: int) -> Tensor:
    seen = torch.zeros(1, V, dtype=torch.bool)
    seen[0, list(ids)] = True
    return seen


def exact(logits: Tensor, params: SamplingParams, seen: Tensor, *, short: bool = False):
    """The distribution by its definition, a token at a time; `short`: the release's nucleus."""
    values = [float(x) for x in logits[0]]
    for i in np.flatnonzero(seen[0].numpy()):
        factor = params.repetition_penalty
        values[i] = values[i] / factor if values[i] > 0 else values[i] * factor
    p = np.exp(np.array(values) / params.temperature)
    order = np.argsort(-p, kind="stable")
    p[order[params.top_k or V :]] = 0
    p /= p.sum()
    kept, mass = [], 0.0
    for i in order:
        if mass >= params.top_p or (short and kept and mass + p[i] > params.top_p):
            break
        kept.append(i)
        mass += p[i]
    p[np.setdiff1d(order, kept)] = 0
    return p / p.sum()


def counts_of(logits: Tensor, params: SamplingParams, seen: Tensor, *, by: str):
    """Counts of DRAWS tokens, by as many seeds or by the steps of one."""
    number = torch.arange(DRAWS)
    tokens = next_tokens(
        logits.expand(DRAWS, V),
        params,
        seeds=number if by == "seeds" else torch.full((DRAWS,), 1234),
        step=5 if by == "seeds" else number,
        seen=seen,
    )
    return np.bincount(tokens.numpy(), minlength=V)


def p_value(counts, probabilities) -> float:
    drawn = probabilities > 0
    if counts[~drawn].any():
        return 0.0
    return float(chisquare(counts[drawn], probabilities[drawn] * counts.sum()).pvalue)


MODES = [
    {}, {"temperature": 0.4}, {"temperature": 1.8}, {"top_k": 1}, {"top_k": 5}, {"top_k": 40},
    {"top_p": 0.3}, {"top_p": 0.9}, {"top_p": 0.001}, {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.7}, {"temperature": 0.7, "top_k": 8, "top_p": 0.8},
    {"temperature": 1.5, "top_k": 12, "top_p": 0.95, "repetition_penalty": 1.2},
]  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "by"), [*((mode, "seeds") for mode in MODES), ({}, "steps"), (MODES[-1], "steps")],
    ids=str,
)  # fmt: skip
def test_draws_follow_the_exact_probabilities(mode, by):
    params, logits, seen = SamplingParams(**mode), row(), seen_of(0, 3, 7, 11, 20)
    counts = counts_of(logits, params, seen, by=by)
    expected = exact(logits, params, seen)
    if (expected > 0).sum() == 1:
        assert counts[expected.argmax()] == DRAWS
    else:
        assert p_value(counts, expected) > 1e-4


@pytest.mark.parametrize("top_p", [0.5, 0.7, 0.9])
def test_a_nucleus_one_token_short_would_be_noticed(top_p):
    params, logits, seen = SamplingParams(top_p=top_p), row(), seen_of()
    short = exact(logits, params, seen, short=True)
    assert (short > 0).sum() == (exact(logits, params, seen) > 0).sum() - 1
    assert p_value(counts_of(logits, params, seen, by="seeds"), short) < 1e-12


@pytest.mark.parametrize(
    ("p", "kept"),
    [(0.2, [0]), (0.45, [0, 1]), (0.74, [0, 1]), (0.76, [0, 1, 2]), (0.96, [0, 1, 2, 3])],
)
def test_the_nucleus_is_the_smallest_set_that_reaches_p(p, kept):
    logits = torch.tensor([[0.4, 0.35, 0.2, 0.05]]).log()
    assert keep_nucleus(logits, p).isfinite().nonzero()[:, 1].tolist() == kept


@pytest.mark.parametrize("size", [500, 3000])
@pytest.mark.parametrize("spread", [0.01, 1.0, 6.0])
def test_the_nucleus_of_a_large_vocabulary(size, spread):
    """Larger than the head that is searched first, and flat enough to need more than that."""
    logits = torch.cat([row(i, size) for i in range(4)]) * spread
    for p in (0.1, 0.5, 0.9, 0.999):
        kept = keep_nucleus(logits, p).isfinite().numpy()
        for mine, values in zip(kept, logits.double().softmax(1).numpy(), strict=True):
            order = np.argsort(-values)
            count = np.searchsorted(values[order].cumsum(), p) + 1
            assert set(np.flatnonzero(mine)) == set(order[:count])


def test_of_tied_tokens_the_lowest_ids_stay():
    tied = torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, -3.0]])
    for k in range(1, 8):
        kept = keep_top_k(tied, k).isfinite().nonzero()[:, 1].tolist()
        assert kept == sorted([1, 3, 5, 0, 2, 4, 6][:k])
    assert keep_nucleus(torch.zeros(1, 10), 0.35).isfinite().nonzero()[:, 1].tolist() == [
        0,
        1,
        2,
        3,
    ]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_filtered_logits_are_those_of_transformers(mode, monkeypatch):
    params = SamplingParams(**mode)
    logits = torch.cat([row(i) for i in range(6)])
    prompt = torch.randint(V, (6, 9), generator=torch.Generator().manual_seed(1))
    seen = torch.zeros(6, V, dtype=torch.bool).scatter_(1, prompt, True)
    theirs = LogitsProcessorList([RepetitionPenaltyLogitsProcessor(params.repetition_penalty)])
    theirs.append(TemperatureLogitsWarper(float(params.temperature)))
    theirs += [TopKLogitsWarper(params.top_k)] if params.top_k else []
    theirs.append(TopPLogitsWarper(params.top_p))
    filtered = []
    monkeypatch.setattr("hallmark.lm.draw.draw", lambda x, **_: filtered.append(x))
    next_tokens(logits, params, seeds=torch.zeros(6, dtype=torch.long), step=0, seen=seen)
    torch.testing.assert_close(
        filtered[0].softmax(1), theirs(prompt, logits.clone()).softmax(1), atol=1e-6, rtol=0
    )


def test_greedy_takes_the_likeliest_after_the_penalty():
    logits = torch.tensor([[1.0, 2.0, 1.9], [-1.0, -2.0, -1.1]])
    seen = torch.tensor([[False, True, False], [True, False, False]])
    seeds = torch.tensor([1, 2])
    params = SamplingParams(temperature=0, repetition_penalty=1.2, top_k=1, top_p=0.1)
    assert next_tokens(logits, params, seeds=seeds, step=0).tolist() == [1, 0]
    assert next_tokens(logits, params, seeds=seeds, step=0, seen=seen).tolist() == [2, 2]
    assert penalise(logits, seen, penalty=2.0).tolist() == [
        pytest.approx([1.0, 1.0, 1.9]), pytest.approx([-2.0, -2.0, -1.1])
    ]  # fmt: skip


@pytest.mark.parametrize("mode", [{}, {"top_k": 7}, {"top_p": 0.7}], ids=str)
def test_a_row_does_not_look_at_its_neighbours(mode):
    params, count = SamplingParams(**mode), 200
    logits = torch.cat([row(i) for i in range(count)])
    seeds = torch.randint(2**62, (count,), generator=torch.Generator().manual_seed(3))
    together = next_tokens(logits, params, seeds=seeds, step=9)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(4))
    assert together[order].equal(next_tokens(logits[order], params, seeds=seeds[order], step=9))
    alone = [
        next_tokens(logits[i : i + 1], params, seeds=seeds[i : i + 1], step=9).item()
        for i in range(count)
    ]
    assert together.tolist() == alone


def test_changed_bits_seldom_change_the_draw():
    """Errors of at most e in the logits change a draw with probability below 2e, however long
    the tail. Inverting the cumulative distribution would change some 5 % of these.
    """
    size, count, e = 2000, 5000, 2e-3
    logits = -torch.arange(1, size + 1).float().log()[None]  # Zipf
    generator, changed = torch.Generator().manual_seed(5), 0
    for first in range(0, count, 500):
        noise = torch.rand(500, size, generator=generator) * 2 * e - e
        both = [
            draw(x, seeds=torch.arange(first, first + 500), step=0)
            for x in (logits.expand(500, size), logits + noise)
        ]
        changed += int((both[0] != both[1]).sum())
    assert changed < 2 * e * count


def test_numbers_for_neighbouring_seeds_steps_and_ids_are_independent():
    numbers = torch.stack(
        [uniform(torch.arange(120), step, torch.arange(60)) for step in range(40)]
    )
    assert numbers.min() > 0
    assert numbers.max() < 1
    for axis in range(3):
        shifted = numbers.roll(1, axis)
        cells = ((numbers * 16).long() * 16 + (shifted * 16).long()).flatten()
        assert chisquare(np.bincount(cells.numpy(), minlength=256)).pvalue > 1e-4
    assert numbers.unique().numel() == numbers.numel()


def test_numbers_are_the_same_for_ever():
    """SplitMix64 in Python's own integers."""
    whole = 2**64 - 1

    def mix(x: int) -> int:
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & whole
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & whole
        return x ^ (x >> 31)

    gamma = 0x9E3779B97F4A7C15
    seeds, ids = [0, 1, 2**63 - 1, 987654321], [0, 1, 50_256]
    for step in (0, 1, 1023):
        ours = uniform(torch.tensor(seeds), step, torch.tensor(ids))
        for i, seed in enumerate(seeds):
            start = mix((mix(seed) + step * gamma) & whole)
            for j, token in enumerate(ids):
                bits = mix((start + (token + 1) * gamma) & whole)
                assert ours[i, j].item() == ((bits >> 12) + 0.5) / 2**52


def test_what_is_impossible_is_never_drawn():
    logits = torch.tensor([[-INF, 0.0, -INF, 0.0], [0.0, -INF, -INF, -300.0]])
    seeds = torch.tensor([1, 2])
    for step in range(100):
        first, second = next_tokens(logits, SamplingParams(), seeds=seeds, step=step).tolist()
        assert first in (1, 3)
        assert second == 0


@pytest.mark.parametrize("bad", [[float("nan"), 0.0], [INF, 0.0], [-INF, -INF]])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_not_finite_are_refused(bad, temperature):
    logits = torch.tensor([[0.0, 1.0], bad])
    params = SamplingParams(temperature=temperature)
    with pytest.raises(ValueError, match="logits are not finite"):
        next_tokens(logits, params, seeds=torch.tensor([1, 2]), step=0)


def test_extreme_temperatures_do_not_overflow():
    logits = torch.tensor([[300.0, 299.0, -300.0]])
    for temperature, likely in ((1e-6, {0}), (1e30, {0, 1, 2})):
        params = SamplingParams(temperature=temperature)
        drawn = {
            next_tokens(logits, params, seeds=torch.tensor([s]), step=0).item() for s in range(60)
        }
        assert drawn == likely


@pytest.mark.parametrize("mode", [{}, {"temperature": 0}, {"repetition_penalty": 0.7}, *MODES])
def test_draws_that_nobody_waits_for_are_the_same(mode):
    params = SamplingParams(**mode)
    logits = torch.cat([row(i, 3000) for i in range(50)])
    logits[7] = logits[7].round()  # ties
    seen = torch.rand(logits.shape, generator=torch.Generator().manual_seed(2)) < 0.1
    named = {"seeds": torch.arange(50), "step": torch.arange(50) % 7, "seen": seen}
    expected = next_tokens(logits, params, **named)
    assert next_tokens_unwatched(logits, params, **named).tolist() == expected.tolist()
    logits[3, 5], logits[4, :], logits[5, 9] = float("nan"), -INF, INF
    damaged = next_tokens_unwatched(logits, params, **named)
    expected[3:6] = -1
    assert damaged.tolist() == expected.tolist()
