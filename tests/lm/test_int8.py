"""The two ends of an int8 product give PyTorch's bits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hallmark.lm import int8
from hallmark.models import rounding
from hallmark.models.matrices import int8_product

pytestmark = pytest.mark.usefixtures("two_threads")


def activations() -> Tensor:
    """Rows of many widths; one of zeros, one with NaN, one with infinity, one full of ties."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(61, 67, generator=generator) * torch.logspace(-20, 20, 61)[:, None]
    x[7] = 0
    x[11, 3] = torch.nan
    x[13, 66] = -torch.inf
    x[17] = torch.arange(67) / 2
    x[17, 0] = 127
    return x


def same(found: Tensor, wanted: Tensor) -> None:
    assert found.dtype == wanted.dtype
    assert torch.equal(found.isnan(), wanted.isnan())
    assert torch.equal(found.nan_to_num(0), wanted.nan_to_num(0))


@pytest.mark.parametrize("width", [67, 32, 1])
def test_rows_are_rounded_as_pytorch_rounds_them(width: int) -> None:
    x = activations()[:, :width]
    for found, wanted in zip(int8.quantise_rows(x), rounding.quantise_rows(x), strict=True):
        same(found, wanted)


@pytest.mark.parametrize("biased", [False, True])
def test_a_product_has_the_same_bits(biased: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    weight, scale = rounding.quantise(torch.randn(45, 67, generator=generator))
    bias = torch.randn(45, generator=generator) if biased else None
    x = activations()
    wanted = int8_product(x, weight, scale, bias)
    assert wanted[11].isnan().all()
    same(int8.product(x, weight, scale, bias), wanted)
    block = torch.full((61, 100), 5.0)
    int8.product_into(block, 20, int8.quantise_rows(x), weight, scale, bias)
    same(block[:, 20:65], wanted)
    assert (block[:, :20] == 5).all()
    assert (block[:, 65:] == 5).all()
