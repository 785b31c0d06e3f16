"""Texts laid end to end give what each gives alone in the plain network."""

from __future__ import annotations

import weakref

import pytest
import torch
from torch.nn import functional as F

from hallmark.lm import gelu, packed
from hallmark.lm.gelu import differentiable_gelu, gelu_, gelu_then
from hallmark.lm.packed import hidden_states
from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import in_precision
from hallmark.models.precision import Precision
from hallmark.models.sizes import GPT2Config

pytestmark = pytest.mark.usefixtures("two_threads")

CONFIG = GPT2Config(n_layer=3, n_head=4, n_embd=64, n_ctx=48, vocab_size=301)
LENGTHS = [5, 48, 1, 17, 30]


def network(precision: Precision = Precision.FLOAT32) -> GPT2:
    made = GPT2(CONFIG).eval()
    made.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "bias" in name:
                parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(1))
            elif parameter.ndim == 2:
                parameter.mul_(4)
    return in_precision(made, precision)


def tokens(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randint(0, CONFIG.vocab_size, (count,), generator=generator)


@torch.inference_mode()
@pytest.mark.parametrize(
    ("compiled", "own_attention"), [(False, False), (True, False), (True, True)]
)
@pytest.mark.parametrize("precision", list(Precision))
def test_each_text_is_as_in_the_plain_network(
    precision: Precision, compiled: bool, own_attention: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "wanted_here", lambda: own_attention)
    net, ids = network(precision), tokens(sum(LENGTHS))
    together = hidden_states(net, ids, LENGTHS, compiled=compiled)
    assert together.dtype == torch.float32
    # Where activations are rounded, a last bit that differs may be rounded the other way.
    off = 1e-5 if precision == Precision.FLOAT32 else 0.03
    for own, found in zip(torch.split(ids, LENGTHS), torch.split(together, LENGTHS), strict=True):
        plain = net(own[None])[0]
        torch.testing.assert_close(found, plain, atol=off, rtol=off)
        assert (found - plain).square().mean().sqrt() < off / 3


@torch.inference_mode()
@pytest.mark.parametrize("own_attention", [False, True])
@pytest.mark.parametrize("outlier", [1e3, 1e30])
@pytest.mark.parametrize("precision", list(Precision))
def test_an_outlier_next_door_changes_nothing(
    precision: Precision, outlier: float, own_attention: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "wanted_here", lambda: own_attention)
    net, ids = network(precision), tokens(40)
    net.wpe.weight[9] *= outlier  # only the second text is long enough to come there
    before = hidden_states(net, ids[:8], [8], compiled=True)
    after = hidden_states(net, ids, [8, 32], compiled=True)[:8]
    torch.testing.assert_close(before, after, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_compiled_products_meet_few_numbers_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """oneDNN keeps code and memory for each."""
    rows, attended = set(), set()
    product, look = packed._product, packed.causal_attention

    def watched(layer: torch.nn.Module, x: torch.Tensor, *, compiled: bool) -> torch.Tensor:
        rows.add(len(x))
        return product(layer, x, compiled=compiled)

    def watched_look(*parts: torch.Tensor) -> torch.Tensor:
        attended.update(x.shape[2] for x in parts)
        return look(*parts)

    monkeypatch.setattr(packed, "_product", watched)
    monkeypatch.setattr(packed, "causal_attention", watched_look)
    monkeypatch.setattr(packed, "wanted_here", lambda: True)
    net = network(Precision.BF16)
    for lengths in ([5, 48], [17, 30, 9], LENGTHS):
        hidden_states(net, tokens(sum(lengths)), lengths, compiled=True)
    assert rows == {64, 128}
    assert attended == {64}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gelu_is_pytorchs(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(37, 129, generator=generator).mul_(5).to(dtype)
    x[0, :129] = torch.linspace(-200, 200, 129)
    x[1, :6] = torch.tensor([0.0, -0.0, 1e30, -1e30, torch.inf, torch.nan])
    expected = F.gelu(x.double(), approximate="tanh").to(dtype)
    found = gelu_(x.clone())
    assert found.dtype == dtype
    torch.testing.assert_close(
        found, expected, atol=1e-6, rtol=1e-6 if dtype == torch.float32 else 1e-2, equal_nan=True
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gelu_has_pytorchs_gradient(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 7, 129, generator=generator).mul_(5)
    x[0, 0] = torch.linspace(-200, 200, 129)
    gradient = torch.randn(7, 3, 129, generator=generator).transpose(0, 1).to(dtype)
    exact = x.to(dtype).double().requires_grad_()
    given = x.to(dtype).requires_grad_()
    found, expected = differentiable_gelu(given), F.gelu(exact, approximate="tanh")
    torch.autograd.backward([found, expected], [gradient, gradient.double()])
    assert given.grad is not None
    assert exact.grad is not None
    near = {"atol": 1e-5, "rtol": 1e-5 if dtype == torch.float32 else 1e-2}
    torch.testing.assert_close(found, expected.to(dtype), **near)
    torch.testing.assert_close(given.grad, exact.grad.to(dtype), **near)


def test_gelu_before_a_layer_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers and gradients as with what lies between kept, which is let go."""
    layer = torch.nn.Linear(129, 8, dtype=torch.bfloat16)
    generator = torch.Generator().manual_seed(0)
    x, gradient = (torch.randn(3, 7, width, generator=generator).bfloat16() for width in (129, 8))
    between: list[weakref.ref[torch.Tensor]] = []

    def watched(wide: torch.Tensor) -> torch.Tensor:
        between.append(weakref.ref(found := differentiable_gelu(wide)))
        return found

    monkeypatch.setattr(gelu, "differentiable_gelu", watched)
    results = []
    for call in (lambda wide, then: then(watched(wide)), gelu_then):
        layer.zero_grad()
        given = x.clone().requires_grad_()
        out = call(given, layer)
        kept = between[-1]() is not None
        torch.autograd.backward(out, gradient)
        results.append((kept, out.detach(), given.grad, layer.weight.grad, layer.bias.grad))
    (was_kept, *wanted), (still_kept, *found) = results
    assert was_kept
    assert not still_kept
    for own, other in zip(found, wanted, strict=True):
        assert torch.equal(own, other)


def test_float32_before_a_layer_goes_to_pytorch() -> None:
    layer, x = torch.nn.Linear(5, 2), torch.randn(4, 5)
    assert torch.equal(gelu_then(x, layer), layer(F.gelu(x, approximate="tanh")))
