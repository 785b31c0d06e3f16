"""Verdicts through a certificate: its file, the detector that it names, and what it allows.

The file is JSON with hashes: of the texts (never the texts), of the detector's folder and of
its language models, and of the certificate itself, so that one that was made with another
detector or changed afterwards is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hallmark import __version__
from hallmark.detect.certificate import Bin, Cell, Scored
from hallmark.detect.detector import Detector, Examined
from hallmark.detect.judge import (
    DECIMALS,
    Judge,
    Loaded,
    abstain,
    as_ratio,
    is_unlikely,
    open_detector,
    outweighed,
    posterior,
)
from hallmark.detect.target import CertificateConfig
from hallmark.detect.verdict import Band, Citation, Verdict
from hallmark.models.folder import read_json, sha256_of, write_json
from hallmark.models.precision import REFERENCE
from hallmark.models.sizes import find_model

KIND, VERSION = "hallmark-certificate", 2
_AGAIN = "make it again with `hallmark calibrate`"
_PRACTICE = (
    "the certificate was made with practice texts, which say nothing of what people write; "
    "calibrate on human texts of your own"
)
_FIGURES = 5  # of a score on a scale that we do not know


@dataclass(frozen=True)
class Certificate:
    """What `hallmark calibrate` found: `facts` are the file's other fields.

    Where they say `practice`, the texts were a trial of the machinery and no verdict has numbers.
    """

    config: CertificateConfig
    bins: tuple[Bin, ...]
    facts: Mapping[str, Any]

    @property
    def practice(self) -> bool:
        """Whether it was made with practice texts."""
        return bool(self.facts.get("practice"))

    @property
    def sha256(self) -> str:
        """Of everything that the file says but this."""
        return _hash(self.record())

    def record(self) -> dict[str, Any]:
        """As JSON knows it, without its own hash."""
        return {
            "kind": KIND, "version": VERSION, **self.facts,
            "settings": asdict(self.config), "bins": [asdict(one) for one in self.bins],
        }  # fmt: skip

    def save(self, path: Path) -> None:
        """Write the file beside `path` and rename."""
        write_json(path, {**self.record(), "sha256": self.sha256})

    @classmethod
    def load(cls, path: Path) -> Certificate:
        """Read what `save` wrote; ValueError where it is damaged or no certificate."""
        if not path.is_file():
            raise FileNotFoundError(f"{path} is no file; give a certificate, or {_AGAIN}")
        values = read_json(path)
        stated = values.pop("sha256", None)
        if values.get("kind") != KIND:
            raise ValueError(f"{path} is no certificate; {_AGAIN}")
        if values.get("version") != VERSION:
            raise ValueError(f"{path} is of another version than {VERSION}; {_AGAIN}")
        if _hash(values) != stated:
            raise ValueError(f"{path} was changed after it was made; {_AGAIN}")
        try:
            bins = tuple(_bin(one) for one in values.pop("bins"))
            config = CertificateConfig(**values.pop("settings"))
            values["detector"], values["unit"], values["dates"]
        except (KeyError, TypeError, AttributeError):
            raise ValueError(f"{path} lacks bins, settings or facts; {_AGAIN}") from None
        return cls(config, bins, {k: v for k, v in values.items() if k not in ("kind", "version")})


def _bin(values: Mapping[str, Any]) -> Bin:
    cells = tuple(Cell(**cell) for cell in values["cells"])
    return Bin(**{**values, "whole": Cell(**values["whole"]), "cells": cells})


def _hash(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def facts_of(
    loaded: Loaded, *, home: Path, samples: Sequence[Scored], dates: str
) -> dict[str, Any]:
    """What ties a certificate to a detector and to texts."""
    return {
        "hallmark": __version__,
        "detector": identity(loaded, home=home),
        "unit": unit_of(loaded.detector),
        "dates": dates,
        "texts_sha256": sorted({sample.key for sample in samples}),
    }


def identity(loaded: Loaded, *, home: Path) -> dict[str, Any]:
    """Kind, version and hashes of a detector's folder and of the language models it reads with."""
    config = read_json(loaded.folder / "config.json")
    names = [config[key] for key in ("model", "observer") if isinstance(config.get(key), str)]
    return {
        "kind": loaded.kind,
        "version": config.get("version"),
        "sha256": folder_hash(loaded.folder),
        "models": [folder_hash(find_model(name, home=home)) for name in names],
    }


def folder_hash(folder: Path) -> str:
    """SHA-256 over names and hashes of a folder's files; cards and hidden files are left out."""
    files = sorted(
        p for p in folder.iterdir()
        if p.is_file() and p.suffix != ".md" and not p.name.startswith(".")
    )  # fmt: skip
    return hashlib.sha256(json.dumps([[p.name, sha256_of(p)] for p in files]).encode()).hexdigest()


def unit_of(detector: Detector) -> str:
    """What a length counts: the detector's tokens, or words where it does not say."""
    return "tokens" if hasattr(detector, "examine") else "words"


def examine(detector: Detector, texts: Sequence[str]) -> list[Examined]:
    """Scores with lengths in `unit_of` the detector, rounded for the same reason as a `Judge`'s."""
    own = getattr(detector, "examine", None)
    if own is not None:
        return [replace(found, score=round(found.score, DECIMALS)) for found in own(texts)]
    lengths = [len(text.split()) for text in texts]
    scores = [float(f"{score:.{_FIGURES}g}") for score in detector.score(texts)]
    return [Examined(s, n, n, "") for s, n in zip(scores, lengths, strict=True)]


class CertifiedJudge(Judge):
    """Gives the verdicts that a certificate allows, each citing it; never "likely human"."""

    def __init__(self, detector: Any, certificate: Certificate) -> None:
        super().__init__(detector)
        self._scorer: Detector = detector
        self.certificate = certificate
        self._citation = Citation(
            certificate.sha256, certificate.config.target_fpr, certificate.facts["dates"]
        )

    @classmethod
    def load(
        cls, path: Path, name: str, *, home: Path, precision: str = REFERENCE
    ) -> CertifiedJudge:
        """ValueError where the certificate was made with another detector or model."""
        certificate = Certificate.load(path)
        loaded = open_detector(name, home=home, precision=precision)
        if certificate.facts.get("detector") != identity(loaded, home=home):
            raise ValueError(
                f"{path} was made with another detector or language model than "
                f"{loaded.folder.name}; give that one, or {_AGAIN}"
            )
        return cls(loaded.detector, certificate)

    def _examine(self, texts: Sequence[str]) -> list[Examined]:
        return examine(self._scorer, texts) if texts else []

    def _verdict(self, examined: Examined, prior: float) -> Verdict:
        return replace(self._allowed(examined, prior), calibration=self._citation)

    def _allowed(self, examined: Examined, prior: float) -> Verdict:
        bins, length = self.certificate.bins, examined.tokens_used
        unit = self.certificate.facts["unit"]
        if self.certificate.practice:
            return abstain(examined, prior, _PRACTICE)
        if length < bins[0].least:
            return abstain(
                examined, prior, f"the text has {length} {unit}; the certificate begins at "
                f"{bins[0].least}",
            )  # fmt: skip
        if examined.out_of_scope or not np.isfinite(examined.score):
            return abstain(examined, prior, examined.out_of_scope or "the text has no score")
        own = max((b for b in bins if b.least <= length), key=lambda b: b.least)
        reason = own.refusal(self.certificate.config.target_fpr)
        above = own.threshold is not None and examined.score > own.threshold
        if not reason and not above:
            reason = "the score does not lie above the certificate's threshold for this length"
        ratio = _log_ratio(own, examined.score)
        probability = None if ratio is None else posterior(ratio, prior)
        if ratio is not None and probability is not None and not reason:
            contrary = is_unlikely(Band.LIKELY_SYNTHETIC, probability)
            reason = outweighed(ratio, prior) if contrary else ""
        return Verdict(
            band=Band.CANNOT_TELL if reason else Band.LIKELY_SYNTHETIC,
            score=examined.score,
            probability=probability,
            prior=prior,
            likelihood_ratio=None if ratio is None else as_ratio(ratio),
            false_positive_rate=own.whole.bound if above else None,
            false_positive_n=own.whole.n if above else None,
            tokens_used=length,
            tokens_total=examined.tokens_total,
            reason=reason,
        )


def _log_ratio(own: Bin, score: float) -> float | None:
    if own.slope is None or own.intercept is None or own.lowest is None or own.highest is None:
        return None
    return min(max(own.slope * score + own.intercept, own.lowest), own.highest)
