"""The dashboard: who may see it, what it shows and saves, and that nobody is named."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest

from hallmark.study.analysis import analyse
from hallmark.study.bots import play
from hallmark.study.exclusions import STILL, include
from hallmark.study.opinions import Habits
from hallmark.study.ratings import read_answers, read_raters
from hallmark.study.store import Store

PASSWORD = "correct horse battery"
CAREFUL = Habits(misreads=0, skims=0, leaves=0)


@pytest.fixture
def signed_in(url: str) -> Any:
    with httpx.Client(base_url=url, timeout=30) as client:
        answer = client.post("/researcher/sign-in", data={"password": PASSWORD})
        assert answer.status_code == 303
        yield client


def test_only_who_signed_in_gets_in(client, store: Store) -> None:
    """Nobody, a rater, a forged and an old session, against every route of the researcher's."""
    store.begin("link")
    for cookie in (None, "link", "eyJ.a.b"):
        client.cookies.clear()
        if cookie:
            client.cookies.set("hallmark-session", cookie)
            client.cookies.set("hallmark-rater", cookie)
        home = client.get("/researcher")
        assert "Researcher, sign in" in home.text
        assert "Progress" not in home.text
        for name in ("answers.csv", "raters.csv", "codebook.md", "x"):
            assert client.get(f"/researcher/tables/{name}").status_code == 401
        for state in ("open", "closed"):
            assert client.post("/researcher/state", data={"state": state}).status_code == 401
    assert store.state() == "open"


def test_signing_in_and_out(client) -> None:
    wrong = client.post("/researcher/sign-in", data={"password": "no"})
    assert (wrong.status_code, "That is not the password" in wrong.text) == (401, True)
    client.post("/researcher/sign-in", data={"password": PASSWORD})
    session = client.cookies["hallmark-session"]
    assert "Progress" in client.get("/researcher").text
    client.post("/researcher/sign-out")
    client.cookies.set("hallmark-session", session)  # a copy of the cookie is worth nothing now
    assert "Progress" not in client.get("/researcher").text
    for _ in range(6):
        last = client.post("/researcher/sign-in", data={"password": "no"})
    assert (last.status_code, "retry-after" in last.headers) == (429, True)
    assert client.post("/researcher/sign-in", data={"password": PASSWORD}).status_code == 429


def test_the_study_is_paused_and_closed(signed_in, store: Store) -> None:
    for state in ("paused", "closed", "open"):
        assert signed_in.post("/researcher/state", data={"state": state}).status_code == 303
        assert store.state() == state
    assert signed_in.post("/researcher/state", data={"state": "gone"}).status_code == 400
    elsewhere = {"sec-fetch-site": "cross-site"}
    answer = signed_in.post("/researcher/state", data={"state": "closed"}, headers=elsewhere)
    assert (answer.status_code, store.state()) == (403, "open")


def test_progress_and_tables(signed_in, url: str, store: Store) -> None:
    store.begin("person", person="PROLIFIC_PID/5f1e9a")
    played = play(url, store.study, store.plan, raters=6, habits=CAREFUL)
    assert {p.status for p in played} == {"completed"}
    people, bots = signed_in.get("/researcher").text, signed_in.get("/researcher?who=bots").text
    assert "These raters are bots" in bots
    assert "These raters are bots" not in people
    assert bots.count("faster than reading") == 6
    assert played[0].code in bots
    made = {n: signed_in.get(f"/researcher/tables/{n}") for n in ("answers.csv", "raters.csv")}
    assert "attachment" in made["answers.csv"].headers["content-disposition"]
    answers = read_answers(made["answers.csv"].content, name="a")
    raters = read_raters(made["raters.csv"].content, name="r")
    assert (len(answers), len(raters)) == (6 * 18, 7)
    whole = "".join(answer.text for answer in made.values())
    for secret in ("5f1e9a", "person", played[0].link.rpartition("/")[2], played[0].code):
        assert secret not in whole
    names = {row["rater"] for row in csv.DictReader(io.StringIO(made["raters.csv"].text))}
    assert len(names) == 7
    with pytest.raises(ValueError, match="nothing to analyse"):
        analyse(answers, raters, study=store.study)  # one person is there, and she has not finished
    dry = analyse(answers, [r for r in raters if r.simulated], study=store.study)
    assert (dry.simulated, dry.headline) == (True, None)
    assert "codebook" in signed_in.get("/researcher/tables/codebook.md").text.lower()
    assert signed_in.get("/researcher/tables/secret").status_code == 404


def test_who_failed_the_attention_check_is_explained_beside_the_tiles(
    signed_in, url: str, store: Store
) -> None:
    """Completed, and yet no place is taken: the page says why."""
    said = "places are free for others"
    assert said not in signed_in.get("/researcher?who=bots").text
    inattentive = Habits(misreads=0, skims=1, leaves=0)
    played = play(url, store.study, store.plan, raters=2, habits=inattentive)
    assert {p.status for p in played} == {"completed"}
    page = " ".join(signed_in.get("/researcher?who=bots").text.split())
    assert "2 <small>of 6</small></strong><span>raters completed" in page
    assert "0 <small>of 6</small></strong><span>places taken" in page
    assert "2 who completed failed an attention check: they are not analysed" in page
    assert said in page


def test_each_tab_says_who_is_in_the_other(signed_in, url: str, store: Store) -> None:
    """A page of zeros must not look like a study without data."""
    said = "Not counted on this page:"
    assert said not in signed_in.get("/researcher").text
    play(url, store.study, store.plan, raters=2, habits=CAREFUL)
    people = " ".join(signed_in.get("/researcher").text.split())
    assert f'{said} 2 bots of a dry run, under <a href="/researcher?who=bots">' in people
    assert "No person has begun yet." in people
    assert said not in signed_in.get("/researcher?who=bots").text
    store.begin("person")
    assert f"{said} 1 person, under" in " ".join(signed_in.get("/researcher?who=bots").text.split())


def test_who_left_is_called_the_same_on_the_dashboard_and_in_the_report(
    signed_in, url: str, store: Store
) -> None:
    leaving = Habits(misreads=0, skims=0, leaves=1)
    played = play(url, store.study, store.plan, raters=2, habits=leaving)
    assert {p.status for p in played} == {"left midway"}
    page = signed_in.get("/researcher?who=bots").text
    assert f'<th scope="row">{STILL}</th><td class="n">2</td>' in page
    answers = read_answers(signed_in.get("/researcher/tables/answers.csv").content, name="a")
    raters = read_raters(signed_in.get("/researcher/tables/raters.csv").content, name="r")
    assert (STILL, 2) in include(answers, raters)[1].steps()
