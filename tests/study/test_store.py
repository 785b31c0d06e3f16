"""The store of served studies, on SQLite and PostgreSQL: each step once, places balanced."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from hallmark.study import store_tables
from hallmark.study.asking import attention_values, groups_of, is_attention
from hallmark.study.exclusions import include
from hallmark.study.standing import Refusal, Rules
from hallmark.study.store import Store
from hallmark.study.store_reading import answers_of, overview, raters_of


@pytest.fixture
def store(database_address: str, small_study: Any) -> Iterator[Store]:
    store = Store.open(database_address, *small_study, rules=Rules(abandoned=10))
    yield store
    store.close()


def values_of(store: Store, text: str, value: int = 1) -> dict[str, int]:
    """The same value everywhere; what is asked for where it is an attention check."""
    if is_attention(text):
        return attention_values(store.study, text)
    names = [q.name for group in groups_of(store.study, 5) for q in group.questions]
    return dict.fromkeys(names, value)


def start(store: Store, link: str, **given: Any) -> None:
    store.begin(link, **given)
    store.understood(link)
    store.check(link, attempt=1, right=True)


def read(store: Store, link: str, pages: int = 99, value: int = 1) -> None:
    for _ in range(pages):
        standing = store.see(link)
        if standing.step != "reading":
            return
        store.answer(link, standing.position, values_of(store, standing.text, value))


def finish(store: Store, link: str, **given: Any) -> None:
    start(store, link, **given)
    read(store, link)
    store.tell(link, ["30", ""])


def refused(reason: str, call: Any, *given: Any, **named: Any) -> None:
    with pytest.raises(Refusal) as error:
        call(*given, **named)
    assert error.value.reason == reason


def test_the_migrations_make_the_tables(store: Store) -> None:
    with store.database.reading() as connection:
        options = {"version_table": "study_version", "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, store_tables.metadata) == []


def test_a_rater_goes_from_consent_to_the_end(store: Store) -> None:
    store.begin("a")
    assert (store.see("a").step, store.see("a").status) == ("instructions", "active")
    store.understood("a")
    store.check("a", attempt=1, right=True)
    read(store, "a")
    assert (store.see("a").step, store.see("a").position) == ("demographics", 5)
    assert store.see("a").status == "completed"  # what is left is optional
    store.tell("a", ["30", ""])
    done = store.see("a")
    assert (done.step, done.status, len(done.code)) == ("done", "completed", 10)
    answers, raters = answers_of(store), raters_of(store)
    assert len(answers) == 3 * 6  # not those of the attention check
    assert {a.text for a in answers} < {t.id for t in store.plan.texts}
    assert {a.truth for a in answers if a.question == "author"} <= {0.0, 1.0}
    assert all(a.label and a.words > 10 for a in answers)
    assert [(r.status, r.attention_failed, r.simulated) for r in raters] == [
        ("completed", 0, False)
    ]
    assert include(answers, raters)[1].analysed == 1


def test_what_is_sent_again_changes_nothing(store: Store) -> None:
    for _ in range(3):
        store.begin("a")
        store.understood("a")
    store.check("a", attempt=1, right=False)
    store.check("a", attempt=1, right=False)  # a double click is one attempt
    assert (store.see("a").attempts, store.see("a").status) == (1, "active")
    store.check("a", attempt=2, right=True)
    store.check("a", attempt=2, right=False)
    first = store.see("a")
    store.answer("a", 1, values_of(store, first.text, 1))
    store.answer("a", 1, values_of(store, first.text, 2))
    store.understood("a")
    store.check("a", attempt=3, right=False)
    assert (store.see("a").position, store.see("a").status) == (2, "active")
    read(store, "a")
    store.tell("a", ["x", "y"])
    store.tell("a", ["other", "z"])
    store.answer("a", 4, values_of(store, first.text, 2))
    assert {a.value for a in answers_of(store)} == {1}
    assert overview(store).count("completed") == 1


def test_pages_that_were_not_shown_and_links_that_are_none_are_refused(store: Store) -> None:
    start(store, "a")
    refused("forged", store.answer, "a", 1, values_of(store, store.plan.texts[0].id))
    store.see("a")
    refused("forged", store.answer, "a", 2, values_of(store, store.plan.texts[0].id))
    for call in (store.see, store.understood):
        refused("unknown", call, "b")
    refused("unknown", store.answer, "b", 1, {})
    assert answers_of(store) == []


def test_two_failed_comprehension_checks_screen_out_and_free_the_place(store: Store) -> None:
    store.begin("a")
    store.understood("a")
    store.check("a", attempt=1, right=False)
    store.check("a", attempt=2, right=False)
    assert store.see("a").status == "screened out"
    store.begin("b")
    assert store.see("b").texts == store.plan.places[0]


def test_a_platforms_person_takes_part_once(store: Store) -> None:
    store.begin("a", person="5f1")
    store.begin("a", person="5f1")
    refused("again", store.begin, "b", person="5f1")
    store.begin("c", person="5f2")
    assert len(raters_of(store)) == 2


def test_an_abandoned_place_goes_to_the_next_and_who_comes_back_goes_on(store: Store) -> None:
    now = store.clock()
    store.clock = lambda: now
    start(store, "a")
    read(store, "a", pages=1)
    now += 11 * 60
    store.release_abandoned()
    assert overview(store).count("dropped out") == 1
    back = store.see("a")  # the place is still free
    assert (back.status, back.position) == ("active", 2)
    now += 11 * 60
    store.begin("b")
    assert store.see("b").texts == back.texts
    assert store.see("a").status == "dropped out"
    store.answer("a", 2, values_of(store, back.text))
    assert len(answers_of(store)) == 6
    assert {r.status for r in raters_of(store)} == {"dropped out", "active"}


def test_who_fails_an_attention_check_is_replaced(store: Store) -> None:
    start(store, "a")
    for _ in range(4):
        here = store.see("a")
        wanted = values_of(store, here.text)
        store.answer("a", here.position, {**wanted, "author": 1 - wanted["author"]})
    store.tell("a", [])
    assert raters_of(store)[0].attention_failed == 1
    assert overview(store).raters[0].flags[0] == "failed an attention check"
    store.begin("b")
    assert store.see("b").texts == store.see("a").texts


def test_a_study_is_paused_closed_and_full(store: Store) -> None:
    start(store, "a")
    store.set_state("paused")
    refused("paused", store.begin, "b")
    read(store, "a", pages=1)
    store.set_state("closed")
    refused("closed", store.see, "a")
    refused("closed", store.answer, "a", 2, {})
    store.set_state("open")
    for i in range(5):
        start(store, f"r{i}")
    refused("full", store.begin, "z")
    for i in range(6):
        finish(store, f"bot{i}", simulated=True)  # bots take no place of a person
    store.begin("bot6", simulated=True)  # and can always be tried
    found, bots = overview(store), overview(store, simulated=True)
    assert (found.places, found.held, len(found.raters)) == (6, 6, 6)
    assert (bots.held, bots.count("completed"), set(bots.ratings.values())) == (6, 6, {2})
    assert {a.simulated for a in answers_of(store)} == {False, True}
    with pytest.raises(ValueError, match="open, paused or closed"):
        store.set_state("x")


def test_what_was_stored_is_there_when_opened_again(database_address: str, small_study) -> None:
    study, plan = small_study
    first = Store.open(database_address, study, plan)
    finish(first, "a")
    first.set_password("hash")
    before = answers_of(first), raters_of(first), first.see("a").code
    first.close()
    again = Store.open(database_address, study, plan)
    assert (answers_of(again), raters_of(again), again.see("a").code) == before
    assert again.password() == "hash"
    other = Store.open(database_address, study, replace(plan, places=plan.places[:2]))
    assert raters_of(other) == []  # another plan is another study
    refused("unknown", other.see, "a")
    again.close()
    other.close()


def test_forty_raters_at_once_and_each_step_twice(database_address: str, small_study) -> None:
    """Two threads send each rater's steps at once: nothing is lost, doubled, or unbalanced."""
    study, plan = small_study
    plan = replace(plan, places=plan.places * 7)  # 42 places
    store = Store.open(database_address, study, plan)
    wrong: list[BaseException] = []

    def rate(link: str) -> None:
        try:
            finish(store, link)
        except Refusal as error:
            if error.reason != "forged":  # its twin was faster, and the page was not seen yet
                wrong.append(error)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=rate, args=(f"r{i // 2}",)) for i in range(80)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    for i in range(40):
        read(store, f"r{i}")
        store.tell(f"r{i}", [])
    answers = answers_of(store)
    assert len(answers) == 40 * 18
    assert len({(a.rater, a.position, a.question) for a in answers}) == len(answers)
    assert overview(store).count("completed") == 40
    expected = Counter(t for place in plan.places[:40] for t in place if not is_attention(t))
    assert overview(store).ratings == expected
    assert max(expected.values()) - min(expected.values()) <= 1
    store.close()
