"""All ways to reduce logits against textbook formulas in float64, and against each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache

import pytest
import torch
from torch import Tensor

from hallmark.lm import fused, reduce
from hallmark.lm.gpu import reduce as gpu

pytestmark = pytest.mark.usefixtures("two_threads")

Statistics = Callable[[Tensor, Tensor], list[Tensor]]
DTYPES = [torch.float32, torch.bfloat16]


@cache
def traced() -> Statistics:
    return gpu.Statistics(backend="aot_eager")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name.startswith("hallmark")]


@pytest.fixture(params=["plain", "fused", "gpu"])
def statistics(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[Statistics]:
    """Each way; the GPU's is traced as for a GPU, and run by PyTorch's own operations."""
    ways = {"plain": reduce.statistics, "fused": fused.statistics}
    yield ways.get(request.param) or traced()
    assert said(caplog) == []  # nothing fell back to another way


def logits(rows: int, size: int, *, scale: float = 3.0, seed: int = 0) -> Tensor:
    return torch.randn(rows, size, generator=torch.Generator().manual_seed(seed)) * scale


def textbook(values: Tensor, targets: Tensor) -> list[Tensor]:
    """Float64 formulas as they are in books; minus infinity is a probability of 0."""
    log_p = values.double().log_softmax(1)
    p = log_p.exp()
    surprise = torch.where(p > 0, -log_p, 0.0)
    entropy = (p * surprise).sum(1)
    variance = (p * (surprise - entropy[:, None]).square()).sum(1)
    own = values.gather(1, targets)
    rank = 1 + torch.stack([(row > mine).sum() for row, mine in zip(values, own, strict=True)])
    return [log_p.gather(1, targets)[:, 0], rank, entropy, variance]


def assert_same(found: list[Tensor], expected: list[Tensor], *, atol: float = 5e-6) -> None:
    assert [f.dtype for f in found] == [torch.float32] * 4
    assert torch.equal(found[1], expected[1].float())
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b.float(), atol=atol, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 2, 101, 1023, 1024, 1025, 50_257])
def test_as_good_as_float64_whatever_the_vocabulary(
    statistics: Statistics, size: int, dtype: torch.dtype
) -> None:
    values = logits(16, size).to(dtype)
    targets = torch.arange(16)[:, None] % size
    assert_same(statistics(values, targets), textbook(values, targets))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [0.0, 1e-20, 1.0, 10.0, 1e3, 1e30])
def test_extreme_logits_stay_finite(
    statistics: Statistics, scale: float, dtype: torch.dtype
) -> None:
    values = logits(8, 999, scale=scale).to(dtype)
    targets = torch.arange(8)[:, None]
    log_prob, rank, entropy, variance = statistics(values, targets)
    for column in (log_prob, rank, entropy, variance):
        assert torch.isfinite(column).all()
    assert (entropy >= -1e-6).all()
    assert (variance >= 0).all()
    if scale <= 10:
        assert_same([log_prob, rank, entropy, variance], textbook(values, targets))
    else:
        assert entropy.max() < 0.2
    if scale == 0:
        torch.testing.assert_close(entropy, torch.full((8,), math.log(999)))


def test_a_peaked_row_with_a_long_tail_keeps_its_variance(statistics: Statistics) -> None:
    values = logits(4, 50_257, scale=0.5) - 12
    values[:, 40_000] = 4.0  # all but alone, and far from the first logits read
    targets = torch.full((4, 1), 40_000)
    assert_same(statistics(values, targets), textbook(values, targets))


@pytest.mark.parametrize("dtype", DTYPES)
def test_tied_tokens_share_the_best_rank(statistics: Statistics, dtype: torch.dtype) -> None:
    values = torch.tensor([[2.0, 5.0, 2.0, 2.0, 7.0]]).repeat(5, 1).to(dtype)
    assert statistics(values, torch.arange(5)[:, None])[1].tolist() == [3, 2, 3, 3, 1]


def test_in_bf16_logits_tie_that_round_to_the_same(statistics: Statistics) -> None:
    values = torch.tensor([[1.0, 1.001, 3.0]])
    target = torch.tensor([[0]])
    assert statistics(values, target)[1].item() == 3
    assert statistics(values.bfloat16(), target)[1].item() == 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_token_of_no_probability_adds_nothing(statistics: Statistics, dtype: torch.dtype) -> None:
    values = logits(6, 1500).to(dtype)
    values[:, 7::3] = -math.inf
    targets = torch.arange(6)[:, None]
    found = statistics(values, targets)
    assert_same(found, textbook(values, targets))
    kept = torch.isfinite(values[0])
    without = statistics(values[:, kept].contiguous(), targets)
    for a, b in zip(found, without, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("damage", [math.nan, math.inf])
def test_damage_shows_in_the_row_that_has_it(statistics: Statistics, damage: float) -> None:
    values = logits(3, 1200)
    values[1, 1100] = damage
    log_prob = statistics(values, torch.zeros(3, 1, dtype=torch.int64))[0]
    assert torch.isfinite(log_prob).tolist() == [True, False, True]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_fused_way_is_the_plain_one(dtype: torch.dtype) -> None:
    for seed, scale in enumerate((0.3, 2.0, 8.0)):
        values = logits(9, 5003, scale=scale, seed=seed).to(dtype)
        targets = torch.arange(0, 4500, 500)[:, None]
        assert_same(fused.statistics(values, targets), reduce.statistics(values, targets))


def test_a_row_does_not_depend_on_those_beside_it(statistics: Statistics) -> None:
    values = logits(64, 3001)
    targets = torch.arange(64)[:, None]
    together = statistics(values, targets)
    for i in (0, 31, 63):
        alone = statistics(values[i : i + 1], targets[i : i + 1])
        for a, b in zip(together, alone, strict=True):
            torch.testing.assert_close(a[i : i + 1], b, atol=1e-6, rtol=1e-6)


def test_rows_of_a_wider_buffer_are_read_in_place(statistics: Statistics) -> None:
    buffer = logits(5, 1088)
    targets = torch.arange(5)[:, None]
    for a, b in zip(
        statistics(buffer[:, :1030], targets),
        statistics(buffer[:, :1030].contiguous(), targets),
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)


def test_the_plain_way_works_through_more_rows_than_a_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values, targets = logits(10, 100), torch.arange(10)[:, None]
    whole = reduce.statistics(values, targets)
    crossed = reduce.crossed(values, values)
    monkeypatch.setattr(reduce, "_BLOCK", 300)
    assert_same(reduce.statistics(values, targets), whole)
    torch.testing.assert_close(reduce.crossed(values, values), crossed)


def test_what_cannot_be_compiled_is_said_and_done_plainly(caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> Callable[..., object]:
        raise RuntimeError("Failed to find C compiler")

    statistics = gpu.Statistics(backend=broken)
    values, targets = logits(3, 50), torch.tensor([[1], [2], [3]])
    for _ in range(2):
        for found, expected in zip(
            statistics(values, targets), reduce.statistics(values, targets), strict=True
        ):
            assert torch.equal(found, expected)
    (once,) = said(caplog)
    assert "C compiler" in once
    assert "\n" not in once
