"""People's texts of a run: those at hand are told from others, whichever way they come."""

from __future__ import annotations

from pathlib import Path

from hallmark.models.sizes import BUNDLED
from hallmark.outputs.names import SPLITS
from hallmark.release.pipeline.people import LIMIT, texts_of, write_people

TOKENIZER = BUNDLED / "ladder-0.5M"


def test_practice_texts_stay_practice_texts_when_they_are_given(tmp_path: Path) -> None:
    made = write_people(None, tmp_path / "made", tokens=16, tokenizer=TOKENIZER)
    records = [r for s in SPLITS for r in texts_of(tmp_path / "made", s)]
    assert all(record["practice"] is True for record in records)
    given = write_people(tmp_path / "made", tmp_path / "given", tokens=16, tokenizer=TOKENIZER)
    assert made["limit"] == given["limit"] == LIMIT
    own = tmp_path / "own"
    own.mkdir()
    for path in (tmp_path / "made").iterdir():
        path.rename(own / path.name.replace("at-hand", "letters"))
    kept = write_people(own, tmp_path / "kept", tokens=16, tokenizer=TOKENIZER)
    assert kept["limit"] is None
