"""Networks in bf16, int8 and int4 against float32 products of what the matrices stand for."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import HeldEmbedding, float_matrix, hold, in_precision
from hallmark.models.precision import CHOICES, Precision, choose_precision
from hallmark.models.rounding import from_rows, quantise_rows
from hallmark.models.sizes import GPT2Config

LOW = (Precision.BF16, Precision.INT8, Precision.INT4)
CONFIG = GPT2Config(n_layer=2, n_head=2, n_embd=64, n_ctx=32, vocab_size=300)
WEIGHT_ERROR = {Precision.BF16: 2e-3, Precision.INT8: 1e-2, Precision.INT4: 0.12}


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def network(make_network) -> GPT2:
    made = make_network(CONFIG)
    with torch.no_grad():
        for p in made.parameters():
            p.mul_(5 if p.ndim == 2 else 1)
    return made


def seen_by(x: torch.Tensor, precision: Precision) -> torch.Tensor:
    """The input as a matrix in that precision rounds it."""
    if precision == Precision.BF16:
        return x.bfloat16().float()
    return from_rows(*quantise_rows(x))


@pytest.mark.parametrize("precision", LOW)
def test_a_product_is_that_of_the_matrix_it_stands_for(precision):
    weight, bias, x = normal(96, 128), normal(96, seed=1), normal(7, 128, seed=2)
    held = hold(weight, bias, precision)
    assert (float_matrix(held) - weight).norm() / weight.norm() < WEIGHT_ERROR[precision]
    exact = F.linear(seen_by(x, precision).double(), float_matrix(held).double(), bias.double())
    found = held(x.view(7, 1, 128))
    assert found.shape == (7, 1, 96)
    close = {"atol": 0.2, "rtol": 8e-3} if precision == Precision.BF16 else {}
    torch.testing.assert_close(found[:, 0].float(), exact.float(), **close)


@pytest.mark.parametrize("precision", LOW)
def test_an_outlier_next_door_changes_nothing(network, precision):
    """One activation scale for the whole batch would raise the error of row 0 tenfold."""
    held = hold(normal(96, 128), None, precision)
    x = normal(5, 128, seed=3)
    loud = x.clone()
    loud[1:] *= 1e4
    assert torch.equal(held(x)[0], held(loud)[0])
    in_precision(network, precision)
    tokens = torch.randint(300, (4, 16), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        alone = network.logits(network(tokens[:1]))[0]
        together = network.logits(network(tokens))[0]
    torch.testing.assert_close(alone, together, atol=2e-2 if precision == "bf16" else 1e-4, rtol=0)


@pytest.mark.parametrize("precision", LOW)
@torch.no_grad()
def test_a_network_is_near_the_float32_network_of_its_matrices(make_network, precision):
    tokens = torch.randint(300, (2, 20), generator=torch.Generator().manual_seed(1))
    low = in_precision(make_network(CONFIG), precision)
    plain = make_network(CONFIG)
    matrices = {n: float_matrix(m) for n, m in low.named_modules() if _holds(m)}
    plain.load_state_dict({f"{n}.weight": m for n, m in matrices.items()}, strict=False)
    expected = plain.logits(plain(tokens))
    found = low.logits(low(tokens))
    assert found.dtype == torch.float32
    assert (found - expected).norm() / expected.norm() < 0.02
    assert low.precision == precision


def _holds(module) -> bool:
    return isinstance(module, HeldEmbedding) or (
        hasattr(module, "scale") or type(module).__name__ == "Bf16Matrix"
    )


def test_rows_of_zeros_and_of_what_is_not_finite():
    x = torch.tensor([[0.0, 0.0], [1.0, -2.0], [float("nan"), 1.0], [float("inf"), 1.0]])
    whole, scale = quantise_rows(x)
    assert whole[:2].tolist() == [[0, 0], [64, -127]]
    assert scale[0] == 0
    assert scale[2:].isnan().all()
    held = hold(torch.zeros(4, 64), None, Precision.INT4)
    assert torch.equal(held(torch.ones(1, 64)), torch.zeros(1, 4))


def test_four_bits_use_the_whole_range_of_each_group():
    weight = normal(50, 256) * (1 + 9 * torch.rand(50, 256, generator=torch.Generator()))
    weight.view(50, 8, 32)[:, 3] *= 0.05  # a quiet group beside loud ones
    error = (float_matrix(hold(weight, None, Precision.INT4)) - weight).view(50, 8, 32)
    step = weight.view(50, 8, 32).abs().amax(2) / 8
    relative = error.square().mean(2).sqrt() / step
    assert relative.mean() < 0.32  # rounding alone gives 0.29
    assert relative[:, 3].mean() < 0.8


def test_precision_is_changed_once(network):
    in_precision(network, Precision.INT8)
    assert in_precision(network, Precision.INT8) is network
    with pytest.raises(ValueError, match="in int8 already; load it again for bf16"):
        in_precision(network, Precision.BF16)


def test_a_width_that_four_bits_do_not_fit(make_network):
    odd = make_network(GPT2Config(n_layer=1, n_head=1, n_embd=48, n_ctx=8, vocab_size=300))
    with pytest.raises(ValueError, match="a width that 64 divides, not 48"):
        in_precision(odd, Precision.INT4)


def test_auto_chooses_by_device_and_size():
    small, large = 7_000_000, 124_000_000
    assert choose_precision("auto", device="cpu", parameters=small) == Precision.FLOAT32
    assert choose_precision("auto", device="cpu", parameters=large) == Precision.INT8
    assert choose_precision("auto", device="cuda:0", parameters=small) == Precision.BF16
    for device, expected in (("cpu", Precision.INT4), ("cuda", Precision.BF16)):
        found = choose_precision("auto", device=device, parameters=small, stored=Precision.INT4)
        assert found == expected
    for name in CHOICES[1:]:
        assert choose_precision(name, device="cpu", parameters=1) == name
    with pytest.raises(ValueError, match="int4 is for CPUs, not for cuda"):
        choose_precision("int4", device="cuda", parameters=large)
    with pytest.raises(ValueError, match="use one of auto, float32, bf16, int8, int4"):
        choose_precision("fp8", device="cpu", parameters=large)
