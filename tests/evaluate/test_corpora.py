"""Texts: cut to equal lengths, left out where they are short, never in two splits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from hallmark.evaluate.corpora import HUMAN, check_enough, read_corpora
from hallmark.models.tokenizer import Tokenizer


def test_texts_are_cut_to_one_length(outputs: Path, human: Path, tokenizer: Tokenizer) -> None:
    corpora = read_corpora([outputs], human, tokenizer=tokenizer)
    assert [c.name for c in corpora.columns] == ["toy-1M pure", "toy-1M k40", "toy-3M pure"]
    assert [c.trained for c in corpora.columns] == [True, True, False]
    long = corpora.texts(HUMAN, "test", 50)
    assert 0 < len(long) < 20 == len(corpora.texts(HUMAN, "test", 16))
    assert {len(tokenizer.encode(text)) for text in corpora.texts("toy-3M", "test", 16)} == {16}


def test_a_digest_is_that_of_the_texts(outputs: Path, human: Path, tokenizer: Tokenizer) -> None:
    corpora = read_corpora([outputs], human, tokenizer=tokenizer)
    again = read_corpora([outputs], human, tokenizer=tokenizer)
    assert corpora.digest("toy-1M", "test", 16) == again.digest("toy-1M", "test", 16)
    assert corpora.digest("toy-1M", "test", 16) != corpora.digest("toy-1M", "test", 17)
    assert corpora.digest("toy-1M", "test", 16) != corpora.digest("toy-1M", "valid", 16)


def test_a_human_text_in_two_splits_is_refused(
    outputs: Path, human: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    folder = tmp_path / "human"
    shutil.copytree(human, folder)
    first = json.loads((folder / "prose.train.jsonl").read_text().splitlines()[0])
    with (folder / "prose.test.jsonl").open("a") as file:
        file.write(json.dumps(first | {"id": 999, "text": first["text"] + "  \n"}) + "\n")
    with pytest.raises(ValueError, match=r"a text of it is in (train|test) too"):
        read_corpora([outputs], folder, tokenizer=tokenizer)


def test_a_corpus_that_stands_twice_is_refused(
    outputs: Path, human: Path, tokenizer: Tokenizer
) -> None:
    with pytest.raises(ValueError, match="toy-1M stands twice"):
        read_corpora([outputs, outputs], human, tokenizer=tokenizer)


def test_too_few_texts_are_said(outputs: Path, human: Path, tokenizer: Tokenizer) -> None:
    corpora = read_corpora([outputs], human, tokenizer=tokenizer)
    check_enough(corpora, 16)
    with pytest.raises(ValueError, match=r"human.train has 0 texts of 5000 tokens"):
        check_enough(corpora, 5000)
