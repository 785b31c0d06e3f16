"""The two verbs of a language model, in batches, from a folder."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hallmark.lm.model import LanguageModel
from hallmark.lm.sampling import SamplingParams, document_seed
from hallmark.lm.score import score
from hallmark.models.checkpoint import load, save_huggingface
from hallmark.models.tokenizer import Tokenizer


@pytest.fixture
def model(tiny_model) -> LanguageModel:
    return LanguageModel.load(tiny_model)


def test_a_model_is_loaded_with_its_name_and_device(tiny_model):
    model = LanguageModel.load(tiny_model)
    assert (model.name, model.device) == ("tiny", torch.device("cpu"))
    assert LanguageModel.load(tiny_model, name="other").name == "other"
    assert not model.network.training


@pytest.mark.parametrize("device", ["nonsense", "cuda:99", ""])
def test_a_device_that_is_not_there_is_refused_in_one_line(tiny_model, device):
    with pytest.raises(ValueError, match="cannot be used") as caught:
        LanguageModel.load(tiny_model, device=device)
    assert "\n" not in str(caught.value)


def test_the_batch_size_changes_nothing(model):
    prompts = [("the end " * i)[: 5 * i] for i in range(11)]
    params = SamplingParams(max_tokens=20, seed=3)
    texts = model.generate(prompts, params, batch_size=4)
    assert texts == model.generate(prompts, params, batch_size=100)
    assert texts == model.generate(prompts, params, batch_size=1)
    assert [g.prompt for g in texts] == prompts
    assert [g.seed for g in texts] == [document_seed(3, "", "", i) for i in range(11)]


def test_pieces_name_the_prompt_they_belong_to(model):
    shown = [""] * 7

    def show(index: int, piece: str) -> None:
        shown[index] += piece

    params = SamplingParams(max_tokens=12)
    texts = model.generate(["the"] * 7, params, batch_size=3, on_token=show)
    assert shown == [g.text for g in texts]
    assert len(set(shown)) > 1


def test_seeds_may_be_given(model):
    params = SamplingParams(max_tokens=12)
    one, other = model.generate(["the", "the"], params, seeds=[8, 9])
    assert one == model.generate(["the"], params, seeds=[8])[0]
    assert one.tokens != other.tokens


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompts": "the"}, "prompts must be a list"),
        ({"prompts": ["a"], "seeds": [1, 2]}, "2 seeds for 1 prompts"),
        ({"prompts": ["a"], "seeds": [-1]}, "seed must be"),
        ({"prompts": ["a"], "seeds": ["x"]}, "seed must be"),
        ({"prompts": ["a"], "batch_size": 0}, "batch_size must be at least 1"),
    ],
)
def test_wrong_arguments_are_refused(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        model.generate(**arguments)


@pytest.mark.parametrize("slots", [0, -3])
def test_slots_are_checked(model, slots):
    with pytest.raises(ValueError, match=f"slots must be at least 1, not {slots}"):
        next(model.stream([("the", 1)], slots=slots))


def test_no_prompts_no_texts(model):
    assert model.generate([]) == []
    assert model.score([]) == []


def test_score_is_the_networks(model):
    texts = ["the end", "", "é🙂 " * 60]
    ours = model.score(texts, max_tokens=100)
    plain = score(model.network, [model.tokenizer.encode(t) for t in texts], max_tokens=100)
    for one, other in zip(ours, plain, strict=True):
        assert one.tokens.tolist() == other.tokens.tolist()
        np.testing.assert_allclose(one.log_prob, other.log_prob, atol=1e-5)
        assert one.tokens_total == other.tokens_total
    with pytest.raises(ValueError, match="texts must be a list"):
        model.score("the")


def test_what_a_model_writes_it_finds_as_likely_as_it_said(model):
    """Greedy tokens have rank 1 when they are scored after their prompt."""
    prompt = "the end of"
    (text,) = model.generate([prompt], SamplingParams(max_tokens=20, temperature=0))
    ids = model.tokenizer.encode(prompt)
    eot = model.tokenizer.eot
    scores = score(model.network, [[*ids[1:], *text.tokens]], eot=ids[0])[0]
    assert scores.rank[len(ids) - 1 :].tolist() == [1] * len(text.tokens)
    assert eot not in text.tokens


def test_every_published_form_writes_the_same(tiny_model, tmp_path):
    save_huggingface(tmp_path / "hf", *load(tiny_model))
    params = SamplingParams(max_tokens=20)
    one, other = (
        LanguageModel.load(folder).generate(["the"], params)
        for folder in (tiny_model, tmp_path / "hf")
    )
    assert one == other


def test_network_and_tokenizer_must_belong_together(tiny_model):
    network, _ = load(tiny_model)
    with pytest.raises(ValueError, match="the tokenizer has 257 tokens and the network 260"):
        LanguageModel(network, Tokenizer([]), name="x")
