"""Decoding with fixed shapes against plain decoding, text by text, on the CPU."""

from __future__ import annotations

import pytest
import torch

from hallmark.lm import gpu
from hallmark.lm.generate import generate
from hallmark.lm.gpu import stream as module
from hallmark.lm.gpu.capture import Capture
from hallmark.lm.gpu.decoder import Decoder
from hallmark.lm.gpu.stream import stream
from hallmark.lm.model import LanguageModel
from hallmark.lm.sampling import SamplingParams, document_seed
from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import in_precision
from hallmark.models.precision import Precision
from hallmark.models.sizes import GPT2Config

N_CTX = 48
GREEDY = {"temperature": 0}
PROMPTS = ["", "a", "the end of the", "é🙂", "x" * N_CTX, "y" * (N_CTX + 9), "\n\n", "in the", ""]
PROMPTS += ["q" * n for n in (2, 3, 5, 8, 13, 21, 34, N_CTX - 1)] + ["the end of a"] * 3
SEEDS = [document_seed(5, "", "", i) for i in range(len(PROMPTS))]


def rehearsed(step, undo):
    """Recording as on a GPU, but for the record: the step is run and undone first."""
    for _ in range(2):
        step()
        undo()
    return step


@pytest.fixture
def short(monkeypatch):
    """Short buckets and windows, so that texts pass from one to the next, and rehearsals."""

    def make(network, params, **named) -> Decoder:
        capture = Capture(torch.device("cpu"), record=rehearsed)
        return Decoder(network, params, **named, window=5, bucket=16, capture=capture)

    monkeypatch.setattr(module, "Decoder", make)


def run(network, tokenizer, params, *, slots=8, prompts=PROMPTS, seeds=SEEDS, **named):
    pairs = zip(prompts, seeds, strict=True)
    found = dict(stream(network, tokenizer, pairs, params, slots=slots, **named))
    return [found[i] for i in range(len(found))]


@pytest.mark.parametrize("slots", [1, 5, 32])
@pytest.mark.parametrize(
    "settings",
    [
        {}, GREEDY, {"top_k": 10}, {"top_p": 0.9}, {"stop": ("e", "th")},
        {"repetition_penalty": 1.3, "temperature": 0.8},
    ],
    ids=str,
)  # fmt: skip
def test_texts_are_those_of_plain_decoding(network, tokenizer, short, settings, slots):
    """With contexts that slide, early ends, slots that are used again, and many buckets."""
    params = SamplingParams(**({"max_tokens": N_CTX + 10} | settings))
    plain = generate(network, tokenizer, PROMPTS, params, seeds=SEEDS)
    assert run(network, tokenizer, params, slots=slots) == plain
    assert max(g.slides for g in plain) >= 1 or params.stop


def test_texts_of_many_slides_with_the_settings_that_ship(network, tokenizer):
    params = SamplingParams(max_tokens=4 * N_CTX)
    assert run(network, tokenizer, params) == generate(
        network, tokenizer, PROMPTS, params, seeds=SEEDS
    )


def test_in_bf16_texts_are_those_of_plain_decoding(tokenizer, network, short):
    """Beside the same company: bf16 products of other shapes round in another order."""
    low = GPT2(network.config)
    low.load_state_dict(network.state_dict())
    in_precision(low, Precision.BF16)
    params = SamplingParams(max_tokens=8, top_k=5)
    plain = generate(low, tokenizer, PROMPTS, params, seeds=SEEDS)
    same = [a == b for a, b in zip(run(low, tokenizer, params, slots=32), plain, strict=True)]
    assert sum(same) >= 0.7 * len(same)


def test_pieces_arrive_in_order_and_join_to_the_texts(network, tokenizer, short):
    pieces = [""] * len(PROMPTS)

    def collect(index: int, piece: str) -> None:
        assert piece
        pieces[index] += piece

    params = SamplingParams(max_tokens=30, stop=("th", "q"))
    texts = run(network, tokenizer, params, slots=3, on_token=collect)
    assert pieces == [g.text for g in texts]
    assert {g.ended for g in texts} == {True, False}


def test_prompts_are_taken_as_slots_become_free(network, tokenizer):
    taken = []

    def prompts():
        for i, pair in enumerate(zip(PROMPTS, SEEDS, strict=True)):
            taken.append(i)
            yield pair

    texts = stream(network, tokenizer, prompts(), SamplingParams(max_tokens=9), slots=3)
    next(texts)
    assert len(taken) == 3
    assert len(dict(texts)) == len(PROMPTS) - 1


def test_a_context_of_one_token(tokenizer):
    config = GPT2Config(n_layer=1, n_head=1, n_embd=8, n_ctx=1, vocab_size=tokenizer.n_vocab)
    network = GPT2(config).eval()
    network.initialise(torch.Generator().manual_seed(0))
    params = SamplingParams(max_tokens=5)
    (text,) = run(network, tokenizer, params, prompts=["ab"], seeds=[2])
    assert text == generate(network, tokenizer, ["ab"], params, seeds=[2])[0]
    assert text.slides == 4


def test_no_tokens_and_no_prompts(network, tokenizer):
    assert run(network, tokenizer, SamplingParams(), prompts=[], seeds=[]) == []
    nothing = SamplingParams(max_tokens=0)
    assert run(network, tokenizer, nothing) == generate(
        network, tokenizer, PROMPTS, nothing, seeds=SEEDS
    )


def test_weights_that_are_not_numbers_are_refused(network, tokenizer):
    damaged = GPT2(network.config).eval()
    damaged.load_state_dict(network.state_dict())
    with torch.no_grad():
        damaged.h[1].mlp.c_fc.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="not finite; its weights are damaged"):
        run(damaged, tokenizer, SamplingParams(max_tokens=2))


def test_a_model_on_a_gpu_writes_this_way(network, tokenizer, monkeypatch):
    model = LanguageModel(network, tokenizer, name="small")
    params = SamplingParams(max_tokens=20)
    plain = model.generate(PROMPTS, params)
    used = []

    def spy(*arguments, **named):
        used.append(named["slots"])
        return stream(*arguments, **named)

    monkeypatch.setattr(gpu, "fits", lambda network: True)
    monkeypatch.setattr(module, "stream", spy)
    assert model.generate(PROMPTS, params, batch_size=6) == plain
    pairs = [(p, document_seed(0, "", "", i)) for i, p in enumerate(PROMPTS)]
    assert dict(model.stream(pairs, params, slots=4)) == dict(enumerate(plain))
    assert used == [6, 4]


def test_slots_that_do_not_fit_the_memory_are_refused(network, monkeypatch):
    def full(*arguments, **named):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(GPT2, "cache", full)
    with pytest.raises(ValueError, match="9 texts of 48 tokens do not fit the memory of cpu"):
        Decoder(network, SamplingParams(), slots=9, eot=0)
