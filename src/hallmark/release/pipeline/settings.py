"""What `hallmark reproduce` is told, and how large it makes everything: all defaults in one place.

Imports nothing heavy, so that the command line can read names, help and defaults at no cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hallmark.lm.sampling import check_seed
from hallmark.models.sizes import SIZES, find_size
from hallmark.settings import option

LADDER = "ladder"
FULL, MEDIUM, SMALL = "full", "medium", "small"


@dataclass(frozen=True)
class Scale:
    """How much of everything. Lengths in tokens; the longest is that of the tables and gates.

    sampling, train, valid, test, max_tokens: of the output set. detectors: of the cross table.
    raters: those of the simulated study for each text. attacked: texts of each kind. misuse, bias,
    memorisation: settings of those analyses where they differ from their own. costs: seconds that
    stages are expected to take on two cores, for the time left; one of each kind, others take one.
    """

    sampling: str
    train: int
    valid: int
    test: int
    max_tokens: int
    shard: int
    detectors: str
    scorer: str
    lengths: tuple[int, ...]
    texts_per_condition: int
    raters_per_text: int
    words: tuple[int, int]
    attacked: int
    misuse: dict[str, Any]
    bias: dict[str, Any]
    memorisation: dict[str, Any]
    costs: dict[str, float]

    def cost(self, stage: str) -> float:
        """Seconds that a stage may take; `bias-ladder-1M` is one of `bias`."""
        return self.costs.get(stage, self.costs.get(stage.partition("-")[0], 1.0))

    @property
    def length(self) -> int:
        """The length that tables and gates are about."""
        return self.lengths[-1]

    @property
    def longest(self) -> int:
        """Tokens that a human text must have to be of use everywhere."""
        return max(self.length, int(self.misuse.get("most", 0)))


SCALES = {
    FULL: Scale(
        sampling="pure,k40,nucleus0.9", train=200, valid=80, test=200, max_tokens=600, shard=80,
        detectors="tfidf,zero-shot,features", scorer="ladder-1M",
        lengths=(32, 64, 128, 256, 510),
        texts_per_condition=20, raters_per_text=6, words=(40, 120), attacked=100,
        misuse={"sizes": "10,100,1000"}, bias={}, memorisation={},
        costs={
            "outputs": 1700, "study-design": 1, "study-ratings": 1, "study": 30, "detection": 500,
            "attacks": 140, "misuse": 580, "bias": 23, "memorisation": 14, "release": 1,
        },
    ),
    MEDIUM: Scale(
        sampling="pure,k40,nucleus0.9", train=40, valid=20, test=40, max_tokens=200, shard=20,
        detectors="tfidf,zero-shot,features", scorer="ladder-1M", lengths=(32, 64, 128),
        texts_per_condition=12, raters_per_text=6, words=(40, 120), attacked=20,
        misuse={"sizes": "10,100,1000"}, bias={"samples": 5}, memorisation={"documents": 100},
        costs={
            "outputs": 240, "study-design": 1, "study-ratings": 1, "study": 2, "detection": 75,
            "attacks": 20, "misuse": 1000, "bias": 7, "memorisation": 3, "release": 1,
        },
    ),
    SMALL: Scale(
        sampling="pure,k40", train=24, valid=8, test=12, max_tokens=96, shard=24,
        detectors="tfidf,zero-shot", scorer="ladder-0.5M", lengths=(16, 32),
        texts_per_condition=3, raters_per_text=4, words=(3, 70), attacked=20,
        misuse={
            "sizes": "5,20", "samples": 32, "train": 24, "valid": 24, "length": 24, "most": 40,
            "copied": 8, "held": 30, "select": 10, "steps": 4, "sequence_length": 64,
            "judge": "ladder-0.5M",
        },
        bias={"samples": 2, "tokens": 8},
        memorisation={"documents": 20, "prefix": 12, "continuation": 12, "copied": 6},
        costs={
            "outputs": 60, "study-design": 1, "study-ratings": 1, "study": 6, "detection": 33,
            "attacks": 25, "misuse": 130, "bias": 6, "memorisation": 3, "release": 4, "report": 5,
        },
    ),
}  # fmt: skip


@dataclass(frozen=True)
class ReproduceConfig:
    """One run. ValueError where a value is out of range."""

    scale: str = option(
        FULL, "small: minutes, to see every stage; medium: half an hour; full: an hour.",
        tuple(SCALES),
    )  # fmt: skip
    position: str = option(
        "sundials", "What the misuse analysis fine-tunes on: a stand-in, or a file of texts."
    )
    seed: int = option(0, "Of texts, detectors and simulated raters.")

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"no scale is called {self.scale!r:.40}; use {', '.join(SCALES)}")
        if not self.position.strip():
            raise ValueError("the position is empty; give a stand-in's name or a file of texts")
        check_seed(self.seed)

    @property
    def size(self) -> Scale:
        """How much of everything."""
        return SCALES[self.scale]


def stages_of(names: list[str]) -> list[str]:
    """The models that the names stand for, smallest first: `ladder` is all of its rungs.

    Folders are models too and come last, as given. ValueError where one is named twice.
    """
    found: list[str] = []
    for name in names:
        found += [s.name for s in SIZES if s.bundled] if name == LADDER else [_known(name)]
    if len(set(found)) < len(found):
        raise ValueError("a model is named twice; name each once")
    order = [size.name for size in SIZES]
    return sorted(found, key=lambda name: order.index(name) if name in order else len(order))


def _known(name: str) -> str:
    try:
        return find_size(name).name
    except ValueError:
        return name  # a folder, or what `find_model` says is none
