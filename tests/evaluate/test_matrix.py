"""A whole table: its parts agree, it goes on after an interruption, and computes nothing twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hallmark.detect import tfidf
from hallmark.evaluate.crosstable import CrossTable, Step, hash_of
from hallmark.evaluate.matrix import matrix
from hallmark.evaluate.settings import MatrixConfig
from hallmark.lm import score as scoring
from hallmark.outputs.names import TRIAL

CONFIG = MatrixConfig(
    detectors="tfidf,zero-shot,features", lengths="16,32", tokenizer="ladder-0.5M",
    scorer="ladder-0.5M",
)  # fmt: skip
ROWS = ["toy-1M pure", "toy-1M k40", "toy-1M mixed"]


@pytest.fixture(scope="session")
def made(
    outputs: Path, human: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[CrossTable, Path]:
    out = tmp_path_factory.mktemp("matrix")
    return matrix([outputs], human, out, CONFIG, home=out), out


def test_every_row_meets_every_column(made: tuple[CrossTable, Path]) -> None:
    table, out = made
    for detector in ("tfidf", "zero-shot", "features"):
        for row in ROWS:
            for column in ("toy-1M pure", "toy-1M k40", "toy-3M pure"):
                cell = table.cell(detector, row, column)
                assert cell is not None
                assert cell.accuracy.n == cell.n_human + cell.n_synthetic
    # different words are told apart
    own = table.cell("tfidf", "toy-1M k40", "toy-1M k40")
    assert own is not None
    assert own.accuracy.value > 0.9
    # shorter lengths only where the row was trained
    assert table.cell("tfidf", "toy-1M k40", "toy-1M k40", 16) is not None
    assert table.cell("tfidf", "toy-1M k40", "toy-3M pure", 16) is None
    assert table.cell("length", "toy-1M mixed", "toy-3M pure") is not None
    names = {p.name for p in out.iterdir()}
    assert {"matrix.json", "matrix.md", "roc.svg", "lengths.png", "heat-tfidf.png"} <= names


def test_the_record_holds_the_table_and_where_it_is_from(
    made: tuple[CrossTable, Path], outputs: Path, human: Path
) -> None:
    table, out = made
    record = json.loads((out / "matrix.json").read_text())
    assert len(record["cells"]) == len(table.cells)
    assert record["settings"]["lengths"] == "16,32"
    assert record["provenance"]["inputs"]["human"] == hash_of(human)
    assert record["provenance"]["texts"]["human.test"]["n"] == 20
    assert {"value", "low", "high", "n"} == set(record["cells"][0]["auroc"])
    text = (out / "matrix.md").read_text()
    assert all(f"| {row} |" in text for row in ROWS)


def test_practice_texts_are_no_finding(outputs: Path, human: Path, tmp_path: Path) -> None:
    """Both ways: their mark is their files' name, and other texts have none."""
    config = MatrixConfig(detectors="tfidf", lengths="16", tokenizer="ladder-0.5M")
    for source in ("at-hand", "prose"):
        folder = tmp_path / source
        folder.mkdir()
        for path in human.iterdir():
            shutil.copyfile(path, folder / path.name.replace("prose", source))
        matrix([outputs], folder, tmp_path / f"out-{source}", config, home=tmp_path)
    record, other = (
        json.loads((tmp_path / f"out-{s}" / "matrix.json").read_text())
        for s in ("at-hand", "prose")
    )
    assert record["practice"] is True
    assert "practice" not in other
    assert {claim["verdict"] for claim in record["claims"]} == {"practice texts"}
    assert {claim["verdict"] for claim in other["claims"]} == {"too few (n 20)"}
    text = (tmp_path / "out-at-hand" / "matrix.md").read_text()
    assert text.startswith(f"# Cross table\n\n**{TRIAL}**\n")
    assert TRIAL not in (tmp_path / "out-prose" / "matrix.md").read_text()


def test_nothing_is_computed_again(
    made: tuple[CrossTable, Path], outputs: Path, human: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, out = made
    before = (out / "matrix.json").read_bytes()

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(tfidf.Tfidf, "fit", never)
    monkeypatch.setattr(tfidf.Tfidf, "score", never)
    monkeypatch.setattr(scoring, "score", never)
    again = matrix([outputs], human, out, CONFIG, home=out)
    assert again == table
    assert (out / "matrix.json").read_bytes() == before


def test_a_table_that_was_cut_short_goes_on_to_the_same_bytes(
    made: tuple[CrossTable, Path], outputs: Path, human: Path, tmp_path: Path
) -> None:
    class Killed(BaseException):
        pass

    def kill(step: Step) -> None:
        if step.done == 5:
            raise Killed

    with pytest.raises(Killed):
        matrix([outputs], human, tmp_path, CONFIG, home=tmp_path, on_step=kill)
    assert not (tmp_path / "matrix.json").exists()
    steps: list[Step] = []
    matrix([outputs], human, tmp_path, CONFIG, home=tmp_path, on_step=steps.append)
    assert steps[-1].done == steps[-1].total == 12
    assert (tmp_path / "matrix.json").read_bytes() == (made[1] / "matrix.json").read_bytes()
    for name in ("matrix.md", "roc.svg", "heat-features.svg"):
        assert (tmp_path / name).read_bytes() == (made[1] / name).read_bytes()


def test_saved_detectors_are_tested_as_they_are(
    made: tuple[CrossTable, Path], outputs: Path, human: Path, tmp_path: Path
) -> None:
    folder = next((made[1] / "cache" / "detectors").iterdir())
    config = MatrixConfig(
        detectors=str(folder), lengths="16", tokenizer="ladder-0.5M", scorer="ladder-0.5M"
    )
    table = matrix([outputs], human, tmp_path, config, home=tmp_path)
    assert table.detectors == (folder.name, "length")
    cell = table.cell(folder.name, "as it is", "toy-3M pure")
    assert cell is not None
    assert np.isfinite(cell.auroc.value)


def test_encoders_are_trained_on_the_rows_that_are_asked_for(
    outputs: Path, human: Path, tmp_path: Path
) -> None:
    config = MatrixConfig(
        detectors="encoder", lengths="16,32", tokenizer="ladder-0.5M", encoder="ladder-0.5M",
        epochs=1, encoder_rows="*k40",
    )  # fmt: skip
    table = matrix([outputs], human, tmp_path, config, home=tmp_path)
    assert {c.row for c in table.cells if c.detector == "encoder"} == {"toy-1M k40"}


def test_no_row_for_an_encoder_is_refused(outputs: Path, human: Path, tmp_path: Path) -> None:
    config = MatrixConfig(
        detectors="encoder", lengths="16", tokenizer="ladder-0.5M", encoder_rows="7M k40"
    )
    with pytest.raises(ValueError, match="no row is called '7M k40'; there are toy-1M pure, "):
        matrix([outputs], human, tmp_path, config, home=tmp_path)


@pytest.mark.parametrize("name", ["nothing", "no/folder"])
def test_an_unknown_detector_is_refused(
    name: str, outputs: Path, human: Path, tmp_path: Path
) -> None:
    config = MatrixConfig(detectors=name, lengths="16", tokenizer="ladder-0.5M")
    with pytest.raises(ValueError, match="use tfidf, zero-shot, features, encoder, bundled"):
        matrix([outputs], human, tmp_path, config, home=tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [{"lengths": "32,16"}, {"lengths": "a"}, {"lengths": "0,4"}, {"epochs": 0}, {"detectors": ","}],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|is empty|at least"):
        MatrixConfig(**wrong)
