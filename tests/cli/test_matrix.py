"""`hallmark matrix` through the program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hallmark.outputs.imports import import_outputs


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    """An output set, and a human corpus."""
    for folder, source, words in (
        ("files", "toy-1M", "of the sea"),
        ("human", "prose", "it rains"),
    ):
        (tmp_path / folder).mkdir()
        for i, split in enumerate(("train", "valid", "test")):
            texts = [f"{words} {words} {k} {split} " * 4 for k in range(8)]
            records = [
                {"id": 8 * i + k, "ended": True, "length": 9, "text": text}
                for k, text in enumerate(texts)
            ]
            path = tmp_path / folder / f"{source}.{split}.jsonl"
            path.write_text("".join(json.dumps(r) + "\n" for r in records))
    import_outputs([tmp_path / "files"], tmp_path / "outputs")
    return tmp_path / "outputs", tmp_path / "human"


def test_a_table_is_written(run_cli, sets: tuple[Path, Path], tmp_path: Path) -> None:
    command = (
        "matrix", sets[0], "--human", sets[1], "--out", tmp_path / "out", "--lengths", "8,16",
        "--detectors", "tfidf",
    )  # fmt: skip
    done = run_cli(*command)
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        str(tmp_path / "out" / "matrix.md"),
        "best at 16 tokens: tfidf, accuracy 1.000 to 1.000, each corpus by its own detector "
        "(fewest texts: 8 synthetic + 8 human)",
    ]
    assert done.err.splitlines()[0] == "hallmark: 0 of 2 rows; tfidf, toy-1M pure"
    found = json.loads(run_cli(*command, "--json", "--quiet").out)
    assert found["folder"] == str(tmp_path / "out")
    own = found["cells"][0]
    assert (own["detector"], own["length"], own["n_human"]) == ("tfidf", 16, 8)
    assert own["accuracy"]["value"] == 1.0


def test_what_is_wrong_is_one_line(run_cli, sets: tuple[Path, Path], tmp_path: Path) -> None:
    done = run_cli("matrix", tmp_path, "--human", sets[1], "--out", tmp_path / "out")
    assert done.code == 1
    assert "holds no finished output set" in done.err
    done = run_cli("matrix", sets[0], "--human", sets[1], "--out", tmp_path / "o", "--lengths", "x")
    assert (done.code, "lengths must be rising" in done.err) == (1, True)
