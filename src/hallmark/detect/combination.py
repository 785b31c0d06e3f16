"""The bundled detector: surprisal, repetition, style and a discriminator, weighed by two experts.

A supervised combination of a language model's zero-shot statistics, an adaptive bigram model,
counted features of repetition and style, and a small network taught to tell short texts apart;
see `experts` for how they are weighed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hallmark.detect import calibration as calibrating
from hallmark.detect.background import Background
from hallmark.detect.calibration import Calibration
from hallmark.detect.detector import Examined, Scores
from hallmark.detect.discriminator import Discriminator
from hallmark.detect.experts import Experts
from hallmark.detect.reading import Reader, Reading
from hallmark.detect.scope import out_of_scope
from hallmark.detect.stored import (
    AGAIN,
    blaming,
    distinct_strings,
    read_arrays,
    read_config,
    require,
    rising_lengths,
    string,
    write_arrays,
)
from hallmark.lm.model import LanguageModel
from hallmark.models.folder import content_hash, write_json, write_manifest
from hallmark.models.precision import REFERENCE
from hallmark.models.sizes import find_model
from hallmark.stats import Floats

KIND = "combination"
VERSION = 2
FEWEST_TOKENS = 2
DISCRIMINATOR = "discriminator"  # folder
FILES = ("config.json", "detector.safetensors", "background.safetensors", "words.json")


class Combination:
    """A reader, its experts and their calibration."""

    def __init__(self, reader: Reader, experts: Experts, calibration: Calibration) -> None:
        self.reader = reader
        self.experts = experts
        self.calibration = calibration

    def score(self, texts: Sequence[str]) -> Scores:
        """Log-likelihood ratio (nats) of the mixture of families; NaN below 2 tokens."""
        return np.array([e.score for e in self.examine(texts)])

    def examine(self, texts: Sequence[str]) -> list[Examined]:
        """Each text's score with the tokens behind it, and why not to trust it, if so."""
        readings = self.reader.read(texts)
        long_enough = [r for r in readings if len(r) >= FEWEST_TOKENS]
        scored = iter(self.score_readings(long_enough).tolist())
        return [
            Examined(
                next(scored) if len(r) >= FEWEST_TOKENS else float("nan"),
                len(r), r.tokens_total, out_of_scope(r.text, self.reader.background.words),
            )
            for r in readings
        ]  # fmt: skip

    def score_readings(self, readings: Sequence[Reading]) -> Scores:
        """Scores of readings of at least `FEWEST_TOKENS` tokens."""
        if not readings:
            return np.zeros(0)
        features = self.matrix(readings)
        return self.experts.score(features, np.array([len(r) for r in readings]))

    def matrix(self, readings: Sequence[Reading]) -> Floats:
        """(N, F) features in the order of the experts' names."""
        rows = [self.reader.features(reading) for reading in readings]
        return np.array([[row[name] for name in self.experts.names] for row in rows])

    def save(self, folder: Path, *, facts: dict[str, Any]) -> None:
        """Write the folder, manifest last; `facts` (data, results) go into config.json."""
        folder.mkdir(parents=True, exist_ok=True)
        self.reader.background.save(folder)
        tensors = self.experts.tensors() | calibrating.as_tensors(self.calibration)
        stored = {
            name: tensor.astype(np.int64 if name == "lengths" else np.float32)
            for name, tensor in tensors.items()
        }
        write_arrays(folder / "detector.safetensors", stored)
        config = {
            "kind": KIND, "version": VERSION, "model": self.reader.model.name,
            "discriminator": self._save_discriminator(folder / DISCRIMINATOR),
            "features": list(self.experts.names),
            "calibrated_lengths": [r.tokens for r in self.calibration.references],
            "training": facts,
        }  # fmt: skip
        write_json(folder / "config.json", config)
        write_manifest(folder, FILES, kind=KIND)

    def _save_discriminator(self, folder: Path) -> str | None:
        """Write it, if there is one; the hash of its files."""
        if self.reader.discriminator is None:
            return None
        self.reader.discriminator.save(folder)
        return content_hash(folder)

    @classmethod
    def load(
        cls, folder: Path, *, home: Path, precision: str = REFERENCE, device: str = "cpu"
    ) -> Combination:
        """Read what `save` wrote, and its language model; ValueError says what is wrong."""
        config = read_config(folder, kind=KIND, version=VERSION)
        with blaming(folder / "config.json"):
            name = string(config, "model")
            features = tuple(distinct_strings(config.get("features"), "features"))
            lengths = rising_lengths(
                config.get("calibrated_lengths"), "calibrated_lengths", least=FEWEST_TOKENS
            )
        arrays = read_arrays(folder / "detector.safetensors")
        with blaming(folder / "detector.safetensors"):
            experts = Experts.from_tensors(features, arrays)
            calibration = calibrating.from_tensors(arrays, lengths)
        background = Background.load(folder)
        model = LanguageModel.load(
            find_model(name, home=home), name=name, precision=precision, device=device
        )
        discriminator = None
        if config.get("discriminator") is not None:
            discriminator = Discriminator.load(folder / DISCRIMINATOR, device=device)
            with blaming(folder / DISCRIMINATOR):
                known = config["discriminator"] == content_hash(folder / DISCRIMINATOR)
                require(known, "it is not the one that the detector was fitted with")
        reader = Reader(model, background, discriminator)
        unknown = sorted(set(features) - set(reader.names()))
        if unknown:
            shown = ", ".join(repr(f[:40]) for f in unknown[:3])
            raise ValueError(
                f"{folder / 'config.json'} lists {len(unknown)} features that this hallmark does "
                f"not compute ({shown}); {AGAIN}"
            )
        return cls(reader, experts, calibration)
