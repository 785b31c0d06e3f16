"""What was written over in a database is found, by the log and by a receipt."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from hallmark.evidence import store_tables as t
from hallmark.evidence.audit import Broken
from hallmark.evidence.cases import Answer, Role
from hallmark.evidence.store import open_cases
from hallmark.evidence.store_desk import Desk
from hallmark.evidence.store_log import Changed

from .conftest import WORDS, draft


def run(store, *statements) -> None:
    with store.database.writing() as connection:
        for statement in statements:
            connection.execute(statement)


LAST = select(t.log.c.number).order_by(t.log.c.number.desc()).limit(1).scalar_subquery()
TAMPERING = {
    "an entry edited": (
        lambda: [update(t.log).where(t.log.c.number == 5).values(event='{"what":"nothing"}')],
        Broken, 5,
    ),
    "an entry deleted": (lambda: [delete(t.log).where(t.log.c.number == 5)], Broken, 5),
    "the last entry deleted": (lambda: [delete(t.log).where(t.log.c.number == LAST)], Broken, 14),
    "all entries deleted": (lambda: [delete(t.log)], Broken, 1),
    "two entries changed over": (
        lambda: [
            update(t.log).where(t.log.c.number == a).values(number=b)
            for a, b in ((5, 105), (6, 5), (105, 6))
        ],
        Broken, 5,
    ),
    "the end edited": (lambda: [update(t.head).values(hash="f" * 64)], Broken, 14),
    "a review edited": (
        lambda: [update(t.reviews).where(t.reviews.c.slot == 1).values(answer="human")],
        Changed, 9,
    ),
    "its reasons edited": (
        lambda: [update(t.reviews).where(t.reviews.c.slot == 2).values(reasons=WORDS * 2)],
        Changed, 11,
    ),
    "a review deleted": (
        lambda: [delete(t.reviews).where(t.reviews.c.slot == 2)], Changed, 11,
    ),
    "a review added": (
        lambda: [
            insert(t.reviews).values(case_id=1, slot=3, reviewer="ray", given=1, answered=2,
                                     answer="human", reasons=WORDS)
        ], Changed, 0,
    ),
    "a finding edited": (lambda: [update(t.decisions).values(finding="human")], Changed, 12),
    "a decision deleted": (
        lambda: [delete(t.appeals), delete(t.decisions)], Changed, 12,
    ),
    "an appeal edited": (lambda: [update(t.appeals).values(statement="I did it.")], Changed, 13),
    "texts edited": (lambda: [update(t.cases).values(texts="[]")], Changed, 7),
    "evidence edited": (
        lambda: [update(t.cases).values(evidence=t.cases.c.evidence + " ")], Changed, 7,
    ),
    "a label added": (lambda: [update(t.cases).values(gold=0)], Changed, 7),
    "a role changed": (
        lambda: [update(t.users).where(t.users.c.name == "rea").values(role="analyst")],
        Changed, 3,
    ),
    "a person added": (
        lambda: [insert(t.users).values(name="eve", role="analyst", hash="x")], Changed, 0,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a case that was appealed and exported: 14 entries."""
    path = tmp_path_factory.mktemp("finished") / "cases.db"
    store = open_cases(path)
    desk = Desk(store)
    people = {
        name: store.set_user(name, role, "h") and store.person(name)
        for name, role in (("ann", Role.ANALYST), ("abe", Role.ANALYST), ("rea", Role.REVIEWER),
                           ("rob", Role.REVIEWER), ("ray", Role.REVIEWER), ("odo", Role.AUDITOR))
    }  # fmt: skip
    store.add([draft("mallory", 0.6)])
    for name in ("rea", "rob"):
        desk.review(people[name], desk.take(people[name]) or 0, Answer.SYNTHETIC, WORDS)
    desk.appeal(desk.decide(people["ann"], 1, Answer.SYNTHETIC, WORDS), "It was me, I say.")
    desk.exported(people["odo"], 1, "json")
    store.close()
    return path


def test_a_review_is_named_by_its_place(tmp_path: Path, finished: Path) -> None:
    store = open_cases(shutil.copy(finished, tmp_path / "cases.db"))
    run(store, *TAMPERING["its reasons edited"][0]())
    with pytest.raises(Changed, match="the reasons of the review of case 1, second is not what"):
        store.verify()
    store.close()


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_with_the_database_is_found(tmp_path: Path, finished: Path, kind: str) -> None:
    store = open_cases(shutil.copy(finished, tmp_path / "cases.db"))
    assert store.verify().number == 14
    statements, error, number = TAMPERING[kind]
    run(store, *statements())
    with pytest.raises(error) as found:
        store.verify()
    assert found.value.number == number
    store.close()


def test_a_receipt_shows_a_database_that_was_put_back(
    database_address, store, desk, staff, reviewed
) -> None:
    desk.decide(staff["ann"], reviewed, Answer.SYNTHETIC, WORDS)
    receipt = store.head()
    before = store.entries()[-2]
    run(
        store,
        delete(t.decisions),
        delete(t.log).where(t.log.c.number == receipt.number),
        update(t.head).values(number=before.number, hash=before.hash),
    )
    assert store.verify() == before.head  # nothing inside shows it
    with pytest.raises(Broken, match=f"a receipt shows entry {receipt.number}; it was cut short"):
        store.verify(receipts=[receipt])
