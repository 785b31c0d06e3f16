"""The tables of a served study: no name, no platform's id, no address, no free words in them."""

from __future__ import annotations

from pathlib import Path

from hallmark.data import write_atomically
from hallmark.study.definition import RATING
from hallmark.study.ratings import Answer, Rater, to_csv
from hallmark.study.report import codebook
from hallmark.study.store_reading import answers_of, raters_of
from hallmark.study.store_study import StudyRow

ABOUT = (
    "Names of raters were made up when they began. Rows with simulated = 1 are bots': they say "
    "nothing about people, and `hallmark study analyse` takes them out where there is a person."
)


def tables(store: StudyRow) -> dict[str, bytes]:
    """Files by name, as `hallmark study analyse` reads them."""
    scales = [s for s in store.study.scales if s.kind == RATING]
    return {
        "answers.csv": to_csv(answers_of(store), Answer),
        "raters.csv": to_csv(raters_of(store), Rater),
        "codebook.md": codebook(scales, ABOUT).encode(),
    }


def export(store: StudyRow, folder: Path) -> dict[str, int]:
    """Write them to a folder; how many lines each has."""
    folder.mkdir(parents=True, exist_ok=True)
    made = tables(store)
    for name, data in made.items():
        with write_atomically(folder / name) as file:
            file.write(data)
    return {name: data.count(b"\n") for name, data in made.items()}
