"""A model that has learnt texts by heart is found out, one that has not is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from hallmark.evaluate.memorisation import Stretch, choose, markdown, memorisation
from hallmark.evaluate.probe_settings import MemorisationConfig
from hallmark.evaluate.standin import standin
from hallmark.lm.model import LanguageModel
from hallmark.lm.sampling import SamplingParams
from hallmark.models.tokenizer import Tokenizer

CONFIG = MemorisationConfig(documents=40, prefix=16, continuation=8, copied=6)


@dataclass
class Parrot:
    """Goes on as the one text of `known` that has the prompt, else says nothing of use."""

    tokenizer: Tokenizer
    known: Sequence[str]
    wrong_from: int = 10**9  # the place of the first token that it gets wrong
    name: str = "parrot"

    def generate(self, prompts: Sequence[str], params: SamplingParams, **_: Any) -> list[Any]:
        assert params.temperature == 0
        return [SimpleNamespace(tokens=self._going_on(p, params.max_tokens)) for p in prompts]

    def _going_on(self, prompt: str, most: int) -> tuple[int, ...]:
        text = next((text for text in self.known if prompt in text), None)
        if text is None:
            return (0,) * most
        ids = list(self.tokenizer.encode(text[text.index(prompt) + len(prompt) :])[:most])
        if self.wrong_from < len(ids):
            ids[self.wrong_from] += 1
        return tuple(ids)

    def score(self, texts: Sequence[str]) -> list[Any]:
        known = [float(any(text in other for other in self.known)) for text in texts]
        lengths = [len(self.tokenizer.encode(text)) for text in texts]
        return [
            SimpleNamespace(log_prob=np.full(n, k - 5)) for n, k in zip(lengths, known, strict=True)
        ]


@pytest.fixture(scope="module")
def texts() -> tuple[list[str], list[str]]:
    """Texts that are learnt by heart, and others."""
    return list(standin("walking", documents=40)), list(standin("letters", documents=40))


def parrot(tokenizer: Tokenizer, known: Sequence[str], **settings: Any) -> LanguageModel:
    return cast(LanguageModel, Parrot(tokenizer, known, **settings))


def test_what_is_known_by_heart_is_found(
    tokenizer: Tokenizer, texts: tuple[list[str], list[str]]
) -> None:
    record = memorisation(parrot(tokenizer, texts[0]), *texts, CONFIG)
    assert record["copied"] == record["training"]["copied"]
    assert record["copied"]["value"] > 0.9  # a prefix may stand in two texts
    assert record["held_out"]["copied"]["value"] == 0
    assert record["excess"]["low"] > 0.7
    assert record["membership_auroc"]["value"] == 1
    assert f"(n {record['copied']['n']})" in markdown(record)


def test_what_is_not_known_is_not_found(
    tokenizer: Tokenizer, texts: tuple[list[str], list[str]]
) -> None:
    record = memorisation(parrot(tokenizer, []), *texts, CONFIG)
    assert record["copied"]["value"] == record["excess"]["value"] == 0
    assert record["excess"]["low"] < 0 < record["excess"]["high"]


def test_a_run_ends_at_the_first_wrong_token(
    tokenizer: Tokenizer, texts: tuple[list[str], list[str]]
) -> None:
    model = parrot(tokenizer, texts[0], wrong_from=5)
    record = memorisation(model, *texts, CONFIG)
    assert record["training"]["longest"] == 5
    assert record["copied"]["value"] == 0
    assert memorisation(model, *texts, MemorisationConfig(
        documents=40, prefix=16, continuation=8, copied=5,
    ))["copied"]["value"] > 0.9  # fmt: skip


def test_stretches_are_in_their_documents_and_the_same_each_time(
    tokenizer: Tokenizer, texts: tuple[list[str], list[str]]
) -> None:
    model = parrot(tokenizer, [])
    found = choose(model, texts[0], CONFIG, kind="training")
    assert found == choose(model, texts[0][::-1], CONFIG, kind="training")
    assert len(found) == 40

    def whole(stretch: Stretch) -> str:
        return tokenizer.decode([*stretch.prefix, *stretch.following])

    assert all(any(whole(s) in text for text in texts[0]) for s in found)


def test_texts_must_be_enough_and_of_one_kind(
    tokenizer: Tokenizer, texts: tuple[list[str], list[str]]
) -> None:
    model = parrot(tokenizer, [])
    with pytest.raises(ValueError, match="both training and held-out"):
        memorisation(model, texts[0], [*texts[1], texts[0][3]], CONFIG)
    with pytest.raises(ValueError, match="3 held-out documents have 24 tokens, and 20 are needed"):
        memorisation(model, texts[0], texts[1][:3], CONFIG)
    with pytest.raises(ValueError, match="copied must be at most continuation"):
        MemorisationConfig(copied=99)
