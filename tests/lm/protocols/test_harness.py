"""The harness's verbs over a model agree with plain formulas; lm-eval itself is not needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from hallmark.lm.model import LanguageModel
from hallmark.lm.protocols.harness import HarnessMethods
from hallmark.lm.sampling import SamplingParams


@dataclass
class Instance:
    """Stands for the harness's own."""

    args: Any


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> LanguageModel:
    return LanguageModel.load(tiny_model)


def log_probs(model: LanguageModel, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        logits = model.network.logits(model.network(torch.tensor([ids])))[0]
    return logits.log_softmax(-1)


def test_loglikelihood(model: LanguageModel) -> None:
    pairs = [("the the", " the"), ("it is", " th the"), ("", "the"), ("odd ", "the")]
    found = HarnessMethods(model).loglikelihood([Instance(pair) for pair in pairs])
    encode, eot = model.tokenizer.encode, model.tokenizer.eot
    for (context, continuation), (value, greedy) in zip(pairs, found, strict=True):
        whole = encode(context + continuation)
        start = len(encode(context.rstrip(" ")))
        ids = whole if start else [eot, *whole]
        start = max(1, start)
        table = log_probs(model, ids)
        own = table[range(start - 1, len(ids) - 1), ids[start:]]
        assert value == pytest.approx(own.sum().item(), abs=1e-4)
        assert greedy == (table[start - 1 : -1].argmax(-1).tolist() == ids[start:])


def test_rolling_windows_do_not_overlap(model: LanguageModel) -> None:
    """64 positions each, the last one full-sized, as the harness describes it."""
    text = "the quick brown fox " * 8
    ids = [model.tokenizer.eot, *model.tokenizer.encode(text)]
    expected, first, last = 0.0, 0, len(ids) - 1
    while first < last:
        end = min(last, first + 64)
        start = max(0, end - 64)
        table = log_probs(model, ids[start:end])
        picked = range(first - start, end - start)
        expected += table[picked, ids[first + 1 : end + 1]].sum().item()
        first = end
    (found,) = HarnessMethods(model).loglikelihood_rolling([Instance((text,))])
    assert found == pytest.approx(expected, abs=1e-3)


def test_generate_until(model: LanguageModel) -> None:
    asked = [Instance(("the", {"until": ["e"], "max_gen_toks": 5})), Instance(("the", {}))]
    found = HarnessMethods(model).generate_until(asked)
    greedy = SamplingParams(max_tokens=5, temperature=0.0, stop=("e",))
    assert found[0] == model.generate(["the"], greedy)[0].text
    assert len(found) == 2


def test_what_cannot_be_scored_is_said(model: LanguageModel) -> None:
    with pytest.raises(ValueError, match="a continuation of 0 tokens"):
        HarnessMethods(model).loglikelihood([Instance(("the", ""))])
