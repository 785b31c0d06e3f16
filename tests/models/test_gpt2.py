"""The network against transformers on random weights, and its cache against recomputation."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from transformers import GPT2Config as TheirConfig
from transformers import GPT2LMHeadModel

from hallmark.models.gpt2 import GPT2, KVCache
from hallmark.models.sizes import GPT2Config, find_size

MATRICES = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
# The real width, heads, vocabulary and context of each size; depth as time allows.
DEPTHS = {"124M": 12, "355M": 2, "774M": 2, "1.5B": 2, "ladder-1M": 3, "ladder-7M": 2}


def transformers_copy(network: GPT2) -> GPT2LMHeadModel:
    """Their model over the same memory, its Conv1D matrices transposed views of ours."""
    c = network.config
    config = TheirConfig(
        n_layer=c.n_layer, n_head=c.n_head, n_embd=c.n_embd, n_positions=c.n_ctx,
        vocab_size=c.vocab_size, bos_token_id=0, eos_token_id=0, attn_implementation="eager",
    )  # fmt: skip
    with torch.device("meta"):
        theirs = GPT2LMHeadModel(config)
    state = {
        f"transformer.{n}": t.t() if n.endswith(MATRICES) else t
        for n, t in network.state_dict().items()
    }
    state["lm_head.weight"] = state["transformer.wte.weight"]
    theirs.load_state_dict(state, assign=True)
    return theirs.eval()


@pytest.mark.parametrize("name", DEPTHS)
@torch.no_grad()
def test_logits_agree_with_transformers_at_the_real_shapes(name, make_network):
    network = make_network(replace(find_size(name).config, n_layer=DEPTHS[name]))
    vocab = network.config.vocab_size
    tokens = torch.randint(vocab, (2, 20), generator=torch.Generator().manual_seed(1))
    theirs = transformers_copy(network)(tokens).logits
    ours = network.logits(network(tokens))
    assert ours.std() > 0.1
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


@torch.no_grad()
def test_greedy_tokens_with_the_cache_are_those_of_transformers(make_network):
    network = make_network(GPT2Config(n_layer=3, n_head=4, n_embd=64, n_ctx=64, vocab_size=500))
    prompt = torch.tensor([[7, 450, 3, 99]])
    ends = {"eos_token_id": None, "pad_token_id": 0}
    theirs = transformers_copy(network).generate(
        prompt, max_new_tokens=40, do_sample=False, use_cache=True, **ends
    )
    cache = KVCache(network.config, batch=1, capacity=64, like=network.wte.weight)
    tokens, new = prompt, prompt
    for _ in range(40):
        new = network.logits(network(new, cache=cache)[:, -1:]).argmax(-1)
        tokens = torch.cat([tokens, new], dim=1)
    assert tokens.tolist() == theirs.tolist()


@pytest.mark.parametrize("chunks", [(1,) * 30, (30,), (10, 1, 1, 18), (5, 5, 20), (1, 29)])
@torch.no_grad()
def test_cached_decoding_equals_recomputation(chunks, make_network):
    network = make_network(GPT2Config(n_layer=3, n_head=4, n_embd=64, n_ctx=32, vocab_size=500))
    tokens = torch.randint(500, (3, 30), generator=torch.Generator().manual_seed(2))
    cache = KVCache(network.config, batch=3, capacity=30, like=network.wte.weight)
    parts = [network(part, cache=cache) for part in tokens.split(chunks, dim=1)]
    assert cache.length == 30
    torch.testing.assert_close(torch.cat(parts, dim=1), network(tokens), atol=1e-5, rtol=0)


@torch.no_grad()
def test_keeping_rows_of_a_cache(tiny):
    tokens = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]])
    cache = KVCache(tiny.config, batch=3, capacity=8, like=tiny.wte.weight)
    tiny(tokens[:, :3], cache=cache)
    cache.keep(torch.tensor([2, 0]))
    last = tiny(tokens[[2, 0], 3:], cache=cache)
    torch.testing.assert_close(last[:, -1], tiny(tokens[[2, 0]])[:, -1], atol=1e-5, rtol=0)


@torch.no_grad()
def test_left_padding_by_mask_and_positions_changes_nothing(tiny):
    """How batches of unequal prompts are run: pads before, hidden by the mask."""
    tokens = torch.tensor([[0, 0, 0, 5, 6, 7], [1, 2, 3, 4, 5, 6]])
    pads = torch.tensor([3, 0])
    seen = torch.arange(6) >= pads[:, None]  # (B, T)
    own = torch.eye(6, dtype=torch.bool)  # a pad attends to itself, lest its row be empty
    mask = (seen[:, None, None, :] & torch.ones(6, 6, dtype=torch.bool).tril()) | own
    positions = (torch.arange(6) - pads[:, None]).clamp(min=0)
    both = tiny(tokens, positions=positions, mask=mask)
    torch.testing.assert_close(both[0, 3:], tiny(tokens[:1, 3:])[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(both[1], tiny(tokens[1:])[0], atol=1e-5, rtol=0)


def test_more_tokens_than_the_context_are_refused(tiny):
    with pytest.raises(ValueError, match="33 tokens do not fit the context of 32"):
        tiny(torch.zeros(1, 33, dtype=torch.long))


def test_initial_weights_depend_on_the_seed_alone(make_network):
    config = GPT2Config(n_layer=8, n_head=2, n_embd=64, n_ctx=16, vocab_size=300)
    networks = [GPT2(config) for _ in range(2)]
    for network in networks:
        network.initialise(torch.Generator().manual_seed(5))
    for one, other in zip(*(n.parameters() for n in networks), strict=True):
        assert torch.equal(one, other)
    block = networks[0].h[0]
    assert block.mlp.c_fc.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert block.mlp.c_proj.weight.std().item() == pytest.approx(0.005, rel=0.05)  # 0.02 / sqrt(16)
