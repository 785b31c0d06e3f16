"""Compiled draws against `lm/draw.py`, whose own tests say that those are right."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numba import njit

from hallmark.lm.draw import next_tokens
from hallmark.lm.engine.draws import BINS, BLOCK, Draw, draw_all
from hallmark.lm.sampling import SamplingParams

MODES = [
    {}, {"temperature": 0}, {"temperature": 0.4}, {"temperature": 1.8}, {"top_k": 1}, {"top_k": 40},
    {"top_p": 0.3}, {"top_p": 0.9}, {"top_p": 0.999}, {"top_p": 0.001}, {"repetition_penalty": 1.3},
    {"top_k": 100, "top_p": 0.8}, {"repetition_penalty": 0.7, "top_k": 9, "temperature": 0.7},
]  # fmt: skip
ROWS = 300


@njit
def compiled(size, logits, draw):
    for rank in range(size):
        draw_all(rank, size, logits, draw)


def settings_of(each, seeds, steps, seen, *, size=1, wanted=-1):
    """Rows with settings of their own; `wanted` alternatives of each."""
    rows, most = len(each), max(wanted, 0)
    return Draw(
        np.array([p.temperature for p in each], dtype=np.float32),
        np.array([p.top_k for p in each], dtype=np.int64),
        np.array([p.top_p for p in each], dtype=np.float64),
        np.array([p.repetition_penalty for p in each], dtype=np.float32),
        np.arange(rows), seeds, steps, seen, np.zeros(rows, dtype=np.int64),
        np.zeros((size, BLOCK), dtype=np.bool_), np.zeros((size, BINS)),
        np.full(rows, wanted, dtype=np.int64), np.zeros(rows),
        np.zeros((rows, most), dtype=np.int64), np.zeros((rows, most)),
    )  # fmt: skip


def draw(logits: torch.Tensor, params: SamplingParams, seen: torch.Tensor, *, size: int = 1):
    """The ids that both ways draw from each row."""
    rows = len(logits)
    seeds = torch.randint(2**62, (rows,), generator=torch.Generator().manual_seed(3))
    steps = torch.arange(rows) * 7
    plain = next_tokens(logits, params, seeds=seeds, step=steps, seen=seen)
    settings = settings_of([params] * rows, seeds.numpy(), steps.numpy(), seen.numpy(), size=size)
    compiled(size, logits.numpy().copy(), settings)
    return plain.tolist(), settings.chosen.tolist()


@pytest.mark.parametrize("spread", [0.0, 0.01, 1.0, 4.0])
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_the_same_ids_are_drawn(mode, spread):
    """Flat rows, where all is tied, and steep ones; vocabularies of no round size."""
    generator = torch.Generator().manual_seed(2)
    for size in (67, 1000):
        logits = torch.randn(ROWS, size, generator=generator) * spread - 30
        seen = torch.rand(ROWS, size, generator=generator) < 0.1
        plain, found = draw(logits, SamplingParams(**mode), seen)
        assert found == plain
        assert mode.get("top_k") == 1 or spread < 1 or len(set(found)) > 10


def test_rows_are_shared_among_threads():
    logits = torch.randn(ROWS, 500, generator=torch.Generator().manual_seed(4)) * 3
    seen = torch.zeros(ROWS, 500, dtype=torch.bool)
    params = SamplingParams(top_p=0.9)
    assert draw(logits, params, seen, size=3) == draw(logits, params, seen)


def test_ties_go_to_the_lowest_ids():
    tied = torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, -3.0] * 10]).repeat(ROWS, 1)
    seen = torch.zeros(tied.shape, dtype=torch.bool)
    for mode in ({"top_k": 31}, {"top_k": 35}, {"top_p": 0.8}, {"top_p": 0.9}, {"temperature": 0}):
        plain, found = draw(tied, SamplingParams(**mode), seen)
        assert found == plain


@pytest.mark.parametrize("bad", [float("nan"), -float("nan"), float("inf")])
def test_rows_that_are_not_finite_are_marked(bad):
    logits = torch.zeros(3, 80)
    logits[1, 70] = bad
    seen = np.zeros((1, 80), dtype=np.bool_)
    settings = settings_of([SamplingParams()] * 3, np.arange(3), np.arange(3), seen)
    compiled(1, logits.numpy(), settings)
    assert [c == -1 for c in settings.chosen] == [False, True, False]


def test_each_row_is_drawn_by_its_own_settings():
    logits = torch.randn(len(MODES), 300, generator=torch.Generator().manual_seed(6)) * 3
    seen = torch.rand(len(MODES), 300, generator=torch.Generator().manual_seed(7)) < 0.1
    each = [SamplingParams(**mode) for mode in MODES]
    seeds, steps = np.arange(len(MODES)) + 9, np.arange(len(MODES))
    settings = settings_of(each, seeds, steps, seen.numpy())
    compiled(1, logits.numpy().copy(), settings)
    alone = [
        next_tokens(
            logits[i : i + 1], p, seeds=torch.tensor([int(seeds[i])]), step=i, seen=seen[i : i + 1]
        ).item()
        for i, p in enumerate(each)
    ]
    assert settings.chosen.tolist() == alone


@pytest.mark.parametrize("mode", [{}, {"temperature": 0}, {"repetition_penalty": 1.5}], ids=str)
def test_alternatives_are_the_networks_own(mode):
    """Before penalty and temperature, as PyTorch's log_softmax has them."""
    logits = torch.randn(40, 300, generator=torch.Generator().manual_seed(8)) * 3
    seen = torch.rand(40, 300, generator=torch.Generator().manual_seed(9)) < 0.3
    each = [SamplingParams(**mode)] * 40
    settings = settings_of(each, np.arange(40), np.arange(40), seen.numpy(), wanted=7)
    compiled(1, logits.numpy().copy(), settings)
    expected = logits.double().log_softmax(1)
    values, ids = expected.topk(7)
    assert settings.likely.tolist() == ids.tolist()
    np.testing.assert_allclose(settings.log_probs, values, atol=1e-6)
    own = expected[torch.arange(40), torch.tensor(settings.chosen)]
    np.testing.assert_allclose(settings.own, own, atol=1e-6)
