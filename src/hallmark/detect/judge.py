"""From texts to verdicts: a detector's scores read through its calibration.

A band is claimed only where the exact bound on the error of that claim is small enough; all
else is "cannot tell", with the reason.
"""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from hallmark.detect.calibration import Bound, Calibration
from hallmark.detect.cleaning import Cleaned, clean, same_words
from hallmark.detect.detector import KINDS, Detector, Examined
from hallmark.detect.verdict import BUNDLED_DETECTOR, PRIOR, Band, Verdict, in_words
from hallmark.models.folder import read_json
from hallmark.models.precision import REFERENCE
from hallmark.models.sizes import BUNDLED

CLAIM_AT = 0.05  # a band needs a 95 % bound on its error no higher than this
# Sums over a batch of another shape differ by up to 1e-6 nats, and a verdict must not depend on a
# text's neighbours. One text at a time would be exact too and takes two to three times as long.
DECIMALS = 2
_BATCH = 8  # texts examined together
_LARGEST = 700.0  # nats, of which the exponential is still a float


class Calibrated(Protocol):
    """A detector that says what a score was read from and what it is worth."""

    calibration: Calibration

    def examine(self, texts: Sequence[str]) -> list[Examined]:
        """Scores with the tokens behind them."""
        ...


class Judge:
    """Gives verdicts with a calibrated detector."""

    def __init__(self, detector: Calibrated) -> None:
        self.detector = detector

    def judge(self, texts: Sequence[str], *, prior: float = PRIOR) -> list[Verdict]:
        """A verdict for each text as `clean` repairs it, with the score that it had before.

        `prior` is the share of synthetic texts among such texts. A score is rounded before anything
        is read from it (`DECIMALS`). ValueError where the prior is not above 0 and below 1.
        """
        if not 0 < prior < 1:
            raise ValueError(f"the prior must lie above 0 and below 1, not {prior}")
        out: list[Verdict] = []
        for at in range(0, len(texts), _BATCH):
            batch = texts[at : at + _BATCH]
            cleaned = [clean(text) for text in batch]
            examined = self._examine([c.text for c in cleaned])
            verdicts = [self._verdict(e, prior) for e in examined]
            out += self._with_repairs(batch, cleaned, verdicts)
        return out

    def _with_repairs(
        self, texts: Sequence[str], cleaned: Sequence[Cleaned], verdicts: Sequence[Verdict]
    ) -> list[Verdict]:
        """The verdicts with what was repaired; a text that needed none has one score."""
        changed = [
            i for i, (text, c, verdict) in enumerate(zip(texts, cleaned, verdicts, strict=True))
            if verdict.score is not None and not same_words(text, c.text)
        ]  # fmt: skip
        raw = [verdict.score for verdict in verdicts]
        for i, found in zip(changed, self._examine([texts[i] for i in changed]), strict=True):
            raw[i] = found.score if math.isfinite(found.score) else None
        return [
            replace(verdict, raw_score=raw[i], tampered=c.tampered, repairs=c.repairs)
            for i, (verdict, c) in enumerate(zip(verdicts, cleaned, strict=True))
        ]

    def _examine(self, texts: Sequence[str]) -> list[Examined]:
        found = self.detector.examine(texts) if texts else []
        return [replace(examined, score=round(examined.score, DECIMALS)) for examined in found]

    def _verdict(self, examined: Examined, prior: float) -> Verdict:
        shortest = self.detector.calibration.shortest
        if examined.tokens_used < shortest:
            return abstain(
                examined, prior,
                f"the text has {examined.tokens_used} tokens; below {shortest} nothing can be said",
            )  # fmt: skip
        if examined.out_of_scope:
            return abstain(examined, prior, examined.out_of_scope)
        return self._weigh(examined, prior)

    def _weigh(self, examined: Examined, prior: float) -> Verdict:
        calibration, tokens = self.detector.calibration, examined.tokens_used
        log_ratio = calibration.log_ratio(examined.score, tokens)
        wrong_synthetic = calibration.false_positives(examined.score, tokens)
        wrong_human = calibration.false_negatives(examined.score, tokens)
        band, reason = decide(log_ratio, wrong_synthetic, wrong_human)
        probability = posterior(log_ratio, prior)
        if is_unlikely(band, probability):
            band, reason = Band.CANNOT_TELL, outweighed(log_ratio, prior)
        return Verdict(
            band=band,
            score=examined.score,
            probability=probability,
            prior=prior,
            likelihood_ratio=as_ratio(log_ratio),
            false_positive_rate=wrong_synthetic.rate,
            false_positive_n=wrong_synthetic.n,
            tokens_used=examined.tokens_used,
            tokens_total=examined.tokens_total,
            reason=reason,
            false_negative_rate=wrong_human.rate,
            false_negative_n=wrong_human.n,
        )


def posterior(log_ratio: float, prior: float) -> float:
    """Probability that a text is synthetic, from its log-likelihood ratio in nats and the prior."""
    log_odds = log_ratio + math.log(prior / (1 - prior))
    return 1 / (1 + math.exp(-max(log_odds, -_LARGEST)))


def as_ratio(log_ratio: float) -> float:
    """The likelihood ratio; finite, however large its logarithm."""
    return math.exp(min(log_ratio, _LARGEST))


def is_unlikely(band: Band, probability: float) -> bool:
    """Whether a band claims what is the less likely at the caller's own prior."""
    wrong = {Band.LIKELY_SYNTHETIC: probability <= 0.5, Band.LIKELY_HUMAN: probability >= 0.5}
    return wrong.get(band, False)


def outweighed(log_ratio: float, prior: float) -> str:
    """The reason where a score speaks for one side and the prior for the other.

    It alone of all reasons states the probability: that the prior did this is what it says.
    """
    side = "synthetic" if log_ratio > 0 else "human"
    return (
        f"such a score is more common in {side} text, but not by enough where "
        f"{100 * prior:.3g}% of such texts are synthetic before one is read: the probability that "
        f"this one is synthetic is {in_words(posterior(log_ratio, prior))}"
    )


def decide(log_ratio: float, wrong_synthetic: Bound, wrong_human: Bound) -> tuple[Band, str]:
    """The band that the bounds allow, and the reason where neither does."""
    if log_ratio > 0 and wrong_synthetic.rate <= CLAIM_AT:
        return Band.LIKELY_SYNTHETIC, ""
    if log_ratio < 0 and wrong_human.rate <= CLAIM_AT:
        return Band.LIKELY_HUMAN, ""
    if log_ratio > 0:
        errors, kind = wrong_synthetic, "human"
    else:
        errors, kind = wrong_human, "synthetic"
    side = "high" if kind == "human" else "low"
    return Band.CANNOT_TELL, (
        f"{errors.errors} of {errors.n} {kind} texts of this length score as {side}; a claim would "
        f"be wrong for up to {100 * errors.rate:.3g}% of them (95 % bound), and {CLAIM_AT:.0%} is "
        "allowed"
    )


def abstain(examined: Examined, prior: float, reason: str) -> Verdict:
    """A verdict that claims nothing."""
    return Verdict(
        band=Band.CANNOT_TELL, score=None, probability=None, prior=prior, likelihood_ratio=None,
        false_positive_rate=None, false_positive_n=None, tokens_used=examined.tokens_used,
        tokens_total=examined.tokens_total, reason=reason,
    )  # fmt: skip


@dataclass(frozen=True)
class Loaded:
    """A detector with its kind and folder."""

    detector: Any
    kind: str
    folder: Path


def load_detector(
    name_or_folder: str, *, home: Path, precision: str = REFERENCE, device: str = "cpu"
) -> Judge:
    """The bundled detector, or a calibrated one in a folder; ValueError says what is wrong.

    precision, device: those of its language model; its calibration was fitted on float32 readings.
    """
    kind, folder = find_detector(name_or_folder)
    if not hasattr(load_class(kind), "examine"):
        raise ValueError(
            f"{folder} holds a {kind} detector, which has no calibration and so gives no "
            f"verdicts; use {BUNDLED_DETECTOR!r}, or `hallmark calibrate` and --calibration"
        )
    opened = open_detector(name_or_folder, home=home, precision=precision, device=device)
    return Judge(opened.detector)


def open_detector(
    name_or_folder: str, *, home: Path, precision: str = REFERENCE, device: str = "cpu"
) -> Loaded:
    """Any detector that gives scores, calibrated or not.

    precision, device: those of its language model; a detector without one stays on the CPU.
    ValueError says what is wrong with the name or the folder.
    """
    kind, folder = find_detector(name_or_folder)
    chosen = load_class(kind)
    known = inspect.signature(chosen.load).parameters
    settings = {"precision": precision, "device": device}
    own = {name: value for name, value in settings.items() if name in known}
    return Loaded(chosen.load(folder, home=home, **own), kind, folder)


def load_scorer(name_or_folder: str, *, home: Path) -> Detector:
    """The bundled detector, or any in a folder, calibrated or not, for its scores alone."""
    scorer: Detector = open_detector(name_or_folder, home=home).detector
    return scorer


def find_detector(name_or_folder: str) -> tuple[str, Path]:
    """Kind and folder of the bundled detector or of one in a folder; ValueError where none is."""
    own = name_or_folder == BUNDLED_DETECTOR
    folder = BUNDLED / "detector" if own else Path(name_or_folder)
    if not _is_file(folder / "config.json"):
        if own:
            raise ValueError(f"{folder} is missing from this install; install hallmark again")
        shown = name_or_folder if len(name_or_folder) <= 80 else f"{name_or_folder[:80]}..."
        raise ValueError(
            f"no detector is called {shown!r}; use {BUNDLED_DETECTOR!r} or the folder of a saved "
            "detector"
        )
    kind = read_json(folder / "config.json").get("kind")
    if not isinstance(kind, str):
        raise ValueError(f"{folder} holds no detector: its config.json names no kind; give one")
    return kind, folder


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or NUL: no path
        return False


def load_class(kind: str) -> Any:
    """The class of a kind of detector; ValueError lists the kinds."""
    if kind not in KINDS:
        valid = ", ".join(KINDS)
        raise ValueError(f"no kind of detector is called {kind[:40]!r}; use one of {valid}")
    module, _, name = KINDS[kind].partition(":")
    return getattr(importlib.import_module(module), name)
