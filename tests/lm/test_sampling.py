"""Settings are checked where they are made; tags and seeds are stable."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from hallmark.lm.sampling import PURE, SamplingParams, document_seed

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", -1), ("max_tokens", 1.5), ("max_tokens", True), ("max_tokens", None),
        ("temperature", -0.1), ("temperature", NAN), ("temperature", INF),
        ("temperature", "1"), ("temperature", 1e-40), ("temperature", True),
        ("top_k", -1), ("top_k", 0.5), ("top_k", "40"),
        ("top_p", 0), ("top_p", 1.01), ("top_p", -0.5), ("top_p", NAN), ("top_p", None),
        ("repetition_penalty", 0), ("repetition_penalty", -1.2), ("repetition_penalty", NAN),
        ("repetition_penalty", INF), ("repetition_penalty", 1e-300),
        ("stop", "end"), ("stop", ("",)), ("stop", (b"end",)), ("stop", None), ("stop", (1,)),
        ("seed", -1), ("seed", 2**63), ("seed", 1.0), ("seed", NAN), ("seed", "x" * 10_000),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_in_one_line(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be .*, not ") as caught:
        SamplingParams(**{name: value})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_values_from_numpy_and_lists_are_taken():
    params = SamplingParams(
        temperature=np.float32(0.5), top_k=np.int64(3), top_p=1, stop=["a", "b"], seed=2**63 - 1
    )
    assert params.stop == ("a", "b")
    assert hash(params) == hash(params)


@pytest.mark.parametrize(
    ("params", "tag"),
    [
        ({}, ""), ({"top_k": 40}, "k40"), ({"top_p": 0.9}, "nucleus"),
        ({"temperature": 0}, "greedy"), ({"temperature": 0.0, "top_k": 40}, "greedy"),
        ({"temperature": 0.7}, "t0.7"), ({"temperature": 0.7, "top_k": 40}, "t0.7-k40"),
        ({"top_p": 0.95, "repetition_penalty": 1.2}, "nucleus-r1.2"),
    ],
)  # fmt: skip
def test_tags_are_the_suffixes_of_the_release(params, tag):
    assert SamplingParams(**params).tag == tag


def test_the_default_is_pure_sampling():
    assert SamplingParams() == PURE
    assert PURE.tag == ""


def test_a_document_has_the_same_seed_for_ever():
    assert document_seed(0, "xl-1542M-k40", "test", 7) == 628305873418452
    assert document_seed(0, "", "", 0) == 7827930043181090


def test_documents_have_seeds_of_their_own():
    places = [
        (seed, source, split, index)
        for seed in (0, 1, 2**62)
        for source in ("", "xl-1542M", "xl-1542M-k40", 'a", "b')
        for split in ("", "train", "valid")
        for index in range(100)
    ]
    seeds = {document_seed(*place) for place in places}
    assert len(seeds) == len(places)
    assert all(0 <= seed < 2**53 for seed in seeds)
    with pytest.raises(ValueError, match="index must be"):
        document_seed(0, "", "", -1)


def test_reading_the_defaults_does_not_load_torch():
    code = "import sys, hallmark.lm.sampling; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
