"""Who holds which place of the plan: each place one rater at most, the lowest free one first.

Bots hold places of their own, so that a dry run takes none from people.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, insert, select, update

from hallmark.study.store_tables import place

_ROWS = 10_000  # made by one statement


class Group(NamedTuple):
    """The places of one study, for people or for bots."""

    study: int
    simulated: bool

    @property
    def where(self) -> ColumnElement[bool]:
        """Which rows these are."""
        return (place.c.study_id == self.study) & (place.c.simulated == self.simulated)


def make(connection: Connection, study: int, number: int) -> None:
    """So many places, for people and as many for bots."""
    rows = [
        {"study_id": study, "simulated": simulated, "number": i}
        for simulated in (False, True)
        for i in range(number)
    ]
    for start in range(0, len(rows), _ROWS):
        connection.execute(insert(place), rows[start : start + _ROWS])


def lowest_free(connection: Connection, group: Group) -> int | None:
    """The lowest number that nobody holds: so texts of the places given stay balanced."""
    free = select(place.c.number).where(group.where, place.c.rater_id.is_(None))
    found = connection.execute(
        free.order_by(place.c.number).limit(1).with_for_update(skip_locked=True, key_share=True)
    ).scalar()
    return None if found is None else int(found)


def hold(connection: Connection, group: Group, number: int, rater: int) -> bool:
    """Give a place to a rater; False where somebody holds it."""
    taken = connection.execute(
        update(place)
        .where(group.where, place.c.number == number, place.c.rater_id.is_(None))
        .values(rater_id=rater)
        .returning(place.c.number)
    )
    return bool(taken.all())


def leave(connection: Connection, raters: Sequence[int]) -> None:
    """Free the places of these raters."""
    connection.execute(update(place).where(place.c.rater_id.in_(raters)).values(rater_id=None))
