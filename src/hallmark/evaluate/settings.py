"""What a cross table compares: every setting and its default, in one place.

Imports nothing heavy, so that the command line can read names, help and defaults at no cost.
"""

from __future__ import annotations

from dataclasses import dataclass

from hallmark.models.sizes import DEFAULT_MODEL
from hallmark.settings import option

KINDS = ("tfidf", "zero-shot", "features", "encoder")


@dataclass(frozen=True)
class MatrixConfig:
    """One table. ValueError where a setting is out of range."""

    detectors: str = option(
        "tfidf,zero-shot,features",
        "Comma-separated: tfidf, zero-shot, features, encoder; or bundled and folders of saved "
        "detectors, which are not trained.",
    )
    lengths: str = option(
        "16,32,64,128,256,510", "Tokens that texts are cut to; the longest is the table's."
    )
    tokenizer: str = option(
        DEFAULT_MODEL, "Whose tokens are counted: a model or a tokenizer's folder."
    )
    scorer: str = option(
        DEFAULT_MODEL, "The rung of the ladder that zero-shot and features read with."
    )
    encoder: str = option("scratch", "Where encoders begin; see `hallmark detector train`.")
    epochs: int = option(8, "Most epochs of an encoder.")
    encoder_rows: str = option("*", "Rows that encoders have, as patterns with * and commas.")
    seed: int = option(0, "Of encoders.")

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.seed < 0:
            raise ValueError(
                f"epochs must be at least 1 and the seed at least 0, not {self.epochs} and "
                f"{self.seed}"
            )
        if not self.detector_names:
            raise ValueError(f"detectors is empty; give some of {', '.join(KINDS)}")
        self.cuts  # noqa: B018 (it raises where lengths are no lengths)

    @property
    def detector_names(self) -> tuple[str, ...]:
        """The detectors, each once."""
        return tuple(dict.fromkeys(filter(None, map(str.strip, self.detectors.split(",")))))

    @property
    def cuts(self) -> tuple[int, ...]:
        """The lengths in tokens, rising."""
        try:
            found = tuple(int(length) for length in self.lengths.split(","))
        except ValueError:
            found = ()
        if not found or list(found) != sorted(set(found)) or found[0] < 1:
            raise ValueError(
                f"lengths must be rising whole numbers such as 64,256,510, not {self.lengths!r:.60}"
            )
        return found

    @property
    def full(self) -> int:
        """The table's own length in tokens."""
        return self.cuts[-1]

    @property
    def patterns(self) -> tuple[str, ...]:
        """Which rows encoders have."""
        return tuple(filter(None, map(str.strip, self.encoder_rows.split(","))))
