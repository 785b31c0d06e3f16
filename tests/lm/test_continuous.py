"""Continuous batching against plain decoding, text by text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from hallmark.lm.continuous import Schedule, stream
from hallmark.lm.engine.decoder import Decoder
from hallmark.lm.generate import generate
from hallmark.lm.model import LanguageModel
from hallmark.lm.row import Row
from hallmark.lm.sampling import SamplingParams, document_seed
from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import in_precision
from hallmark.models.precision import Precision

N_CTX = 48
GREEDY = {"temperature": 0}
SHAPE = {"n_head": 2, "n_embd": 64, "sharpness": 2}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def network(make_swayed) -> GPT2:
    return make_swayed(**SHAPE)


PROMPTS = ["", "a", "the end of the", "é🙂", "x" * N_CTX, "y" * (N_CTX + 9), "\n\n", "in the", ""]
PROMPTS += ["q" * n for n in (2, 3, 5, 8, 13, 21, 34, N_CTX - 1)] + ["the end of a"] * 3
SEEDS = [document_seed(5, "", "", i) for i in range(len(PROMPTS))]


@pytest.mark.parametrize("slots", [1, 5, 32])
@pytest.mark.parametrize(
    "settings",
    [{}, GREEDY, {"top_k": 10}, {"top_p": 0.9}, {"repetition_penalty": 1.3, "temperature": 0.8}],
    ids=str,
)
def test_texts_are_those_of_plain_decoding(network, tokenizer, settings, slots):
    """However few slots there are, with contexts that slide, prompts in common, early ends."""
    params = SamplingParams(**({"max_tokens": N_CTX + 10} | settings))
    plain = generate(network, tokenizer, PROMPTS, params, seeds=SEEDS)
    pairs = zip(PROMPTS, SEEDS, strict=True)
    found = dict(stream(network, tokenizer, pairs, params, slots=slots))
    assert [found[i] for i in range(len(PROMPTS))] == plain
    assert max(g.slides for g in plain) >= 1


@pytest.mark.parametrize("precision", [Precision.INT8, Precision.INT4])
def test_in_low_precision_a_text_does_not_depend_on_its_company(tokenizer, make_swayed, precision):
    network = in_precision(make_swayed(**SHAPE), precision)
    params = SamplingParams(max_tokens=40)
    pairs = list(zip(PROMPTS, SEEDS, strict=True))
    together = dict(stream(network, tokenizer, pairs, params, slots=20))
    for i, pair in enumerate(pairs):
        (alone,) = dict(stream(network, tokenizer, [pair], params, slots=1)).values()
        assert alone == together[i]


def test_a_text_comes_as_soon_as_it_ends_and_prompts_are_taken_late(network, tokenizer):
    taken: list[int] = []

    def prompts() -> Iterator[tuple[str, int]]:
        for i in range(1000):
            taken.append(i)
            yield "the", i

    texts = stream(network, tokenizer, prompts(), SamplingParams(max_tokens=9), slots=4)
    next(texts)
    assert len(taken) <= 9
    texts.close()


def test_what_prompts_share_is_read_once(network, tokenizer, monkeypatch):
    read = []
    plain = Decoder.read
    monkeypatch.setattr(Decoder, "read", lambda self, t: read.append(len(t)) or plain(self, t))
    prompt = "".join(chr(33 + i % 60) for i in range(30))
    pairs = [(prompt, seed) for seed in range(8)]
    texts = dict(stream(network, tokenizer, pairs, SamplingParams(max_tokens=1), slots=4))
    assert len({g.tokens for g in texts.values()}) > 1
    assert sum(read) == 30 + 7


def test_pieces_join_to_the_text_of_each(network, tokenizer):
    pieces: dict[int, list[str]] = {i: [] for i in range(len(PROMPTS))}
    params = SamplingParams(max_tokens=30, stop=("th", "q"))
    pairs = zip(PROMPTS, SEEDS, strict=True)
    found = dict(
        stream(network, tokenizer, pairs, params, slots=6,
               on_token=lambda i, piece: pieces[i].append(piece))
    )  # fmt: skip
    assert all("".join(pieces[i]) == text.text for i, text in found.items())


def test_no_tokens_and_no_prompts(network, tokenizer):
    assert list(stream(network, tokenizer, [], SamplingParams(), slots=2)) == []
    (pair,) = stream(network, tokenizer, [("the", 3)], SamplingParams(max_tokens=0), slots=2)
    assert (pair[0], pair[1].text, pair[1].seed) == (0, "", 3)


def test_a_model_streams_the_texts_that_it_generates(network, tokenizer, monkeypatch):
    model = LanguageModel(network, tokenizer, name="tiny")
    params = SamplingParams(max_tokens=20)
    pairs = list(zip(PROMPTS, SEEDS, strict=True))
    plain = model.generate(PROMPTS, params, seeds=SEEDS)
    assert [dict(model.stream(pairs, params, slots=3))[i] for i in range(len(pairs))] == plain
    monkeypatch.setattr("hallmark.lm.model.fits", lambda _: False)
    assert [dict(model.stream(pairs, params, slots=3))[i] for i in range(len(pairs))] == plain


MIXED = [
    {}, {"temperature": 0}, {"top_k": 10, "max_tokens": 7}, {"top_p": 0.8}, {"stop": ("e",)},
    {"repetition_penalty": 1.4}, {"temperature": 0.6, "max_tokens": 30},
]  # fmt: skip


def rows_of(tokenizer, alternatives=None) -> list[Row]:
    each = [SamplingParams(**({"max_tokens": 20} | m)) for m in MIXED]
    return [
        Row(i, PROMPTS[i], SEEDS[i], tokenizer, p, n_ctx=N_CTX, on_token=None,
            alternatives=alternatives)
        for i, p in enumerate(each)
    ]  # fmt: skip


def test_texts_of_different_settings_are_written_together(network, tokenizer):
    """Each is what it would be alone; half come while others are being written, one is dropped."""
    rows = rows_of(tokenizer)
    found = {}
    with Decoder(network, SamplingParams(), slots=3, capacity=N_CTX) as decoder:
        schedule = Schedule(decoder, rows[:4])
        for index, row in enumerate(rows_of(tokenizer)[4:], start=4):
            schedule.add(index, row)
        leaves = Row(9, "leaves", 1, tokenizer, SamplingParams(), n_ctx=N_CTX, on_token=None)
        schedule.add(9, leaves)
        schedule.admit()
        schedule.drop(9)
        for index, generation in schedule.run():
            found[index] = generation
    alone = [generate(network, tokenizer, [r.prompt], r.params, seeds=[r.seed])[0] for r in rows]
    assert [found[i] for i in range(len(rows))] == alone
    assert not leaves.tokens


def test_what_a_draw_was_drawn_from_is_told(network, tokenizer):
    told = {i: [] for i in range(len(MIXED))}
    with Decoder(network, SamplingParams(), slots=4, capacity=N_CTX) as decoder:
        on_draw = lambda index, token, thought: told[index].append((token, thought))  # noqa: E731
        rows = rows_of(tokenizer, alternatives=3)
        texts = dict(Schedule(decoder, rows, on_draw=on_draw).run())
    for i, row in enumerate(rows):
        ids = [token for token, _ in told[i]][: len(texts[i].tokens)]
        assert tuple(ids) == texts[i].tokens
        if texts[i].slides:
            continue
        logits = network.logits(network(torch.tensor([row.context + ids])))[0]
        expected = logits.double().log_softmax(1)[len(row.context) - 1 :]
        for at, (token, thought) in enumerate(told[i]):
            assert thought.log_prob == pytest.approx(expected[at, token].item(), abs=1e-4)
            best = expected[at].topk(3).values.tolist()
            assert [p for _, p in thought.likeliest] == pytest.approx(best, abs=1e-4)
