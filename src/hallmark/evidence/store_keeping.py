"""How long what is kept of people is kept: names, texts and words are erased, numbers stay."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from hallmark.evidence import store_log
from hallmark.evidence import store_tables as t
from hallmark.evidence.cases import DAY
from hallmark.evidence.store import PROGRAM, CaseStore


def erase_old(store: CaseStore) -> list[int]:
    """Erase names, texts and words of cases that nothing happened to for `keep_days`; their
    numbers. An appeal that waits for its answer keeps its case.
    """
    before = store.now() - store.settings.keep_days * DAY
    waiting = select(t.appeals.c.case_id).where(t.appeals.c.answered.is_(None))
    old = (
        select(t.cases.c.id)
        .where(t.cases.c.touched < before, ~t.cases.c.erased, t.cases.c.id.not_in(waiting))
        .order_by(t.cases.c.id)
        .with_for_update()
    )
    now = round(store.now(), 3)
    with store.database.writing() as connection:
        found = list(connection.scalars(old))
        for number in found:
            _erase(connection, number)
        events = [{"what": "erased", "who": PROGRAM, "time": now, "case": n} for n in found]
        store_log.append(connection, *events)
    return found


def _erase(connection: Connection, number: int) -> None:
    connection.execute(
        update(t.cases).where(t.cases.c.id == number).values(name="", texts="[]", erased=True)
    )
    for table in (t.reviews, t.decisions):
        where = table.c.case_id == number
        connection.execute(update(table).where(where).values(reasons=""))
    where = t.appeals.c.case_id == number
    connection.execute(update(t.appeals).where(where).values(statement="", reasons=""))
