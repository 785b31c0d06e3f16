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


def draw(logits: torch.Tensor, params: SamplingParams, seen: torch.Tensor, *, size: int = 1):
    """The ids that both ways draw from each row."""
    rows = len(logits)
    seeds = torch.randint(2**62, (rows,), generator=torch.Generator().manual_seed(3))
    steps = torch.arange(rows) * 7
    plain = next_tokens(logits, params, seeds=seeds, step=steps, seen=seen)
    settings = Draw(
        np.float32(params.temperature), params.top_k, float(params.top_p),
        np.float32(params.repetition_penalty), np.arange(rows), seeds.numpy(), steps.numpy(),
        seen.numpy(), np.zeros(rows, dtype=np.int64), np.zeros((size, BLOCK), dtype=np.bool_),
        np.zeros((size, BINS)),
    )  # fmt: skip
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
    settings = Draw(
        np.float32(1), 0, 1.0, np.float32(1), np.arange(3), np.arange(3), np.arange(3),
        np.zeros((1, 80), dtype=np.bool_), np.zeros(3, dtype=np.int64),
        np.zeros((1, BLOCK), dtype=np.bool_), np.zeros((1, BINS)),
    )  # fmt: skip
    compiled(1, logits.numpy(), settings)
    assert [c == -1 for c in settings.chosen] == [False, True, False]
