"""Cases in SQLite and PostgreSQL: what is kept, and what comes back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from hallmark.evidence import store_tables as t
from hallmark.evidence.audit import Head
from hallmark.evidence.cases import Role, Settings
from hallmark.evidence.store import open_cases


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
