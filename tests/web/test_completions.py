"""The official client against the service, and the service against the library."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
import torch

from hallmark.lm.sampling import SamplingParams, document_seed

PROMPT = "The history of the city"


@pytest.fixture(scope="module")
def ask(url):
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client.completions.create


def alone(model, prompt, count=1, seed=3, **settings):
    """What the library writes for the same request."""
    params = SamplingParams(**({"max_tokens": 16} | settings))
    seeds = [document_seed(seed, "", "", i) for i in range(count)]
    return [g.text for g in model.generate([prompt] * count, params, seeds=seeds)]


def test_a_completion_is_the_librarys_text(ask, model):
    answer = ask(model=model.name, prompt=PROMPT, seed=3, max_tokens=40, temperature=0.8, top_p=0.9)
    expected = alone(model, PROMPT, max_tokens=40, temperature=0.8, top_p=0.9)
    assert [c.text for c in answer.choices] == expected
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 40
    assert answer.usage.prompt_tokens == len(model.tokenizer.encode(PROMPT))
    assert answer.object == "text_completion"


def test_the_defaults_are_openais(ask, model):
    answer = ask(model=model.name, prompt=PROMPT)
    assert answer.usage.completion_tokens == 16
    other = ask(model=model.name, prompt=PROMPT)
    assert answer.choices[0].text != other.choices[0].text


def test_several_texts_of_several_prompts(ask, model):
    answer = ask(model=model.name, prompt=["One", "Two"], n=3, seed=3)
    assert [c.index for c in answer.choices] == list(range(6))
    seeds = [document_seed(3, "", "", i) for i in range(6)]
    texts = model.generate(["One"] * 3 + ["Two"] * 3, SamplingParams(max_tokens=16), seeds=seeds)
    assert [c.text for c in answer.choices] == [g.text for g in texts]


def test_tokens_may_be_sent_instead_of_text(ask, model):
    ids = model.tokenizer.encode(PROMPT)
    for prompt in (ids, [ids]):
        answer = ask(model=model.name, prompt=prompt, seed=3)
        assert [c.text for c in answer.choices] == alone(model, PROMPT)


def test_a_stream_joins_to_the_text(ask, model):
    chunks = list(
        ask(model=model.name, prompt=PROMPT, seed=3, n=2, max_tokens=30, stream=True,
            stream_options={"include_usage": True})
    )  # fmt: skip
    texts = ["", ""]
    for chunk in chunks[:-1]:
        (choice,) = chunk.choices
        texts[choice.index] += choice.text
    assert texts == alone(model, PROMPT, count=2, max_tokens=30)
    assert len(chunks) > 20
    assert chunks[-1].usage.completion_tokens == 60
    reasons = [c.choices[0].finish_reason for c in chunks[:-1]]
    assert [r for r in reasons if r] == ["length", "length"]


def test_a_stop_string_ends_the_text_and_is_not_in_it(ask, model):
    whole = alone(model, PROMPT, max_tokens=60)[0]
    stop = whole[30:33]
    expected = whole[: whole.find(stop)]
    for stream in (False, True):
        answer = ask(model=model.name, prompt=PROMPT, seed=3, max_tokens=60, stop=stop,
                     logprobs=0, stream=stream)  # fmt: skip
        choices = [c.choices[0] for c in answer] if stream else answer.choices
        assert "".join(c.text for c in choices) == expected
        assert choices[-1].finish_reason == "stop"
        offsets = [o for c in choices for o in c.logprobs.text_offset]
        assert all(o < len(expected) for o in offsets)


def expected_logprobs(model, ids):
    return model.network.logits(model.network(torch.tensor([ids])))[0].double().log_softmax(1)


@pytest.mark.parametrize("stream", [False, True])
def test_logprobs_are_the_networks(ask, model, stream):
    answer = ask(model=model.name, prompt=PROMPT, seed=3, logprobs=4, stream=stream)
    parts = [c.choices[0].logprobs for c in answer] if stream else [answer.choices[0].logprobs]
    tokens = [t for p in parts for t in p.tokens]
    own = [t for p in parts for t in p.token_logprobs]
    top = [t for p in parts for t in p.top_logprobs]
    offsets = [t for p in parts for t in p.text_offset]
    assert len(tokens) == len(own) == len(top) == len(offsets) == 16
    text = alone(model, PROMPT)[0]
    ids = [model.tokenizer.encode(PROMPT), [model.tokenizer.encode(t)[0] for t in tokens]]
    table = expected_logprobs(model, ids[0] + ids[1])[len(ids[0]) - 1 : -1]
    assert own == pytest.approx(table[range(16), ids[1]].tolist(), abs=1e-4)
    for best, row in zip(top, table, strict=True):
        assert sorted(best.values()) == pytest.approx(sorted(row.topk(4).values.tolist()), abs=1e-4)
    for token, offset in zip(tokens, offsets, strict=True):
        assert text[offset : offset + len(token)] == token


def test_an_echo_scores_the_prompt(ask, model):
    """What lm-evaluation-harness asks for."""
    answer = ask(model=model.name, prompt=PROMPT, echo=True, max_tokens=0, logprobs=1)
    choice = answer.choices[0]
    assert choice.text == PROMPT
    assert "".join(choice.logprobs.tokens) == PROMPT
    assert choice.logprobs.token_logprobs[0] is None
    ids = model.tokenizer.encode(PROMPT)
    table = expected_logprobs(model, ids)
    expected = table[range(len(ids) - 1), ids[1:]].tolist()
    assert choice.logprobs.token_logprobs[1:] == pytest.approx(expected, abs=1e-4)
    both = ask(model=model.name, prompt=PROMPT, echo=True, seed=3, logprobs=1).choices[0]
    assert both.text == PROMPT + alone(model, PROMPT)[0]
    assert len(both.logprobs.tokens) == len(ids) + 16
    assert both.logprobs.text_offset[len(ids)] == len(PROMPT)


def test_a_character_cut_in_two_tokens_is_shown_as_bytes(ask, model):
    answer = ask(model=model.name, prompt="🙂", echo=True, max_tokens=0, logprobs=1)
    assert all(t.startswith("bytes:\\x") for t in answer.choices[0].logprobs.tokens)


SETTINGS = [
    {}, {"temperature": 0}, {"top_p": 0.5}, {"temperature": 0.7, "max_tokens": 33},
    {"extra_body": {"top_k": 40}}, {"extra_body": {"repetition_penalty": 1.3}}, {"stop": ["e"]},
]  # fmt: skip


def test_a_text_is_what_it_would_be_alone_whatever_is_written_beside_it(ask, model):
    def one(number):
        settings = SETTINGS[number % len(SETTINGS)]
        answer = ask(model=model.name, prompt=f"Number {number}", seed=3, **settings)
        return answer.choices[0].text

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(one, range(28)))
    for number, text in enumerate(found):
        settings = dict(SETTINGS[number % len(SETTINGS)])
        settings |= settings.pop("extra_body", {})
        settings |= {"stop": tuple(settings.get("stop", ()))}
        assert [text] == alone(model, f"Number {number}", **settings)


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"model": "gpt-4"}, "model"), ({"max_tokens": 5000}, "max_tokens"), ({"n": 17}, "n"),
        ({"prompt": "word " * 1020}, "prompt"), ({"prompt": [9_999_999]}, "prompt"),
        ({"temperature": -1}, "temperature"), ({"logprobs": 11}, "logprobs"),
        ({"suffix": "x"}, "suffix"), ({"frequency_penalty": 1}, "frequency_penalty"),
        ({"best_of": 3}, "best_of"), ({"temperature": 1e-9}, "temperature"),
        ({"prompt": ["a"] * 9, "n": 2}, "n"), ({"prompt": "a\0"}, "prompt"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_done_is_refused_with_its_name(ask, model, wrong, param):
    with pytest.raises((openai.BadRequestError, openai.NotFoundError)) as refused:
        ask(**({"model": model.name, "prompt": "x"} | wrong))
    assert (refused.value.param or "").startswith(param)


def test_the_model_is_listed(url, model):
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none") as client:
        assert [m.id for m in client.models.list()] == [model.name]
