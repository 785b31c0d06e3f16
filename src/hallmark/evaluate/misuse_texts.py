"""The documents of a position in four parts that share no text.

A document's part follows from a hash of its text, so that the order of the file says nothing, and
texts to fine-tune on are the same whatever the size: the smaller ones are beginnings of the larger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hallmark.evaluate.misuse_settings import MisuseConfig
from hallmark.evaluate.standin import standin
from hallmark.evaluate.standin_words import POSITIONS
from hallmark.lm.corpus.duplicates import Duplicates
from hallmark.lm.corpus.prepare import position
from hallmark.lm.corpus.settings import Source
from hallmark.lm.corpus.sources import documents, find_files
from hallmark.models.tokenizer import Tokenizer

SHARE = 4  # at most one in so many documents goes to each part beside the pool
FEWEST = 50


@dataclass(frozen=True)
class Position:
    """A position's texts: `pool` to fine-tune on; `select` chooses the best step; `judge` teaches
    the classifier; `held` is what classifier, fluency and copying are compared with.

    `threshold` is the place of the last text of `select`; left out were exact and near duplicates.
    """

    name: str
    pool: tuple[str, ...]
    select: tuple[str, ...]
    judge: tuple[str, ...]
    held: tuple[str, ...]
    threshold: float
    exact: int
    near: int

    @property
    def digest(self) -> str:
        """SHA-256 of all texts in their order."""
        total = hashlib.sha256()
        for text in (*self.select, *self.judge, *self.held, *self.pool):
            total.update(hashlib.sha256(text.encode()).digest())
        return total.hexdigest()


def read_position(corpus: str, tokenizer: Tokenizer, config: MisuseConfig) -> Position:
    """The texts of a file, or of the stand-in of that name; ValueError where they are too few."""
    if corpus in POSITIONS and not Path(corpus).exists():
        return divide(corpus, standin(corpus, seed=config.seed), tokenizer, config)
    texts = (t for file in find_files([Path(corpus)]) for t in documents(file, Source()))
    return divide(Path(corpus).name, texts, tokenizer, config)


def divide(name: str, texts: Iterable[str], tokenizer: Tokenizer, config: MisuseConfig) -> Position:
    """The parts of a position, duplicates left out."""
    with Duplicates() as seen:
        kept = [text for text in texts if not seen.seen(text, tokenizer.encode(text))]
        exact, near = seen.exact, seen.near
    if len(kept) < FEWEST:
        raise ValueError(
            f"{name} has {len(kept)} different documents ({exact + near} duplicates left out), and "
            f"{FEWEST} are needed; give more"
        )
    kept.sort(key=position)
    select, held = (min(n, len(kept) // SHARE) for n in (config.select, config.held))
    judge, pool = select + held, select + 2 * held
    return Position(
        name, tuple(kept[pool:]), tuple(kept[:select]), tuple(kept[select:judge]),
        tuple(kept[judge:pool]), position(kept[select - 1]), exact, near,
    )  # fmt: skip
