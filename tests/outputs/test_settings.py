"""The grammar of sampling settings, and p drawn for each document."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hallmark.lm.sampling import SamplingParams, document_seed
from hallmark.outputs.settings import P_VALUES, BuildConfig, parse_setting


@pytest.mark.parametrize(
    ("text", "values", "tag"),
    [
        ("pure", {}, ""),
        ("greedy", {"temperature": 0}, "greedy"),
        ("k40", {"top_k": 40}, "k40"),
        ("nucleus0.9", {"top_p": 0.9}, "nucleus"),
        ("t0.7-k40", {"temperature": 0.7, "top_k": 40}, "t0.7-k40"),
        ("pure-r1.2", {"repetition_penalty": 1.2}, "r1.2"),
        ("r1.2", {"repetition_penalty": 1.2}, "r1.2"),
        ("greedy-r1.1", {"temperature": 0, "repetition_penalty": 1.1}, "greedy-r1.1"),
        ("t0.9-k50-nucleus0.95-r1.2", {"temperature": 0.9, "top_k": 50, "top_p": 0.95,
                                       "repetition_penalty": 1.2}, "t0.9-k50-nucleus-r1.2"),
    ],
)  # fmt: skip
def test_a_setting_is_what_it_spells(text: str, values: dict[str, float], tag: str) -> None:
    setting = parse_setting(text, max_tokens=7)
    assert setting.params == SamplingParams(max_tokens=7, **values)
    assert (setting.tag, setting.p_range) == (tag, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' in the sampling setting '' is none: settings are pure"),
        ("top40", "'top40'"), ("k40-t0.7", "'t0.7'"), ("k40-k50", "'k50'"),
        ("pure-k40", "'k40'"), ("nucleus0.9:0.8", "LOW < HIGH"), ("nucleus2", "top_p must be"),
        ("t-1", "'t'"), ("r1000", "repetition_penalty must be"), ("tnan", "'tnan'"),
    ],
)  # fmt: skip
def test_what_is_no_setting_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_setting(text, max_tokens=7)


def test_p_is_drawn_for_each_document_by_its_seed() -> None:
    setting = parse_setting("nucleus", max_tokens=7)
    assert setting.p_range == (0.8, 1.0)
    seeds = [document_seed(0, "s", "train", i) for i in range(4000)]
    drawn = np.array([setting.top_p(seed) for seed in seeds])
    assert [setting.top_p(seed) for seed in seeds] == drawn.tolist()
    values, counts = np.unique(drawn, return_counts=True)
    assert len(values) == P_VALUES
    assert np.diff(values) == pytest.approx(0.01)
    assert (values[0], values[-1]) == (0.805, 0.995)
    expected = len(seeds) / P_VALUES
    assert ((counts - expected) ** 2 / expected).sum() < 43.8  # chi-square, 19 degrees, p = .001
    narrow = parse_setting("nucleus0.5:0.6-r1.1", max_tokens=7)
    assert all(0.5 < narrow.top_p(seed) < 0.6 for seed in seeds)
    assert parse_setting("nucleus0.9", max_tokens=7).top_p(seeds[0]) == 0.9


@pytest.mark.parametrize("two", ["nucleus,nucleus0.9", "k40,k40", "pure-r1.2,r1.2"])
def test_two_corpora_of_one_name_are_refused(two: str) -> None:
    with pytest.raises(ValueError, match="two corpora of one name"):
        BuildConfig(sampling=two)


@pytest.mark.parametrize(
    "values", [{"train": -1}, {"shard": 0}, {"slots": 0}, {"max_tokens": 0}, {"seed": -1},
               {"train": 0, "valid": 0, "test": 0}, {"train": 10**10}],
)  # fmt: skip
def test_a_value_out_of_range_is_refused(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        dataclasses.replace(BuildConfig(), **values)
