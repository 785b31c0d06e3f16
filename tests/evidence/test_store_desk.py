"""Who gets which case, and who may do what with it and when."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from hallmark.data import Label
from hallmark.evidence import store_tables as t
from hallmark.evidence.cases import DAY, Answer, Role, Settings, State
from hallmark.evidence.roles import PERMITTED, Forbidden
from hallmark.evidence.store_desk import OutOfTurn

from .conftest import WORDS, whats


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
