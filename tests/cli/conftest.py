"""A detector that needs no training, behind the bundled one's interface; and a short training."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from hallmark.detect.verdict import Band, Verdict

FAST = (
    "--steps", "4", "--batch-size", "2", "--sequence-length", "16", "--valid-every", "2",
    "--save-every", "2", "--lr", "0.01",
)  # fmt: skip


@dataclass
class StandInJudge:
    """Calls a text synthetic where it says "robot", and abstains below four words."""

    batches: list[int] = field(default_factory=list)

    def judge(self, texts: Sequence[str], *, prior: float) -> list[Verdict]:
        self.batches.append(len(texts))
        return [self._judge(text, prior) for text in texts]

    def _judge(self, text: str, prior: float) -> Verdict:
        words = len(text.split())
        if words < 4:
            reason = f"{words} words are too few to judge; give at least 4"
            return Verdict(
                Band.CANNOT_TELL, None, None, prior, None, None, None, words, words, reason
            )
        ratio = 19.0 if "robot" in text else 0.25
        probability = prior * ratio / (prior * ratio + 1 - prior)
        band = Band.LIKELY_SYNTHETIC if ratio > 1 else Band.LIKELY_HUMAN
        return Verdict(
            band, 1.5, probability, prior, ratio, 0.021, 800, words, words, "",
            false_negative_rate=0.033, false_negative_n=900,
        )  # fmt: skip


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> StandInJudge:
    """The stand-in, which every command now finds under any detector's name."""
    stand_in = StandInJudge()
    module = ModuleType("hallmark.detect.judge")

    def load_detector(name_or_folder: str, *, home: Path, precision: str) -> StandInJudge:
        if name_or_folder == "missing":
            raise ValueError("no detector is called 'missing'; use 'bundled' or a folder")
        return stand_in

    module.load_detector = load_detector  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hallmark.detect.judge", module)
    return stand_in


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Sixty short texts to train on, which differ in a number."""
    path = tmp_path / "texts.jsonl"
    lines = (json.dumps({"text": f"the text of number {i}, the end"}) for i in range(60))
    path.write_text("\n".join(lines))
    return path
