"""A step obeys the rules of CUDA graphs, seen on PyTorch's device without memory ("meta")."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hallmark.lm.gpu.cache import StaticCache
from hallmark.lm.gpu.step import Slots, step
from hallmark.lm.sampling import SamplingParams
from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import in_precision
from hallmark.models.precision import Precision
from hallmark.models.sizes import GPT2Config

# Operations that wait for the device, or whose shape its numbers decide, or that bring something.
WAITS = {
    "aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal",
    "aten::lift_fresh", "aten::is_nonzero", "aten::unique_consecutive", "aten::_unique2",
    "aten::repeat_interleave.Tensor", "aten::bincount",
}  # fmt: skip


class Rules(TorchDispatchMode):
    """Refuses what a graph may not hold: waits, and tensors of another device."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, operation, types, arguments=(), named=None):
        name = operation._schema.name
        self.seen.add(name)
        assert name not in WAITS
        out = operation(*arguments, **(named or {}))
        for tensor in tree_leaves((arguments, named, out)):
            if isinstance(tensor, torch.Tensor):
                assert tensor.device.type == "meta" or tensor.ndim == 0, name
        return out


def state(precision: Precision, params: SamplingParams):
    with torch.device("meta"):
        network = GPT2(GPT2Config(n_layer=2, n_head=2, n_embd=128, n_ctx=256, vocab_size=2000))
    in_precision(network.eval(), precision)
    cache = StaticCache(network, slots=3, capacity=256)
    return network, cache, Slots.free(network, params, slots=3, window=4)


@pytest.mark.parametrize("precision", [Precision.BF16, Precision.FLOAT32])
@pytest.mark.parametrize(
    "settings",
    [
        {}, {"temperature": 0}, {"top_k": 40}, {"top_p": 0.9},
        {"repetition_penalty": 1.2, "temperature": 0.7, "top_k": 9, "top_p": 0.5},
    ],
    ids=str,
)  # fmt: skip
def test_a_step_waits_for_nothing_and_stays_on_its_device(precision, settings, monkeypatch):
    params = SamplingParams(**settings)
    network, cache, slots = state(precision, params)
    rules = Rules()
    monkeypatch.delattr(torch, "tensor")  # which would copy numbers to the device
    with torch.inference_mode(), rules:
        step(network, cache, slots, params, eot=0, bucket=128)
    assert {"aten::index_copy_", "aten::scatter_", "aten::where"} <= rules.seen


def test_the_rules_catch_what_they_are_for():
    params = SamplingParams()
    _, _, slots = state(Precision.BF16, params)
    for wrong in (
        lambda: slots.tokens.nonzero(),
        lambda: slots.places + torch.arange(3),
        lambda: slots.tokens[slots.alive],
    ):
        with pytest.raises((AssertionError, NotImplementedError, RuntimeError)), Rules():
            wrong()


@pytest.mark.parametrize("penalty", [1.0, 1.2])
def test_everything_a_step_changes_is_known_and_stays_where_it_is(network, penalty):
    params = SamplingParams(repetition_penalty=penalty)
    slots = Slots.free(network, params, slots=3, window=4)
    slots.alive.fill_(True)
    cache = StaticCache(network, slots=3, capacity=48)
    held = {name: value for name, value in vars(slots).items() if value is not None}
    before = {name: (value.data_ptr(), value.clone()) for name, value in held.items()}
    with torch.inference_mode():
        step(network, cache, slots, params, eot=0, bucket=48)
    changed = set()
    for name, value in held.items():
        address, old = before[name]
        assert value.data_ptr() == address
        if not torch.equal(value, old):
            changed.add(name)
    known = {n for n, value in held.items() if any(value is c for c in slots.changes)}
    assert changed <= known | {"drawn"}
    assert {"tokens", "places", "steps", "at", "drawn"} <= changed


def test_a_text_that_has_ended_stands_still(network):
    params = SamplingParams(max_tokens=2)
    slots = Slots.free(network, params, slots=2, window=8)
    cache = StaticCache(network, slots=2, capacity=48)
    slots.alive[1] = True
    with torch.inference_mode():
        for _ in range(4):
            step(network, cache, slots, params, eot=-5, bucket=16)
    assert slots.places.tolist() == [0, 1]
    assert slots.steps.tolist() == [0, 2]
    assert slots.alive.tolist() == [False, False]
    assert slots.at.tolist() == [4]
