"""Bits per byte and perplexity are sums over the model's own scores."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from hallmark.lm.model import LanguageModel
from hallmark.lm.protocols.perplexity import bits_per_byte, count_words, wikitext2
from hallmark.lm.protocols.published import published

TEXT = " = Name = \n \n It is 1 @,@ 500 words , \n"


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> LanguageModel:
    return LanguageModel.load(tiny_model)


def test_bits_per_byte(model: LanguageModel) -> None:
    (scores,) = model.score([TEXT])
    found = bits_per_byte(model, TEXT, words=10)
    nats = -scores.log_prob.sum()
    assert (found.tokens, found.bytes) == (len(scores), len(TEXT))
    assert found.bits_per_byte == pytest.approx(nats / math.log(2) / len(TEXT))
    assert found.perplexity == pytest.approx(math.exp(nats / 10), rel=1e-4)
    assert bits_per_byte(model, TEXT).perplexity is None
    with pytest.raises(ValueError, match="the text is empty"):
        bits_per_byte(model, "")


def test_both_protocols_count_the_words_of_the_file(model: LanguageModel) -> None:
    assert count_words(TEXT) == 3 + 7 + 3  # words of two lines, three ends of lines
    found = wikitext2(model, TEXT)
    running = "= Name =\n\nIt is 1,500 words,\n"
    assert found["strict"] == bits_per_byte(model, TEXT, words=13)
    assert found["paper"] == bits_per_byte(model, running, words=13)


def test_published_figures_are_of_published_models_only() -> None:
    assert published("gpt2-xl", "lambada") == {"perplexity": 8.63, "accuracy": 0.6324}
    assert published("117M", "wikitext2") == {"perplexity": 29.41}
    assert published("124M", "essay.txt") == {}
    assert published("ladder-7M", "lambada") == {}
    assert published("some/folder", "lambada") == {}
