"""The release's names of corpora, and whose texts they hold."""

from __future__ import annotations

import pytest

from hallmark.data import Label
from hallmark.outputs.names import label_of, parse_name, source_of


@pytest.mark.parametrize(
    ("model", "tag", "source"),
    [
        ("124M", "", "small-117M"), ("gpt2", "k40", "small-117M-k40"),
        ("355M", "", "medium-345M"), ("774M", "", "large-762M"),
        ("1558M", "k40", "xl-1542M-k40"), ("gpt2-xl", "nucleus", "xl-1542M-nucleus"),
        ("7M", "", "ladder-7M"), ("my model!", "k40", "my-model-k40"), ("///", "", "model"),
    ],
)  # fmt: skip
def test_a_corpus_is_called_as_in_the_release(model: str, tag: str, source: str) -> None:
    assert source_of(model, tag) == source
    assert source_of(model, tag, prompted=True) == f"{source}-prompted"


def test_people_wrote_webtext_and_models_the_rest() -> None:
    """OpenAI's detector has real = 1; here SYNTHETIC = 1, and this is where it is said."""
    assert (int(Label.HUMAN), int(Label.SYNTHETIC)) == (0, 1)
    assert label_of("webtext") == Label.HUMAN
    for source in ("small-117M", "xl-1542M-k40", "xl-1542M-nucleus", "notwebtexts"):
        assert label_of(source) == Label.SYNTHETIC


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("webtext.train.jsonl", ("webtext", "train", ".jsonl")),
        ("xl-1542M-k40.test.jsonl.gz", ("xl-1542M-k40", "test", ".jsonl.gz")),
        ("ladder-0.5M-t0.7.valid.parquet", ("ladder-0.5M-t0.7", "valid", ".parquet")),
        ("manifest.json", None), ("webtext.jsonl", None), ("webtext.dev.jsonl", None),
        ("../x.train.jsonl", None), (".x.train.jsonl", None), ("a/b.train.jsonl", None),
    ],
)  # fmt: skip
def test_a_file_name_says_corpus_and_split(name: str, parsed: object) -> None:
    assert parse_name(name) == parsed
