"""Tiny corpora of random words, so that a whole table takes seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hallmark.models.sizes import BUNDLED
from hallmark.models.tokenizer import Tokenizer
from hallmark.outputs.imports import import_outputs

COUNTS = {"train": 24, "valid": 16, "test": 20}
WORDS = {
    "toy-1M": "the sea rose over the wall and went away again", "toy-1M-k40": "the the of of and",
    "toy-3M": "ships sail by night while gulls sleep on the wall", "prose": "we never saw it rain",
}  # fmt: skip
COMMON = ("a", "in", "is", "to", "was", "for", "it", "with")
Write = Callable[[Path, str, int], None]


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer.load(BUNDLED / "ladder-0.5M")


@pytest.fixture(scope="session")
def write() -> Write:
    """Write the three splits of a corpus: random words of its own, 40 to 60 of them a text."""

    def make(folder: Path, source: str, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        generator = np.random.default_rng(seed)
        words = [*WORDS.get(source, WORDS["prose"]).split(), *COMMON]
        number = 0
        for split, count in COUNTS.items():
            lines = []
            for _ in range(count):
                text = " ".join(generator.choice(words, generator.integers(40, 60)))
                lines.append({"id": number, "ended": True, "length": 50, "text": text})
                number += 1
            path = folder / f"{source}.{split}.jsonl"
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    return make


@pytest.fixture(scope="session")
def outputs(write: Write, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output set of two sizes; the larger has no training split, like a fine-tuned model's."""
    root = tmp_path_factory.mktemp("evaluate")
    for seed, source in enumerate(("toy-1M", "toy-1M-k40", "toy-3M")):
        write(root / "files", source, seed)
    for split in ("train", "valid"):
        (root / "files" / f"toy-3M.{split}.jsonl").unlink()
    import_outputs([root / "files"], root / "outputs")
    return root / "outputs"


@pytest.fixture(scope="session")
def human(write: Write, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("human")
    write(folder, "prose", 9)
    return folder
