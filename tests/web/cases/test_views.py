"""Numbers in words, marks in their places, and what is done every hour."""

from __future__ import annotations

import dataclasses
import math
import threading

import pytest

from hallmark.data import Label
from hallmark.database import Unavailable
from hallmark.evidence.caseload import drafts_of
from hallmark.evidence.cases import Answer, Settings, Text
from hallmark.evidence.people import Gold
from hallmark.evidence.posts import Post
from hallmark.evidence.ratio import NOTHING
from hallmark.evidence.roles import Seen
from hallmark.web.cases.charts import graph, moment, timeline
from hallmark.web.cases.serving import check_reach, tidying
from hallmark.web.cases.views import Knowledge, bar, case_view, errors, percent, signals, times

from .conftest import Running


def test_a_timeline_puts_days_across_and_hours_down() -> None:
    texts = [Text("a", 0.0, "x"), Text("b", 5 * 86400 + 43200.0, "y", 3)]
    found = timeline(texts)
    assert found is not None
    one, two = found.dots
    assert one.x < two.x
    assert one.y < two.y  # midnight above noon
    assert (one.shared, two.shared) == (False, True)
    assert one.title == "1 Jan 1970, 00:00"
    assert found.days[0][1] == "1 Jan 1970"
    assert timeline([]) is None
    alone = timeline(texts[:1])
    assert alone is not None
    assert len(alone.days) == 1
    assert moment(1e99) == "unknown time"


def test_a_graph_joins_accounts_by_the_texts_that_they_share() -> None:
    texts = [Text("a", 0.0, "x", 7), Text("b", 1.0, "x", 7), Text("c", 2.0, "z", 9)]
    found = graph({7: {"B": 3, "C": 1}, 9: {"B": 1}}, texts)
    assert found is not None
    assert [n.label for n in found.accounts] == ["B", "C"]
    assert sorted(e.posts for e in found.edges) == [1, 1, 1, 2, 3]
    assert found.left_out == (0, 0)
    assert graph({}, texts) is None
    many = graph({i: {f"A{i}": 1} for i in range(30)}, texts)
    assert many is not None
    assert many.left_out == (20, 14)
    places = [(n.x, n.y) for n in (*many.clusters, *many.accounts)]
    assert len(set(places)) == len(places)
    assert all(0 < x < 640 and 0 < y < 340 for x, y in places)


def test_numbers_in_words() -> None:
    assert [percent(p) for p in (0.0005, 0.023, 0.5, 0.9999, math.nan)] == [
        "< 0.1 %", "2.3 %", "50 %", "> 99.9 %", "\N{EN DASH}",
    ]  # fmt: skip
    assert times(math.log(20)) == "\N{MULTIPLICATION SIGN} 20"
    assert times(-math.log(2.5)) == "\N{DIVISION SIGN} 2.5"
    assert times(0.0) == "\N{EN DASH}"
    assert bar(-math.log(10)) == {"x": 25.0, "width": 25.0}
    assert bar(99.0) == {"x": 50, "width": 50.0}


def test_error_rates_are_said_with_their_numbers_or_not_at_all(site: Running) -> None:
    case = site.store.case(1)
    nothing = errors(case, Knowledge.of([]))
    assert "of 100 accounts with this evidence about 20 are expected to be human" in nothing[0]
    assert sum("not measured yet" in sentence for sentence in nothing) == 3
    gold = [Gold(Label(i % 2), (Answer.SYNTHETIC if i % 2 or i < 4 else Answer.HUMAN,) * 2, 0.0)
            for i in range(40)]  # fmt: skip
    known = dataclasses.replace(Knowledge.of([]), gold=tuple(gold))
    assert (
        "called 10 % [2.8 %, 30 %] of 20 known human accounts synthetic" in errors(case, known)[1]
    )


def test_a_blind_view_holds_no_weight(site: Running) -> None:
    case = dataclasses.replace(site.store.case(1), reviews=())
    view = case_view(Seen(case, blind=True), Knowledge.of([]), Settings(), 0.0)
    assert not {"posterior", "contributions", "errors"} & set(view)


def test_a_signals_row_agrees_with_its_part(site: Running) -> None:
    evidence = site.store.case(1).evidence
    content, copied = signals(evidence)
    assert (content["part"], copied["part"]) == (times(3.0), times(0.6))
    assert (content["counted"], copied["counted"]) == (True, True)
    capped = dataclasses.replace(evidence, parts={"content": -1.0})
    content, copied = signals(capped)
    assert (content["part"], copied["part"]) == (times(-1.0), "\N{EN DASH}")
    assert not copied["counted"]
    unseen = dataclasses.replace(evidence.signals[1], ratio=NOTHING)
    (row,) = signals(dataclasses.replace(evidence, signals=(unseen,)))
    assert (row["ratio"], row["part"], row["counted"]) == ("not seen", "\N{EN DASH}", False)
    (row,) = signals(
        dataclasses.replace(evidence, signals=(dataclasses.replace(unseen, value=math.nan),))
    )
    assert (row["value"], row["ratio"]) == ("too little to tell", "\N{EN DASH}")


def test_where_nothing_was_weighed_values_are_shown_and_no_finding(site: Running) -> None:
    values = {"copied": 1.0, "linked": 0.25, "rest_hours": None}
    read = {"accounts": [{"account": "eve", "posts": 1, **values}]}
    drafts = drafts_of(read, [Post("1", "eve", 1.7e9, "hello")], key=b"0003" * 8, pseudonyms=True,
                       texts=4)  # fmt: skip
    (number,) = site.store.add(drafts)
    page = " ".join(site.clients["ann"].get(f"/cases/{number}").text.split())
    for told in ("Copied texts", '<td class="n">1</td>', "Shared links", '<td class="n">0.25</td>',
                 "too little to tell", "Nothing was weighed for this account"):  # fmt: skip
        assert told in page
    for claim in ("expected to be human", "1.0 %", "Odds, alone", "not seen"):
        assert claim not in page
    queue = site.clients["ann"].get("/queue").text
    row = queue.partition(f'href="/cases/{number}"')[2].partition("</tr>")[0]
    assert '<td class="n">not weighed</td><td class="n">\N{EN DASH}</td>' in row
    assert "no posterior and no worth of a review" in queue
    record = site.clients["ann"].get(f"/cases/{number}/file.json").json()
    assert record["posterior_with_reviews"] is None
    assert "80 %" in queue  # of what was weighed the posterior stays


def test_what_is_old_is_erased_while_the_service_runs(site: Running) -> None:
    log = [entry.event for entry in site.store.entries()]
    site.store.now = lambda: 1e10
    with tidying(site.store, every=0.01):
        for _ in range(500):
            if site.store.case(1).erased:
                break
            threading.Event().wait(0.02)
    assert site.store.case(1).erased
    assert len(site.store.entries()) == len(log) + 3
    assert "were erased 90 days after" in site.clients["ann"].get("/cases/1").text


@pytest.mark.parametrize("address", ["https://cases.example.org", "http://127.0.0.1:9"])
def test_others_reach_the_pages_through_tls(address: str) -> None:
    check_reach("0.0.0.0", address)
    check_reach("127.0.0.1", "")
    with pytest.raises(ValueError, match="must begin with https://"):
        check_reach("127.0.0.1", "http://cases.example.org")
    with pytest.raises(ValueError, match="put TLS in front"):
        check_reach("0.0.0.0", "")


def test_a_database_that_does_not_answer_is_said_so(site: Running, monkeypatch) -> None:
    def gone() -> None:
        raise Unavailable("the database does not answer: it ended")

    monkeypatch.setattr(site.store.database, "reading", gone)
    monkeypatch.setattr(site.store.database, "writing", gone)
    for answer in (site.clients["ann"].get("/queue"), site.clients["rea"].post("/desk/take")):
        assert answer.status_code == 503
        assert "nothing was stored, so try again" in answer.text
