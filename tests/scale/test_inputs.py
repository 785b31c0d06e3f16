"""Inputs that are none, and records without a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from hallmark.scale.inputs import list_shards
from hallmark.scale.run import run

from .conftest import ONE, SCORE


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"body": "x"}', "record 2 of {} has no \"text\", but 'body'; use --field"),
        ('{"text": 7}', '"text" of record 2 of {} is not a string'),
        ('{"text": "a\\u0000"}', '"text" of record 2 of {} has a NUL'),
    ],
)
def test_a_record_without_a_text_is_named(row: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(f'{{"text": "good"}}\n{row}\n')
    outcome = run(SCORE, list_shards([path]), tmp_path / "out", mapped=ONE)
    assert said.format(path) in outcome.errors[0]
    assert outcome.errors[0].count("\n") == 0


def test_inputs_that_are_none_are_refused(tmp_path: Path, shards: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no file of .jsonl"):
        list_shards([tmp_path])
    with pytest.raises(FileNotFoundError, match="is not there"):
        list_shards([tmp_path / "none.jsonl"])
    with pytest.raises(ValueError, match="is none of"):
        list_shards([shards / "notes.txt"])
    with pytest.raises(ValueError, match="is given twice"):
        list_shards([shards, shards / "0.jsonl"])
