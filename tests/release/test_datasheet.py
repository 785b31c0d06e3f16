"""Cards of output sets, from their manifests."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import DatasetCard

from hallmark.data import Label
from hallmark.outputs.outputset import OutputSet, Part
from hallmark.release.card import About
from hallmark.release.datasheet import dataset_card, datasheet, size_category


@pytest.fixture
def outputs() -> OutputSet:
    def part(source: str, split: str, label: Label) -> Part:
        path = Path(f"{source}.{split}.jsonl")
        return Part(source, split, label, path, 600, 9000, 1, "ab" * 32)

    manifest = {
        "kind": "generated",
        "run": {"seed": 7, "max_tokens": 64, "hallmark": "0.1.0", "torch": "2.13.0"},
        "corpora": {
            "tiny-k40": {
                "label": "synthetic", "model": "tiny", "model_sha256": "cd" * 32,
                "precision": "int8", "prompted": False, "sampling": {"setting": "k40"},
            },
            "webtext": {"label": "human"},
        },
    }  # fmt: skip
    parts = (
        part("tiny-k40", "train", Label.SYNTHETIC), part("tiny-k40", "test", Label.SYNTHETIC),
        part("webtext", "train", Label.HUMAN),
    )  # fmt: skip
    return OutputSet(Path("set"), manifest, parts)


def test_hugging_face_reads_files_and_size(outputs: OutputSet) -> None:
    read = DatasetCard(dataset_card(outputs, About("Outputs", "mit")))
    assert read.data.license == "mit"
    values = read.data.to_dict()
    assert values["size_categories"] == ["1K<n<10K"]
    assert [c["config_name"] for c in values["configs"]] == ["tiny-k40", "webtext"]
    assert values["configs"][0]["data_files"][1] == {"split": "test", "path": "tiny-k40.test.jsonl"}
    assert "| webtext | train | people | 600 | 9,000 |" in read.text


@pytest.mark.parametrize(
    ("n", "name"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (250_000, "100K<n<1M"), (10**9, "10M<n<100M")],
)
def test_sizes_by_name(n: int, name: str) -> None:
    assert size_category(n) == name


def test_a_datasheet_says_what_is_known_and_what_is_not(outputs: OutputSet) -> None:
    text = datasheet(outputs, About("Outputs"))
    parts = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert parts == [
        "Motivation", "Composition", "Collection process", "Preprocessing", "Uses",
        "Distribution", "Maintenance",
    ]  # fmt: skip
    assert f"Drawn from the model tiny (SHA-256 of its files `{'cd' * 32}`, precision int8)" in text
    assert "sampling `k40`, from nothing, seed 7, by hallmark 0.1.0, torch 2.13.0" in text
    assert "at most 64 tokens" in text
    assert "**How did webtext come to be?** It was imported as it is. Not in the manifest" in text
    assert text.count("only people can supply this") == 5
    assert "**Under which terms?** mit" in datasheet(outputs, About("Outputs", "mit"))
