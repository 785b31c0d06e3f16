"""Cases in SQLite and PostgreSQL: who gets which, who may do what and when, what is kept."""

from __future__ import annotations

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import delete, insert, select, update

from hallmark.data import Label
from hallmark.evidence import store_tables as t
from hallmark.evidence.audit import Broken, Head
from hallmark.evidence.cases import DAY, Answer, Role, Settings, State
from hallmark.evidence.roles import PERMITTED, Forbidden
from hallmark.evidence.store import open_cases
from hallmark.evidence.store_desk import Desk, OutOfTurn
from hallmark.evidence.store_keeping import erase_old
from hallmark.evidence.store_log import Changed

from .conftest import WORDS, draft


def whats(store) -> list[str]:
    return [json.loads(entry.event)["what"] for entry in store.entries()]


def test_the_tables_are_those_of_the_migrations(store) -> None:
    with store.database.reading() as connection:
        context = MigrationContext.configure(connection)
        found = compare_metadata(context, t.metadata)
    assert [d for d in found if "cases_version" not in str(d)] == []


def test_what_is_stored_comes_back_after_a_restart(database_address, store, make_draft) -> None:
    wanted = make_draft("éve", 0.3)
    (number,) = store.add([wanted, wanted])
    assert store.add([wanted]) == []  # an account has one case
    again = open_cases(database_address)
    case = again.case(number)
    assert (case.name, case.pseudonym, case.evidence) == ("éve", wanted.pseudonym, wanted.evidence)
    assert (case.texts, case.needed, case.gold) == (wanted.texts, 2, None)
    assert again.key == store.key
    assert again.verify() == store.head() == Head(1, again.entries()[0].hash)
    again.close()
    with pytest.raises(ValueError, match="there is no case 99"):
        store.case(99)


def test_a_number_tells_nothing_of_the_rank(store, make_draft) -> None:
    ranked = [make_draft(f"n{i:02}", 0.99 - i / 50) for i in range(40)]
    store.add(ranked)
    store.add([make_draft(f"later{i}", 0.5) for i in range(3)])
    numbers = [case.id for case in sorted(store.cases(), key=lambda c: c.name) if case.id <= 40]
    assert sorted(numbers) == list(range(1, 41))
    found = np.corrcoef(numbers, range(40))[0, 1]
    assert abs(found) < 0.4
    byname = {case.name: case.id for case in store.cases()}
    own = sorted(ranked, key=lambda d: d.pseudonym)
    assert [byname[d.account] for d in own] == list(range(1, 41))
    logged = [json.loads(entry.event)["case"] for entry in store.entries()]
    assert logged == list(range(1, 44))
    store.verify()


def test_the_most_worth_reviewing_comes_first_and_each_reviewer_gets_another(
    store, desk, staff, make_draft
) -> None:
    store.add([make_draft(f"a{i}", p) for i, p in enumerate((0.02, 0.9, 0.4, 0.5))])
    order = [case.id for case in store.cases()]
    assert order == [2, 4, 3, 1]
    assert desk.take(staff["rea"]) == 2
    assert desk.take(staff["rea"]) == 2  # until it is answered
    assert desk.take(staff["rob"]) == 2  # the second of two
    assert desk.take(staff["ray"]) == 4
    desk.review(staff["rea"], 2, Answer.HUMAN, WORDS)
    assert desk.take(staff["rea"]) == 4  # never the same case again
    desk.give_back(staff["rea"], 4)
    assert desk.held_by(staff["rea"]) is None
    with pytest.raises(OutOfTurn, match="case 4 is not with rea"):
        desk.give_back(staff["rea"], 4)
    with pytest.raises(OutOfTurn, match="has their answer"):
        desk.review(staff["rea"], 2, Answer.SYNTHETIC, WORDS)
    with pytest.raises(OutOfTurn, match="case 3 is not with rea"):
        desk.review(staff["rea"], 3, Answer.SYNTHETIC, WORDS)
    assert desk.reviewed_by(staff["rea"]) == [2]
    store.verify()


def test_a_case_kept_too_long_goes_to_somebody_else(store, desk, staff, clock, make_draft) -> None:
    store.change_settings(Settings(double=0.0))
    store.add([make_draft("a", 0.9)])
    assert desk.take(staff["rea"]) == 1
    assert desk.take(staff["rob"]) is None
    clock.time += 25 * 3600
    assert desk.take(staff["rob"]) == 1
    with pytest.raises(OutOfTurn):
        desk.review(staff["rea"], 1, Answer.HUMAN, WORDS)
    assert "taken back" in whats(store)


def test_a_case_goes_from_queue_to_appeal(store, desk, staff, clock, reviewed) -> None:
    number, settings = reviewed, store.settings
    assert store.case(number).state(clock(), settings) is State.REVIEWED
    link = desk.decide(staff["ann"], number, Answer.SYNTHETIC, WORDS)
    assert len(link) >= 43
    with pytest.raises(OutOfTurn, match="may be appealed; it cannot be decided now"):
        desk.decide(staff["abe"], number, Answer.HUMAN, WORDS)
    with pytest.raises(ValueError, match="leads to no decision"):
        desk.decided(link[:-1])
    assert desk.decided(link).id == number
    fresh = desk.new_link(staff["abe"], number)
    with pytest.raises(ValueError, match="leads to no decision"):
        desk.appeal(link, "I wrote every word of it.")
    desk.appeal(fresh, "  I wrote every word of it. ")
    with pytest.raises(OutOfTurn, match="appealed before"):
        desk.appeal(fresh, "And I say so again.")
    with pytest.raises(Forbidden, match="another analyst than who decided"):
        desk.answer_appeal(staff["ann"], number, Answer.HUMAN, WORDS)
    desk.answer_appeal(staff["abe"], number, Answer.HUMAN, WORDS)
    with pytest.raises(OutOfTurn, match="no appeal waits"):
        desk.answer_appeal(staff["abe"], number, Answer.HUMAN, WORDS)
    case = store.case(number)
    assert case.outcome is Answer.HUMAN
    assert case.decision.finding is Answer.SYNTHETIC
    assert case.appeal.statement == "I wrote every word of it."
    assert case.state(clock(), settings) is State.CLOSED
    assert whats(store)[-4:] == ["decided", "link made", "appealed", "answered"]
    store.verify()


def test_who_reviewed_a_case_never_decides_it_whatever_their_role_is_now(
    store, desk, staff, reviewed
) -> None:
    store.set_user("rea", Role.ANALYST, "a hash")
    rea = store.person("rea")
    before = store.head()
    with pytest.raises(Forbidden, match=f"rea reviewed case {reviewed}; somebody else decides"):
        desk.decide(rea, reviewed, Answer.SYNTHETIC, WORDS)
    assert store.head() == before
    link = desk.decide(staff["ann"], reviewed, Answer.SYNTHETIC, WORDS)
    desk.appeal(link, "I wrote every word of it.")
    before = store.head()
    with pytest.raises(Forbidden, match=f"rea reviewed case {reviewed}; somebody else answers"):
        desk.answer_appeal(rea, reviewed, Answer.HUMAN, WORDS)
    assert store.head() == before
    desk.answer_appeal(staff["abe"], reviewed, Answer.HUMAN, WORDS)
    store.verify()


def test_an_appeal_comes_in_time_or_not_at_all(store, desk, staff, clock, reviewed) -> None:
    link = desk.decide(staff["ann"], reviewed, Answer.SYNTHETIC, WORDS)
    clock.time += 30 * DAY + 1
    assert store.case(reviewed).state(clock(), store.settings) is State.CLOSED
    with pytest.raises(OutOfTurn, match="the time for it is over"):
        desk.appeal(link, "I wrote every word of it.")


def test_no_decision_before_both_reviews(store, desk, staff, make_draft) -> None:
    store.add([make_draft("a", 0.9), make_draft("b", 0.8, gold=Label.HUMAN)])
    desk.take(staff["rea"])
    desk.review(staff["rea"], 1, Answer.SYNTHETIC, WORDS)
    with pytest.raises(OutOfTurn, match="waits for reviews; it cannot be decided"):
        desk.decide(staff["ann"], 1, Answer.SYNTHETIC, WORDS)
    for name in ("rea", "rob", "rob"):
        desk.review(staff[name], desk.take(staff[name]), Answer.HUMAN, WORDS)
    with pytest.raises(OutOfTurn, match="known beforehand"):
        desk.decide(staff["ann"], 2, Answer.HUMAN, WORDS)


@pytest.mark.parametrize("words", ["", "   too few ", "x" * 5001])
def test_everybody_gives_reasons(store, desk, staff, reviewed, words: str) -> None:
    acts = [
        lambda: desk.review(staff["ray"], reviewed, Answer.HUMAN, words),
        lambda: desk.decide(staff["ann"], reviewed, Answer.HUMAN, words),
        lambda: desk.name_of(staff["ann"], reviewed, words),
        lambda: desk.appeal("x", words),
    ]
    for act in acts:
        with pytest.raises(ValueError, match="from 10 to 5000 characters"):
            act()


ACTS = {
    "take a case to review": lambda desk, who, n: desk.take(who),
    "give a case back": lambda desk, who, n: desk.give_back(who, n),
    "review": lambda desk, who, n: desk.review(who, n, Answer.HUMAN, WORDS),
    "decide": lambda desk, who, n: desk.decide(who, n, Answer.HUMAN, WORDS),
    "make an appeal's link": lambda desk, who, n: desk.new_link(who, n),
    "answer an appeal": lambda desk, who, n: desk.answer_appeal(who, n, Answer.HUMAN, WORDS),
    "see an account's name": lambda desk, who, n: desk.name_of(who, n, WORDS),
    "export a case file": lambda desk, who, n: desk.exported(who, n, "json"),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_a_role_does_not_allow_changes_nothing(store, desk, staff, reviewed, act) -> None:
    before = store.head()
    for name in ("ann", "rea", "odo"):
        if staff[name].role not in PERMITTED[act]:
            with pytest.raises(Forbidden, match=f"to {act} is for an? "):
                ACTS[act](desk, staff[name], reviewed)
    assert store.head() == before


def test_the_second_reviewer_sees_neither_the_first_nor_what_was_weighed(
    store, desk, staff, make_draft
) -> None:
    (number,) = store.add([make_draft("mallory", 0.6, gold=Label.HUMAN)])
    desk.take(staff["rea"])
    desk.take(staff["rob"])
    desk.review(staff["rea"], number, Answer.SYNTHETIC, WORDS)
    blind = desk.see(staff["rob"], number)
    assert blind.blind
    assert (blind.case.reviews, blind.case.name, blind.case.gold) == ((), "", None)
    assert blind.case.evidence.parts == {}
    assert [s.name for s in blind.case.evidence.signals] == ["copied"]
    assert {s.ratio.log for s in blind.case.evidence.signals} == {0.0}
    assert "mallory" not in str(blind)
    assert str(0.6) not in str(blind.case.evidence)
    own = desk.see(staff["rea"], number)
    assert not own.blind
    assert [r.reviewer for r in own.case.reviews] == ["rea"]
    assert desk.see(staff["ann"], number).case.reviews == ()  # nothing to hint at
    assert len(desk.see(staff["odo"], number).case.reviews) == 1
    desk.review(staff["rob"], number, Answer.HUMAN, WORDS)
    assert [r.reviewer for r in desk.see(staff["rob"], number).case.reviews] == ["", "rob"]
    assert len(desk.see(staff["ann"], number).case.reviews) == 2
    assert desk.see(staff["rob"], number).case.gold is None
    with pytest.raises(Forbidden, match="the cases that they were given"):
        desk.see(staff["ray"], number)


def test_names_are_shown_to_analysts_who_say_why(store, desk, staff, reviewed) -> None:
    for name in ("ann", "odo", "rea"):
        assert "mallory" not in str(desk.see(staff[name], reviewed))
    assert desk.name_of(staff["ann"], reviewed, "The platform asks for it.") == "mallory"
    last = json.loads(store.entries()[-1].event)
    assert (last["what"], last["who"], last["why"]) == (
        "name shown", "ann", "The platform asks for it.",
    )  # fmt: skip
    assert "mallory" not in "".join(entry.event for entry in store.entries())


def test_what_is_old_is_erased_but_numbers_and_log_stay(
    store, desk, staff, clock, reviewed, make_draft
) -> None:
    link = desk.decide(staff["ann"], reviewed, Answer.SYNTHETIC, WORDS)
    clock.time += 89 * DAY
    (other,) = store.add([make_draft("other", 0.9)])
    assert erase_old(store) == []
    clock.time += 2 * DAY
    assert erase_old(store) == [reviewed]
    case = store.case(reviewed)
    assert (case.erased, case.name, case.texts) == (True, "", ())
    assert [r.reasons for r in case.reviews] == ["", ""]
    assert case.decision.reasons == ""
    assert [r.answer for r in case.reviews] == [Answer.SYNTHETIC, Answer.UNSURE]
    with pytest.raises(ValueError, match="leads to no decision"):
        desk.decided(link)
    assert store.case(other).name == "other"
    assert erase_old(store) == []
    store.verify()


def test_an_open_appeal_keeps_its_case(store, desk, staff, clock, reviewed) -> None:
    desk.appeal(desk.decide(staff["ann"], reviewed, Answer.SYNTHETIC, WORDS), "It was me, I say.")
    clock.time += 400 * DAY
    assert erase_old(store) == []
    desk.answer_appeal(staff["abe"], reviewed, Answer.HUMAN, WORDS)
    clock.time += 91 * DAY
    assert erase_old(store) == [reviewed]
    store.verify()


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


def test_settings_are_kept_and_make_sense(database_address, store) -> None:
    assert store.settings == Settings()
    assert Settings().pseudonyms
    store.change_settings(Settings(keep_days=40, wrong=9.0))
    again = open_cases(database_address)
    assert again.settings == Settings(keep_days=40, wrong=9.0)
    again.close()
    for wrong in ({"keep_days": 0}, {"keep_days": 10}, {"double": 2}, {"missed": 0}, {"texts": 0}):
        with pytest.raises(ValueError, match="must"):
            Settings(**wrong)
    store.verify()


def test_people_come_change_and_go(store, staff) -> None:
    assert store.hash_of("ann") == "a hash"
    assert store.hash_of("nobody") is None
    assert not store.set_user("ann", Role.AUDITOR, "other")
    assert store.person("ann").role is Role.AUDITOR
    store.remove_user("ann")
    assert store.hash_of("ann") is None
    assert {p.name: active for p, active in store.people()}["ann"] is False
    for bad in ("", " x", "y" * 41, "hallmark"):
        with pytest.raises(ValueError, match="no name that can be used"):
            store.set_user(bad, Role.ANALYST, "h")
    for act in (store.remove_user, store.person):
        with pytest.raises(ValueError, match="nobody called 'zoe'"):
            act("zoe")
    store.verify()


def test_many_reviewers_at_once_get_each_case_twice_at_most(store, desk, make_draft) -> None:
    names = [f"r{i}" for i in range(12)]
    people = []
    for name in names:
        store.set_user(name, Role.REVIEWER, "h")
        people.append(store.person(name))
    store.change_settings(Settings(double=0.5))
    store.add([make_draft(f"a{i}", 0.3 + i / 100) for i in range(15)])
    start = threading.Barrier(len(names))

    def work(person) -> list[int]:
        start.wait()
        done = []
        while (number := desk.take(person)) is not None:
            desk.review(person, number, Answer.UNSURE, WORDS)
            done.append(number)
        return done

    with ThreadPoolExecutor(len(names)) as pool:
        found = list(pool.map(work, people))
    assert all(len(own) == len(set(own)) for own in found)
    given = [number for own in found for number in own]
    cases = store.cases()
    assert {case.needed for case in cases} == {1, 2}
    assert sorted(given) == sorted(case.id for case in cases for _ in range(case.needed))
    assert all(case.complete for case in cases)
    store.verify()


def test_one_reviewer_in_many_windows_holds_one_case(store, desk, make_draft) -> None:
    store.set_user("rea", Role.REVIEWER, "h")
    person = store.person("rea")
    store.add([make_draft(f"a{i}", 0.5) for i in range(8)])
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: desk.take(person), range(8)))
    assert len(found) == 1
    with store.database.reading() as connection:
        assert len(connection.execute(select(t.reviews)).all()) == 1


def test_gold_cases_are_met_like_others(store, desk, make_draft) -> None:
    drafts = [make_draft(f"a{i}", 0.5 + i / 100) for i in range(5)]
    store.add([*drafts, make_draft("known", 0.001, gold=Label.SYNTHETIC)])
    (gold,) = (case for case in store.cases() if case.gold is not None)
    assert gold.value in {case.value for case in store.cases() if case.gold is None}
    assert gold.value > 0


def test_a_database_of_something_else_is_told(tmp_path) -> None:
    (tmp_path / "x.db").write_text("no database at all, but text that is long enough" * 30)
    with pytest.raises(ValueError, match=r"x\.db cannot be used as a database"):
        open_cases(tmp_path / "x.db")


def test_a_store_is_made_only_where_that_is_asked_for(database_address) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match=r"there are no cases in .*; give the --database that"):
            open_cases(database_address, make=False)
    open_cases(database_address).close()
    open_cases(database_address, make=False).close()
