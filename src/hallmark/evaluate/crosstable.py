"""The cross table: every detector, row and column, at the table's length and by length.

At the table's own length each row meets every column; at shorter lengths only the corpora that it
was trained on, for the curves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from hallmark.detect.background import Background
from hallmark.detect.judge import open_detector
from hallmark.detect.reading import Reader
from hallmark.detect.verdict import BUNDLED_DETECTOR
from hallmark.evaluate import contenders
from hallmark.evaluate.cells import Cell, cell_of, fit_thresholds
from hallmark.evaluate.contenders import Contender, Length, Saved
from hallmark.evaluate.corpora import HUMAN, Corpora
from hallmark.evaluate.plan import Column, Row, rows_of
from hallmark.evaluate.readings import Readings, RefitRows, ZeroShotRows
from hallmark.evaluate.settings import KINDS, MatrixConfig
from hallmark.evaluate.store import Store, key_of
from hallmark.lm.model import LanguageModel
from hallmark.models.folder import sha256_of
from hallmark.models.sizes import BUNDLED, MANIFEST, find_model


@dataclass(frozen=True)
class CrossTable:
    """All cells; `columns` and `rows` in order, `detectors` by name with the rows they have."""

    length: int
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    detectors: tuple[str, ...]
    cells: tuple[Cell, ...]

    def cell(self, detector: str, row: str, column: str, length: int | None = None) -> Cell | None:
        """One cell, at the table's length where none is given; None where there is none."""
        wanted = (detector, row, column, length or self.length)
        for cell in self.cells:
            if (cell.detector, cell.row, cell.column, cell.length) == wanted:
                return cell
        return None


@dataclass(frozen=True)
class Step:
    """`done` of `total` units of work, such as pairs of detector and row; `what` comes next."""

    done: int
    total: int
    what: str


OnStep = Callable[[Step], None]


def make_table(
    corpora: Corpora,
    competing: Sequence[Contender],
    config: MatrixConfig,
    *,
    on_step: OnStep = lambda _: None,
) -> CrossTable:
    """Every cell, in order of detectors, rows, columns and lengths."""
    cells: list[Cell] = []
    pairs = [(contender, row) for contender in competing for row in contender.rows]
    for i, (contender, row) in enumerate(pairs):
        on_step(Step(i, len(pairs), f"{contender.name}, {row.name}"))
        cells += _row_of(contender, row, corpora, config)
    on_step(Step(len(pairs), len(pairs), "done"))
    rows = {row.name: row for _, row in pairs}
    return CrossTable(
        config.full, corpora.columns, tuple(rows.values()),
        tuple(contender.name for contender in competing), tuple(cells),
    )  # fmt: skip


def _row_of(
    contender: Contender, row: Row, corpora: Corpora, config: MatrixConfig
) -> Iterator[Cell]:
    for length in reversed(config.cuts):
        columns = [c for c in corpora.columns if length == config.full or c.source in row.sources]
        valid = [contender.scores(row, source, "valid", length) for source in row.sources]
        thresholds = fit_thresholds(
            contender.scores(row, HUMAN, "valid", length), np.concatenate(valid)
        )
        human = contender.scores(row, HUMAN, "test", length)
        for column in columns:
            yield cell_of(
                human, contender.scores(row, column.source, "test", length), thresholds,
                detector=contender.name, row=row.name, column=column.name, length=length,
            )  # fmt: skip


def competitors(
    corpora: Corpora, config: MatrixConfig, store: Store, *, home: Path
) -> list[Contender]:
    """The contenders that `config` names, and the baseline of length."""
    rows = rows_of(corpora.columns)
    trained = [column.source for column in corpora.columns if column.trained]
    readings: Readings | None = None
    found: list[Contender] = []
    for name in config.detector_names:
        if name in ("zero-shot", "features"):
            readings = readings or read_with(config, corpora, store, home=home)
            kind = ZeroShotRows if name == "zero-shot" else RefitRows
            found.append(kind(rows, readings))
        elif name == "tfidf":
            found.append(contenders.tfidf(rows, corpora, store, config))
        elif name == "encoder":
            found.append(contenders.encoder(chosen(rows, config), corpora, store, config, home))
        else:
            found.append(saved(name, trained, corpora, store, home=home))
    return [*found, Length(rows, corpora)]


def chosen(rows: Sequence[Row], config: MatrixConfig) -> list[Row]:
    """The rows that encoders have; ValueError where there is none."""
    some = [row for row in rows if any(fnmatchcase(row.name, p) for p in config.patterns)]
    if not some:
        raise ValueError(
            f"no row is called {config.encoder_rows!r:.80}; there are "
            f"{', '.join(row.name for row in rows)[:300]}"
        )
    return some


def read_with(config: MatrixConfig, corpora: Corpora, store: Store, *, home: Path) -> Readings:
    """Readings by the model that `config` names and the bundled background.

    Without the bundled discriminator: what a row knows is what its texts taught.
    """
    folder = find_model(config.scorer, home=home)
    model = LanguageModel.load(folder, name=config.scorer)
    reader = Reader(model, Background.load(BUNDLED / "detector"))
    key = key_of(model=hash_of(folder), background=hash_of(BUNDLED / "detector"))
    return Readings(reader, corpora, store, key=key, cuts=config.cuts)


def saved(
    name: str, sources: Sequence[str], corpora: Corpora, store: Store, *, home: Path
) -> Saved:
    """A detector that is not trained here; ValueError where `name` is neither one nor a folder."""
    folder = BUNDLED / "detector" if name == BUNDLED_DETECTOR else Path(name)
    if not (folder / "config.json").is_file():
        raise ValueError(
            f"no detector is called {name!r:.80}; use {', '.join(KINDS)}, {BUNDLED_DETECTOR} or "
            "the folder of a saved one"
        )
    detector = open_detector(name, home=home).detector
    shown = name if name == BUNDLED_DETECTOR else folder.resolve().name
    return Saved(
        shown, detector, key=hash_of(folder), sources=sources, corpora=corpora, store=store
    )


def hash_of(folder: Path) -> str:
    """The hash of every file in a model's or detector's folder."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.name != MANIFEST)
    return key_of(files=[[p.name, sha256_of(p)] for p in files])
