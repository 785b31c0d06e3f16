"""Blocks of logits against the network's own head, in every precision."""

from __future__ import annotations

import pytest
import torch

from hallmark.lm import logits as module
from hallmark.lm.logits import LogitBlocks
from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import in_precision
from hallmark.models.precision import Precision
from hallmark.models.sizes import GPT2Config

CONFIG = GPT2Config(n_layer=1, n_head=2, n_embd=64, n_ctx=16, vocab_size=5003)


def network(precision: Precision) -> GPT2:
    made = GPT2(CONFIG).eval()
    made.initialise(torch.Generator().manual_seed(0))
    return in_precision(made, precision)


@torch.inference_mode()
@pytest.mark.parametrize("precision", list(Precision))
def test_blocks_are_what_the_head_gives(precision: Precision) -> None:
    net = network(precision)
    hidden = torch.randn(9, CONFIG.n_embd, generator=torch.Generator().manual_seed(1))
    blocks = LogitBlocks(net)
    assert CONFIG.vocab_size > module._SLICE  # so that there are several slices
    found = blocks(hidden)
    assert found.shape == (9, CONFIG.vocab_size)
    assert found.dtype == (torch.bfloat16 if precision == Precision.BF16 else torch.float32)
    torch.testing.assert_close(
        found.float(),
        net.logits(hidden),
        atol=1e-6,
        rtol=1e-2 if precision == Precision.BF16 else 1e-5,
    )


@torch.inference_mode()
@pytest.mark.parametrize("precision", list(Precision))
def test_compiled_blocks_are_filled_up_to_few_shapes(
    precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network(precision)
    hidden = torch.randn(9, CONFIG.n_embd, generator=torch.Generator().manual_seed(1))
    plain = LogitBlocks(net)(hidden)
    rows, products = set(), {name: getattr(torch, name) for name in ("mm", "_int_mm")}
    for name, product in products.items():

        def watched(states, weight, *, own=product, **kwargs):
            rows.add(len(states))
            return own(states, weight, **kwargs)

        monkeypatch.setattr(torch, name, watched)
    found = LogitBlocks(net)(hidden, compiled=True)
    assert found.shape == (9, CONFIG.vocab_size)
    near = 1e-2 if precision == Precision.BF16 else 1e-5
    torch.testing.assert_close(found.float(), plain.float(), atol=1e-6, rtol=near)
    assert rows == {module.ROW_MULTIPLE}


@torch.inference_mode()
def test_the_buffer_is_used_again_and_its_size_is_bounded() -> None:
    blocks = LogitBlocks(network(Precision.FLOAT32))
    hidden = torch.randn(blocks.rows, CONFIG.n_embd)
    first, second = blocks(hidden), blocks(hidden[:1])
    assert first.data_ptr() == second.data_ptr()
    assert first.untyped_storage().nbytes() <= module.BLOCK_BYTES


@torch.inference_mode()
def test_on_a_gpu_the_head_is_one_product(monkeypatch) -> None:
    with torch.device("meta"):
        net = in_precision(GPT2(CONFIG).eval(), Precision.BF16)
    calls = []
    product = torch.mm

    def count(states, weight, *, out) -> None:
        calls.append(out.shape)
        product(states, weight, out=out)

    monkeypatch.setattr(torch, "mm", count)
    blocks = LogitBlocks(net)
    assert blocks.rows > module.BLOCK_BYTES // (2 * CONFIG.vocab_size)
    blocks(torch.empty(3, CONFIG.n_embd, device="meta"))
    assert calls == [(3, CONFIG.vocab_size)]
