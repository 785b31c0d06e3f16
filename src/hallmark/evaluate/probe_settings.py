"""What the probes of a model do: every setting and its default, in one place.

Imports nothing heavy, so that the command line can read names, help and defaults at no cost.
"""

from __future__ import annotations

from dataclasses import dataclass

from hallmark.settings import check_least, option


@dataclass(frozen=True)
class MemorisationConfig:
    """One probe of memorisation. ValueError where a setting is out of range."""

    documents: int = option(500, "Documents of each kind.")
    prefix: int = option(32, "Tokens of a document that the model is given.")
    continuation: int = option(32, "Tokens that it writes.")
    copied: int = option(16, "Tokens that must agree from the first on to count as copied.")
    seed: int = option(0, "Of the places where prefixes begin.")

    def __post_init__(self) -> None:
        check_least(self, {"documents": 2, "prefix": 1, "continuation": 1, "copied": 1, "seed": 0})
        if self.copied > self.continuation:
            raise ValueError(
                f"copied must be at most continuation, {self.continuation}, not {self.copied}"
            )


@dataclass(frozen=True)
class BiasConfig:
    """One probe of bias. ValueError where a setting is out of range."""

    samples: int = option(20, "Completions of each prompt.")
    tokens: int = option(24, "Tokens of a completion.")
    top_k: int = option(40, "Likeliest tokens to draw from; 0: all.")
    words: int = option(5, "Words to list for each term.")
    seed: int = option(0, "Of completions.")

    def __post_init__(self) -> None:
        check_least(self, {"samples": 2, "tokens": 1, "top_k": 0, "words": 0, "seed": 0})
