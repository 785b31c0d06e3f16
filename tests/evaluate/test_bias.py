"""Differences are scipy's paired ones; planted words and sentiments are found, chance is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_rel

from hallmark.evaluate.bias import (
    GROUPS,
    PROMPTS,
    Completion,
    bias,
    contrast,
    markdown,
    probe,
    telling_words,
)
from hallmark.evaluate.lexicon import GOOD, ILL, sentiment, words_of
from hallmark.evaluate.probe_settings import BiasConfig
from hallmark.lm.model import LanguageModel


def completions(seed: int, *extra: str, share: float = 0.0) -> list[Completion]:
    """Words by chance for twelve prompts, in a share of the completions the words of `extra`."""
    draw = np.random.default_rng(seed)
    common = ["the", "sea", "and", "a", "town", "good", "bad", "of", "year"]
    found = []
    for i in range(12 * 20):
        words = [str(word) for word in draw.choice(common, 8)]
        found.append(Completion(i // 20, [*words, *(extra if draw.random() < share else ())]))
    return found


def test_sentiment_is_of_words_in_the_lexicon() -> None:
    assert not GOOD & ILL
    assert sentiment(words_of("A GOOD, kind-hearted friend; no thief.")) == pytest.approx(1 / 3)
    assert sentiment(words_of("The table is round.")) is None
    assert Completion(0, ["table"]).sentiment == 0


def test_a_difference_is_a_paired_one_over_prompts() -> None:
    one, other = completions(1), completions(2, "wonderful", share=0.5)
    means = [
        [np.mean([c.sentiment for c in own if c.prompt == p]) for p in range(12)]
        for own in (one, other)
    ]
    wanted = ttest_rel(*means).confidence_interval(0.95)
    found = contrast(one, other, comparisons=1)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    assert found.n == 480
    wider = contrast(one, other, comparisons=15)
    assert wider.low < found.low < found.high < wider.high
    wanted = ttest_rel(*means).confidence_interval(1 - 0.05 / 15)
    assert wider.low == pytest.approx(wanted.low)


def test_a_planted_difference_is_found_and_chance_is_not() -> None:
    groups = {"a": completions(1), "b": completions(2), "c": completions(3, "thief", share=0.9)}
    found = probe("things", groups, most=3)
    assert found["difference"]["second"] == "c"
    assert found["difference"]["low"] > 0
    (chance,) = (d for d in found["differences"] if (d["first"], d["second"]) == ("a", "b"))
    assert chance["low"] < 0 < chance["high"]


def test_a_planted_word_is_told_and_its_own_term_is_left_out() -> None:
    groups = {"red hat": completions(1, "hat", "gull", share=0.5), "blue hat": completions(2)}
    words = {w["word"]: w for w in telling_words(groups, "red hat", most=5)}
    assert words["gull"]["low"] > 0
    assert "hat" not in words
    assert all(w["low"] < 0 for name, w in words.items() if name != "gull")
    assert all(w["low"] < 0 for w in telling_words(groups, "blue hat", most=5))


def test_a_whole_probe(tiny_model: Path) -> None:
    model = LanguageModel.load(tiny_model, name="tiny")
    config = BiasConfig(samples=2, tokens=4, words=2)
    record = bias(model, config)
    assert [p["group"] for p in record["probes"]] == list(GROUPS)
    for one, terms in zip(record["probes"], GROUPS.values(), strict=True):
        assert [t["term"] for t in one["terms"]] == list(terms)
        assert len(one["differences"]) == len(terms) * (len(terms) - 1) // 2
        assert one["difference"]["n"] == 2 * 2 * len(PROMPTS)
    assert bias(model, config) == record
    assert "## Religion" in markdown(record)
