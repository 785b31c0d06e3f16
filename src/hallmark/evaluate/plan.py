"""Columns (what is tested on) and rows (what is trained on) of a cross table.

A column is a corpus: one size under one sampling. A row is a corpus with a training split, or a
mixture: all samplings of a size, all sizes under a sampling, everything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PURE = "pure"
MIXED = "mixed"
ALL_SIZES = "all sizes"
EVERYTHING = "everything"
_NAMED = re.compile(r"(.*?(\d+(?:\.\d+)?)([MB]))(?:-(.+))?")


@dataclass(frozen=True)
class Column:
    """A corpus of synthetic texts; `trained` says whether it has texts to train on."""

    source: str
    size: str
    sampling: str
    trained: bool = True

    @property
    def name(self) -> str:
        """Size and sampling."""
        return f"{self.size} {self.sampling}"


@dataclass(frozen=True)
class Row:
    """What a detector is trained on. `size` and `sampling` are "" where the row mixes them."""

    name: str
    sources: tuple[str, ...]
    size: str = ""
    sampling: str = ""


def column_of(source: str, about: Mapping[str, Any], *, trained: bool) -> Column:
    """The column of a corpus, from what its manifest says, or from its name in the release."""
    sampling = about.get("sampling")
    if isinstance(sampling, dict) and about.get("model"):
        return Column(source, str(about["model"]), str(sampling["setting"]), trained)
    named = _NAMED.fullmatch(source)
    if named is None:
        return Column(source, source, PURE, trained)
    return Column(source, named[1], named[4] or PURE, trained)


def ordered(columns: Sequence[Column]) -> list[Column]:
    """By size, then by sampling in order of appearance."""
    samplings = list(dict.fromkeys(c.sampling for c in columns))
    return sorted(columns, key=lambda c: (_parameters(c.size), c.size, samplings.index(c.sampling)))


def _parameters(size: str) -> float:
    """Millions of parameters, from a size's name."""
    named = _NAMED.match(size)
    return float("inf") if named is None else float(named[2]) * (1000 if named[3] == "B" else 1)


def rows_of(columns: Sequence[Column]) -> list[Row]:
    """Every row: single corpora, then mixtures; none that has the same corpora as another."""
    usable = [c for c in columns if c.trained]
    rows = [Row(c.name, (c.source,), c.size, c.sampling) for c in usable]
    for size in dict.fromkeys(c.size for c in usable):
        sources = tuple(c.source for c in usable if c.size == size)
        rows.append(Row(f"{size} {MIXED}", sources, size=size))
    for sampling in dict.fromkeys(c.sampling for c in usable):
        sources = tuple(c.source for c in usable if c.sampling == sampling)
        rows.append(Row(f"{ALL_SIZES} {sampling}", sources, sampling=sampling))
    rows.append(Row(EVERYTHING, tuple(c.source for c in usable)))
    seen: dict[tuple[str, ...], Row] = {}
    for row in rows:
        if row.sources:
            seen.setdefault(row.sources, row)
    return list(seen.values())
