"""What is erased of old cases, and what stays."""

from __future__ import annotations

import pytest

from hallmark.evidence.cases import DAY, Answer
from hallmark.evidence.store_keeping import erase_old

from .conftest import WORDS


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
