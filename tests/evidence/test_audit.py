"""Every way to tamper with a log is found, and at which entry."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest

from hallmark.evidence.audit import (
    START,
    Broken,
    Entry,
    Head,
    as_json,
    canonical,
    digest,
    entry_after,
    hash_of,
    receipt_of,
    verify,
)

Log = list[Entry]


def make(count: int, *, start: Head = START, word: str = "review") -> Log:
    log, head = [], start
    for i in range(count):
        log.append(entry_after(head, {"what": word, "case": i, "who": "änn"}))
        head = log[-1].head
    return log


def rewritten(log: Log, at: int, word: str) -> Log:
    """All entries from `at` (an index) on made anew, as who can write the store could do."""
    head = log[at - 1].head if at else START
    return log[:at] + make(len(log) - at, start=head, word=word)


def test_a_whole_log_ends_at_its_head() -> None:
    log = make(5)
    assert verify([]) == START
    assert verify(log) == log[-1].head
    assert verify(log, head=log[-1].head, receipts=[START, log[1].head, log[-1].head])
    assert log[0].previous == START.hash
    assert json.loads(log[0].event)["who"] == "änn"


def edited(log: Log) -> Log:
    event = log[2].event.replace("review", "nothing")
    return [*log[:2], dataclasses.replace(log[2], event=event), *log[3:]]


def edited_and_hashed(log: Log) -> Log:
    event = canonical({"what": "other"})
    own = Entry(3, event, log[1].hash, hash_of(3, event, log[1].hash))
    return [*log[:2], own, *log[3:]]


TAMPERING: dict[str, tuple[Callable[[Log], Log], int, str]] = {
    "edited": (edited, 3, "it was edited"),
    "edited, its hash too": (edited_and_hashed, 4, "one of the two was replaced"),
    "deleted": (lambda log: [*log[:2], *log[3:]], 3, "removed or moved"),
    "deleted at the beginning": (lambda log: log[1:], 1, "removed or moved"),
    "deleted and numbered anew": (
        lambda log: [*log[:2], *(dataclasses.replace(e, number=e.number - 1) for e in log[3:])],
        3, "it was edited",
    ),
    "reordered": (lambda log: [log[0], log[2], log[1], *log[3:]], 2, "removed or moved"),
    "repeated": (lambda log: [*log[:3], log[2], *log[3:]], 4, "added or moved"),
    "cut short": (lambda log: log[:4], 5, "cut off"),
    "emptied": (lambda log: [], 1, "cut off"),
    "added to": (lambda log: [*log, *make(1, start=log[-1].head)], 7, "cut off, added"),
    "ended otherwise": (lambda log: rewritten(log, 5, "x"), 6, "cut off, added or edited"),
}  # fmt: skip


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_is_found_where_it_was_done(kind: str) -> None:
    tamper, number, message = TAMPERING[kind]
    log = make(6)
    with pytest.raises(Broken, match=message) as found:
        verify(tamper(log), head=log[-1].head)
    assert found.value.number == number


@pytest.mark.parametrize(("kept", "number"), [(3, 4), (0, 1)])
def test_a_receipt_shows_a_cut_that_the_log_agrees_with(kept: int, number: int) -> None:
    log = make(6)
    short = log[:kept]
    end = short[-1].head if short else START
    assert verify(short, head=end) == end  # who can write the store can write its end too
    with pytest.raises(Broken, match="a receipt shows entry 6; it was cut short") as found:
        verify(short, head=end, receipts=[log[-1].head])
    assert found.value.number == number


def test_a_receipt_shows_a_log_written_anew() -> None:
    log = make(6)
    forged = rewritten(log, 2, "x")
    assert verify(forged, head=forged[-1].head) == forged[-1].head
    with pytest.raises(Broken, match="written anew up to here") as found:
        verify(forged, head=forged[-1].head, receipts=[log[1].head, log[3].head])
    assert found.value.number == 4


CHANGES = {
    "number": (-1, 0, 3, 7),
    "event": ("", "{}", '{"case":1}'),
    "previous": ("", "0" * 64, "f" * 64),
    "hash": ("", "0" * 64, "f" * 64),
}


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("field", CHANGES)
def test_any_change_of_any_field_is_found(at: int, field: str) -> None:
    for new in CHANGES[field]:
        log = make(6)
        if getattr(log[at], field) == new:
            continue
        head = log[-1].head
        log[at] = dataclasses.replace(log[at], **{field: new})
        with pytest.raises(Broken) as found:
            verify(log, head=head)
        assert found.value.number in (at + 1, at + 2)


def test_receipts_are_read_from_case_files_too() -> None:
    head = make(3)[-1].head
    assert receipt_of(as_json(head)) == head
    assert receipt_of({"case": 1, "log": as_json(head)}) == head
    zeros = "0" * 64
    for bad in (None, [], {}, {"number": 1}, {"number": True, "hash": zeros}, {"log": 3},
                {"number": -1, "hash": zeros}, {"number": 1, "hash": "Z" * 64}):  # fmt: skip
        with pytest.raises(ValueError, match="a receipt has a"):
            receipt_of(bad)


def test_a_digest_is_of_the_value() -> None:
    assert digest({"a": 1, "b": "é"}) == digest({"b": "é", "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest(float("nan"))
