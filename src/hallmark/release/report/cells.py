"""A cross table as its result file has it: cells by what was trained on and tested on.

Loads nothing of what measured it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MIXED = "mixed"
LENGTH = "length"  # the baseline that sees no text: no claim is about it
Estimate = Mapping[str, Any]


class Cells:
    """The cells of matrix.json."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        columns = [c for c in table["columns"] if c.get("trained", True)]
        self.sizes = tuple(dict.fromkeys(str(c["size"]) for c in columns))
        self.samplings = tuple(dict.fromkeys(str(c["sampling"]) for c in columns))
        self.detectors = tuple(str(d) for d in table["detectors"])
        self.claims: list[dict[str, Any]] = list(table.get("claims", []))
        self._cells = {
            (c["detector"], c["row"], c["column"], c["length"]): c for c in table["cells"]
        }
        self.lengths = tuple(sorted({length for *_, length in self._cells}))

    @property
    def length(self) -> int:
        """The table's own length in tokens."""
        return int(self.lengths[-1])

    @property
    def compared(self) -> tuple[str, ...]:
        """The detectors, the baseline of length left out."""
        return tuple(name for name in self.detectors if name != LENGTH)

    def get(
        self, detector: str, row: str, column: str, length: int | None = None
    ) -> Mapping[str, Any] | None:
        """One cell, at the table's length where none is given."""
        found: Mapping[str, Any] | None = self._cells.get(
            (detector, row, column, length or self.length)
        )
        return found

    def accuracy(self, detector: str, row: str, column: str) -> float:
        """In per cent; NaN where there is no such cell."""
        cell = self.get(detector, row, column)
        return 100 * float(cell["accuracy"]["value"]) if cell else float("nan")

    def own(
        self, detector: str, size: str, sampling: str, length: int | None = None
    ) -> Mapping[str, Any] | None:
        """The cell of a corpus under its own detector; a saved one's as it is."""
        name = f"{size} {sampling}"
        return self.get(detector, name, name, length) or self.get(
            detector, "as it is", name, length
        )

    def verdicts(self, claim: str) -> list[tuple[str, str, Mapping[str, Any]]]:
        """(detector, what the interval allows to say, the comparison) of each; no baseline's."""
        return [
            (c["detector"], c["verdict"], c)
            for c in self.claims
            if c["claim"] == claim and c["detector"] != LENGTH
        ]
