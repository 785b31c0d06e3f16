"""What can be done with every record of a corpus: `score` by a model, `detect` by a detector.

(`traces.py` has the third, `signals`.) The columns that each makes are listed beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from hallmark import __version__
from hallmark.detect.judge import Judge, find_detector, load_detector
from hallmark.detect.verdict import BUNDLED_DETECTOR, PRIOR
from hallmark.lm.device import limit_threads
from hallmark.lm.score import TokenScores
from hallmark.lm.scorers import Scorer, load_scorer
from hallmark.models.folder import content_hash, read_json
from hallmark.models.precision import REFERENCE
from hallmark.models.sizes import find_model
from hallmark.scale.inputs import Record

TOKENS = {"tokens_used": "int32", "tokens_total": "int32"}
MEANS = ("log_prob", "log_rank", "entropy", "variance")
EACH = {
    "token_ids": "list int32", "token_log_prob": "list float32", "token_rank": "list int32",
    "token_entropy": "list float32",
}  # fmt: skip
VERDICT = {
    "band": "string", "score": "float64", "probability": "float64", "prior": "float64",
    "likelihood_ratio": "float64", "false_positive_rate": "float64", "false_positive_n": "int32",
    "false_negative_rate": "float64", "false_negative_n": "int32", **TOKENS, "reason": "string",
    "raw_score": "float64", "tampered": "bool",
}  # fmt: skip


@dataclass(frozen=True)
class Computing:
    """Where and how a worker computes; all of it may change the last bits.

    threads: of each worker. device: `cuda` is the worker's own GPU.
    """

    device: str = "cpu"
    precision: str = REFERENCE
    threads: int = 1


PLAINLY = Computing()


@dataclass(frozen=True)
class Score:
    """How likely a model finds each text: means over its tokens, in nats; null without a token.

    model: a name or a folder. per_token: add a list for each statistic.
    """

    home: Path
    model: str
    field: str = "text"
    max_tokens: int = 1024
    per_token: bool = False
    computing: Computing = PLAINLY

    @property
    def schema(self) -> Mapping[str, str]:
        means = dict.fromkeys(MEANS, "float64")
        return {"id": "string", **TOKENS, **means, **(EACH if self.per_token else {})}

    def identity(self) -> dict[str, Any]:
        folder = find_model(self.model, home=self.home)
        return identity_of("score", self, {"model_sha256": content_hash(folder)})

    def open(self) -> OpenScore:
        folder = find_model(self.model, home=self.home)
        own = self.computing
        return OpenScore(self, load_scorer(folder, precision=own.precision, device=own.device))


@dataclass(frozen=True)
class OpenScore:
    """`Score` with its model."""

    stage: Score
    model: Scorer

    def columns(self, records: Sequence[Record]) -> dict[str, list[Any]]:
        texts = [record.text(self.stage.field) for record in records]
        with limit_threads(self.stage.computing.threads):
            scores = self.model.score(texts, max_tokens=self.stage.max_tokens)
        rows = [summary(s) | (each(s) if self.stage.per_token else {}) for s in scores]
        return {
            "id": [record.id for record in records],
            **{name: [row[name] for row in rows] for name in self.stage.schema if name != "id"},
        }


@dataclass(frozen=True)
class Detect:
    """A verdict on each text, as `hallmark detect` gives it."""

    home: Path
    detector: str = BUNDLED_DETECTOR
    field: str = "text"
    prior: float = PRIOR
    computing: Computing = PLAINLY

    @property
    def schema(self) -> Mapping[str, str]:
        return {"id": "string", **VERDICT}

    def identity(self) -> dict[str, Any]:
        return identity_of("detect", self, detector_hashes(self.detector, home=self.home))

    def open(self) -> OpenDetect:
        return OpenDetect(self, open_judge(self.detector, self.computing, home=self.home))


@dataclass(frozen=True)
class OpenDetect:
    """`Detect` with its judge."""

    stage: Detect
    judge: Judge

    def columns(self, records: Sequence[Record]) -> dict[str, list[Any]]:
        texts = [record.text(self.stage.field) for record in records]
        with limit_threads(self.stage.computing.threads):
            verdicts = self.judge.judge(texts, prior=self.stage.prior)
        found = {name: [getattr(v, name) for v in verdicts] for name in VERDICT}
        found["band"] = [str(band) for band in found["band"]]
        return {"id": [record.id for record in records], **found}


def open_judge(detector: str, computing: Computing, *, home: Path) -> Judge:
    """The detector of that name or folder."""
    return load_detector(
        detector, home=home, precision=computing.precision, device=computing.device
    )


def summary(scores: TokenScores) -> dict[str, Any]:
    """Counts, and the mean of each statistic over the tokens."""
    counts = {"tokens_used": len(scores), "tokens_total": scores.tokens_total}
    if not len(scores):
        return counts | dict.fromkeys(MEANS)
    statistics = (scores.log_prob, np.log(scores.rank), scores.entropy, scores.variance)
    means = (float(np.mean(s, dtype=np.float64)) for s in statistics)
    return counts | dict(zip(MEANS, means, strict=True))


def each(scores: TokenScores) -> dict[str, Any]:
    """The statistics of every token."""
    lists = (scores.tokens, scores.log_prob, scores.rank, scores.entropy)
    return dict(zip(EACH, (values.tolist() for values in lists), strict=True))


def detector_hashes(detector: str, *, home: Path) -> dict[str, str]:
    """Of a detector's folder, and of its language model's where it has one."""
    _, folder = find_detector(detector)
    found = {"detector_sha256": content_hash(folder)}
    model = read_json(folder / "config.json").get("model")
    if isinstance(model, str):
        found["model_sha256"] = content_hash(find_model(model, home=home))
    return found


def identity_of(kind: str, stage: Any, hashes: Mapping[str, str]) -> dict[str, Any]:
    """A stage's settings, hashes and versions. Names and folders are left out: hashes count."""
    settings = {k: v for k, v in asdict(stage).items() if k not in ("home", "model", "detector")}
    versions = {name: version(name) for name in ("torch", "numpy", "pyarrow")}
    return {"stage": kind, **settings.pop("computing"), **settings, **hashes,
            "hallmark": __version__, **versions}  # fmt: skip
