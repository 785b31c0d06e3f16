"""The last word is guessed as plain formulas over all logits say."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from hallmark.lm.model import LanguageModel
from hallmark.lm.protocols.lambada import STOP_WORDS, lambada
from hallmark.models.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> LanguageModel:
    return LanguageModel.load(tiny_model)


def no_progress(count: int) -> None:
    pass


def test_perplexity_and_accuracy(model: LanguageModel) -> None:
    passages = [f"the {'x' * i} of th the{i}" for i in range(20)]
    result = lambada(model, passages, on_passage=no_progress)
    nats, right = 0.0, 0
    for text in passages:
        context, _, word = text.rpartition(" ")
        before, target = model.tokenizer.encode(context), model.tokenizer.encode(f" {word}")
        ids = torch.tensor([before + target])
        with torch.no_grad():
            logits = model.network.logits(model.network(ids[:, :-1]))[0, len(before) - 1 :]
        nats -= float(logits.log_softmax(-1)[range(len(target)), target].sum())
        right += logits.argmax(-1).tolist() == target
    assert result.perplexity == pytest.approx(math.exp(nats / 20), rel=1e-4)
    assert result.strict.value == right / 20
    assert result.strict.n == 20


def test_the_papers_protocol_rules_out_stop_words(model: LanguageModel) -> None:
    """A network that always says ` the` and, where it may not, ` t`."""
    tokenizer = model.tokenizer
    the, space = tokenizer.encode(" the")[0], tokenizer.encode(" q")[0]
    network = LanguageModel.load(_folder(model), name="x").network
    with torch.no_grad():
        for p in network.parameters():
            p.zero_()
        network.ln_f.bias[0] = 1.0
        network.wte.weight[the, 0], network.wte.weight[space, 0] = 9.0, 8.0
        network.wte.weight[tokenizer.encode("q")[0], 0] = 7.0
    stubborn = LanguageModel(network, tokenizer, name="stubborn")
    result = lambada(stubborn, ["it is the", "so it is the"], on_passage=no_progress)
    assert (result.strict.value, result.paper.value) == (1.0, 0.0)
    assert "the" in STOP_WORDS


def _folder(model: LanguageModel) -> Path:
    import tempfile

    from hallmark.models.checkpoint import save_huggingface

    folder = Path(tempfile.mkdtemp())
    save_huggingface(folder, model.network, model.tokenizer)
    return folder


def test_long_passages_keep_their_end(model: LanguageModel) -> None:
    long = " ".join(["word"] * 60 + ["end"])
    found = [lambada(model, [text], on_passage=no_progress) for text in (long, "the " * 50 + long)]
    assert found[0].perplexity == pytest.approx(found[1].perplexity)


def test_what_has_no_last_word_is_refused(model: LanguageModel) -> None:
    with pytest.raises(ValueError, match="has one word"):
        lambada(model, ["one"], on_passage=no_progress)
    with pytest.raises(ValueError, match="there is no passage"):
        lambada(model, [], on_passage=no_progress)


def test_stop_words_are_words() -> None:
    assert all(word.isalpha() and word.islower() for word in STOP_WORDS)
    assert Tokenizer([]).encode(" the")  # no merges: nothing can be ruled out, nothing breaks
