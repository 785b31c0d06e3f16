"""Decoding a batch against decoding alone, against no cache, and against transformers."""

from __future__ import annotations

import pytest
import torch
from transformers import GPT2LMHeadModel

from hallmark.lm import generate as module
from hallmark.lm.draw import next_tokens
from hallmark.lm.generate import generate
from hallmark.lm.row import Generation
from hallmark.lm.sampling import SamplingParams, document_seed
from hallmark.models.checkpoint import save_huggingface
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config

N_CTX = 48
GREEDY = {"temperature": 0}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def network(make_swayed) -> GPT2:
    """With what a trained network has: far from flat, swayed by all that it has read."""
    network = make_swayed(n_head=4, n_embd=48, sharpness=2.5)
    with torch.no_grad():
        logits = network.logits(network(torch.arange(40)[None]))
    entropy = torch.distributions.Categorical(logits=logits).entropy().mean()
    assert 1.5 < entropy < 3.5  # nats; GPT-2's on its own text is about 3
    return network


@pytest.fixture(scope="module")
def write(network, tokenizer):
    """Generate with settings by name; a seed for each prompt unless given."""

    def run(prompts, *, seeds=None, on_token=None, **settings) -> list[Generation]:
        seeds = seeds or [document_seed(0, "", "", i) for i in range(len(prompts))]
        params = SamplingParams(**settings)
        return generate(network, tokenizer, prompts, params, seeds=seeds, on_token=on_token)

    return run


PROMPTS = ["", "a", "the end of the", "é🙂", "x" * N_CTX, "y" * (N_CTX + 9), "\n\n", "in the"]
PROMPTS += ["q" * n for n in (2, 3, 5, 8, 13, 21, 34, N_CTX - 1)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "settings",
    [{}, GREEDY, {"top_k": 10}, {"top_p": 0.9}, {"repetition_penalty": 1.3, "temperature": 0.8}],
    ids=str,
)
def test_sixteen_together_write_what_each_writes_alone(write, settings, seed):
    seeds = [document_seed(seed, "", "", i) for i in range(16)]
    settings = {"max_tokens": N_CTX + 10, **settings}
    together = write(PROMPTS, seeds=seeds, **settings)
    alone = [write([p], seeds=[s], **settings)[0] for p, s in zip(PROMPTS, seeds, strict=True)]
    assert together == alone
    assert len({g.tokens for g in together}) > 8
    assert max(g.slides for g in together) >= 2


def test_order_and_company_change_nothing(write):
    seeds = list(range(16))
    forward = write(PROMPTS, seeds=seeds, max_tokens=30)
    backward = write(PROMPTS[::-1], seeds=seeds[::-1], max_tokens=30)
    assert forward == backward[::-1]
    assert forward[3:5] == write(PROMPTS[3:5], seeds=seeds[3:5], max_tokens=30)


@torch.no_grad()
def test_logits_of_padded_cached_rows_are_those_of_plain_passes(
    network, tokenizer, write, monkeypatch
):
    """Unequal rows, some leaving, some sliding: each step equals a pass over its context."""
    recorded = []

    def record(logits, *arguments, **named):
        tokens = next_tokens(logits, *arguments, **named)
        recorded.append((logits.clone(), tokens, named["seeds"]))
        return tokens

    monkeypatch.setattr(module, "next_tokens", record)
    seeds = list(range(100, 116))
    texts = write(PROMPTS, seeds=seeds, max_tokens=N_CTX + 5)
    contexts = {
        seed: tokenizer.encode(prompt)[-N_CTX:] or [tokenizer.eot]
        for seed, prompt in zip(seeds, PROMPTS, strict=True)
    }
    assert len({len(logits) for logits, _, _ in recorded}) > 1  # rows did leave
    for logits, tokens, live in recorded:
        assert logits.isfinite().all()
        for row, token, seed in zip(logits, tokens.tolist(), live.tolist(), strict=True):
            plain = network.logits(network(torch.tensor([contexts[seed]]))[0, -1])
            torch.testing.assert_close(row, plain, atol=1e-4, rtol=0)
            contexts[seed].append(token)
            if len(contexts[seed]) > N_CTX:
                contexts[seed] = contexts[seed][-(N_CTX // 2) :]
    assert sum(g.slides for g in texts) > 0


@pytest.mark.parametrize("penalty", [1.0, 1.3])
@torch.no_grad()
def test_greedy_tokens_are_those_of_transformers(network, tokenizer, write, tmp_path, penalty):
    save_huggingface(tmp_path, network, tokenizer)
    theirs = GPT2LMHeadModel.from_pretrained(tmp_path).eval()
    for prompt in ("the", "é a", "x" * 12, ""):
        ids = torch.tensor([tokenizer.encode(prompt) or [tokenizer.eot]])
        out = theirs.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=N_CTX - ids.shape[1],
            do_sample=False, repetition_penalty=penalty, eos_token_id=tokenizer.eot,
            pad_token_id=tokenizer.eot,
        )  # fmt: skip
        expected = out[0, ids.shape[1] :].tolist()
        ended = tokenizer.eot in expected
        expected = expected[: expected.index(tokenizer.eot)] if ended else expected
        ours = write(
            [prompt], max_tokens=N_CTX - ids.shape[1], repetition_penalty=penalty, **GREEDY
        )[0]
        assert list(ours.tokens) == expected
        assert ours.ended == ended


def test_an_empty_prompt_starts_from_end_of_text(network, tokenizer, write):
    first = [write([""], seeds=[s], max_tokens=1)[0] for s in range(300)]
    with torch.no_grad():
        logits = network.logits(network(torch.tensor([[tokenizer.eot]]))[0, -1:])
    drawn = next_tokens(logits.expand(300, -1), SamplingParams(), seeds=torch.arange(300), step=0)
    assert [g.tokens[0] if g.tokens else tokenizer.eot for g in first] == drawn.tolist()
    assert {g.prompt_tokens for g in first} == {0}


def test_end_of_text_ends_a_text_and_is_not_part_of_it(write, tokenizer):
    texts = write([""] * 64, max_tokens=200, top_p=0.99, temperature=1.5)
    assert any(g.ended for g in texts)
    for g in texts:
        assert tokenizer.eot not in g.tokens
        assert g.ended == (len(g.tokens) < 200)
        assert g.text == tokenizer.decode(g.tokens)


def test_a_stop_string_across_tokens_ends_the_text_before_it(write):
    whole = write(["the end"] * 20, max_tokens=60)
    long = max(whole, key=lambda g: len(g.text))
    again = {"prompts": ["the end"], "seeds": [long.seed], "max_tokens": 60}
    assert len(long.text) > 30
    for start, length in ((0, 1), (1, 5), (10, 9), (20, 2)):
        stop = long.text[start : start + length]
        pieces: list[str] = []
        cut = write(**again, stop=("never", stop), on_token=collect(pieces))[0]
        assert cut.text == long.text[: long.text.index(stop)] == "".join(pieces)
        assert cut.ended
        assert cut.tokens == long.tokens[: len(cut.tokens)]
        assert len(cut.tokens) < len(long.tokens)


def collect(pieces: list[str]):
    """A callback that adds the pieces to a list."""
    return lambda index, piece: pieces.append(piece)


def test_pieces_join_to_the_text_of_each_row(write):
    whole = max(write(PROMPTS, max_tokens=40), key=lambda g: len(g.text)).text
    pieces: list[list[str]] = [[] for _ in PROMPTS]
    texts = write(
        PROMPTS,
        max_tokens=40,
        stop=(whole[12:14], whole[20:23]),
        on_token=lambda i, piece: pieces[i].append(piece),
    )
    assert ["".join(p) for p in pieces] == [g.text for g in texts]
    assert all(piece for row in pieces for piece in row)
    assert {g.ended for g in texts} == {True, False}


def test_characters_of_many_bytes_are_shown_whole(tokenizer):
    """A network made to repeat its prompt's three bytes for ever."""
    config = GPT2Config(n_layer=1, n_head=1, n_embd=8, n_ctx=64, vocab_size=tokenizer.n_vocab)
    network = GPT2(config).eval()
    ids = tokenizer.encode("中")
    with torch.no_grad():
        for p in network.parameters():
            p.zero_()
        network.ln_f.weight.fill_(1.0)
        for i, token in enumerate(ids):
            network.wte.weight[token, i] = 1.0
        # Hidden states are the embeddings, normed; a bias-free way on to the next byte:
        network.h[0].ln_2.weight.fill_(1.0)
        for i in range(3):
            network.h[0].mlp.c_fc.weight[i, i] = 1.0
            network.h[0].mlp.c_proj.weight[(i + 1) % 3, i] = 9.0
    shown: list[str] = []
    params = SamplingParams(max_tokens=11, temperature=0)
    text = generate(
        network, tokenizer, ["中"], params, seeds=[0], on_token=lambda _, t: shown.append(t)
    )[0].text
    assert shown == ["中", "中", "中", "\ufffd"]
    assert text == "中中中\ufffd"


def test_the_tail_of_a_long_prompt_is_read_and_the_rest_is_reported(write):
    prompt = "".join(chr(33 + i % 60) for i in range(N_CTX + 25))
    long, tail = write([prompt, prompt[25:]], seeds=[5, 5], max_tokens=20)
    assert long.tokens == tail.tokens
    assert (long.dropped, long.prompt_tokens, tail.dropped) == (25, N_CTX + 25, 0)
    assert "first 25 of the prompt's 73 tokens did not fit" in long.note


def test_a_text_that_outgrows_the_context_goes_on_and_says_so(write):
    one, other = write(["the", "q" * 40], seeds=[3, 4], max_tokens=4 * N_CTX, **GREEDY)
    assert len(one.tokens) == len(other.tokens) == 4 * N_CTX
    assert one.slides == 1 + (4 * N_CTX - (N_CTX - 1) - 2) // (N_CTX // 2)
    assert "outgrew the context" in one.note
    assert write(["the"], max_tokens=N_CTX - 1)[0].note == ""


def test_a_context_of_one_token(tokenizer):
    config = GPT2Config(n_layer=1, n_head=1, n_embd=8, n_ctx=1, vocab_size=tokenizer.n_vocab)
    network = GPT2(config).eval()
    network.initialise(torch.Generator().manual_seed(0))
    params = SamplingParams(max_tokens=5)
    (text,) = generate(network, tokenizer, ["ab"], params, seeds=[2])
    assert (len(text.tokens), text.slides, text.dropped) == (5, 4, 1)


def test_no_tokens_and_no_prompts(write):
    assert write([]) == []
    empty = write(["the", ""], seeds=[1, 2], max_tokens=0)
    assert [(g.text, g.tokens, g.ended, g.prompt) for g in empty] == [
        ("", (), False, "the"), ("", (), False, "")
    ]  # fmt: skip


def test_seeds_decide_the_text(write):
    prompts = ["the"] * 3
    one = write(prompts, seeds=[1, 2, 1], max_tokens=25)
    assert one[0] == one[2]
    assert one[0].tokens != one[1].tokens
    assert [g.seed for g in one] == [1, 2, 1]


def test_a_callback_may_stop_the_work(write):
    def leave(index: int, piece: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(["the"], max_tokens=10**6, on_token=leave)


def test_weights_that_are_not_numbers_are_refused(tokenizer, network):
    damaged = GPT2(network.config).eval()
    damaged.load_state_dict(network.state_dict())
    with torch.no_grad():
        damaged.h[1].mlp.c_fc.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="not finite; its weights are damaged"):
        generate(damaged, tokenizer, ["the"], SamplingParams(max_tokens=2), seeds=[0])
