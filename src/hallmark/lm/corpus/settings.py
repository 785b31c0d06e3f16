"""How a corpus is prepared: every setting and its default.

Imports nothing heavy, so that the command line can read defaults at no cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

LONGEST = 2**20
SHARD_TOKENS = 2**25


@dataclass(frozen=True)
class Source:
    """How documents are cut out of files.

    field: the key or column that holds the text of JSON lines and Parquet. cut: a document of
    more characters becomes several, cut after a line (a line that is itself longer is cut inside);
    plain text is also cut at each line that is `<|endoftext|>`, as in GPT-2's own training files.
    """

    field: str = "text"
    cut: int = LONGEST

    def __post_init__(self) -> None:
        if not self.field:
            raise ValueError("field must name the key that holds the text; it is empty")
        if not 1 <= self.cut <= LONGEST:
            raise ValueError(f"cut must be from 1 to {LONGEST} characters, not {self.cut}")


@dataclass(frozen=True)
class PrepareConfig:
    """valid: the share of documents held out. near: also drop near duplicates."""

    valid: float = 0.05
    near: bool = True
    shard_tokens: int = SHARD_TOKENS
    source: Source = field(default_factory=Source)

    def __post_init__(self) -> None:
        if not 0 < self.valid < 1:
            raise ValueError(f"valid must be a share between 0 and 1, not {self.valid}")
        if self.shard_tokens < 1:
            raise ValueError(f"shard_tokens must be at least 1, not {self.shard_tokens}")
