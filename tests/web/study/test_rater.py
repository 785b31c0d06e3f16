"""A rater's pages over HTTP: the way through, sent again, forged, from platforms."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from hallmark.database import Unavailable
from hallmark.study.asking import attention_text, attention_values, groups_of
from hallmark.study.html_forms import Page, read_page
from hallmark.study.store import Store
from hallmark.study.store_reading import answers_of, answers_under, overview, raters_of
from hallmark.study.texts import sentences

VALUES = {
    "credibility.believable": "7", "credibility.accurate": "6", "credibility.clear": "10",
    "author": "1", "overall": "3", "where": "2",
}  # fmt: skip


def fill(store: Store, page: Page, values: dict[str, str] = VALUES) -> dict[str, str]:
    """What a careful rater sends."""
    assert page.form is not None
    if page.form.action.endswith("/check"):
        return {f"check-{i}": c.answer for i, c in enumerate(store.study.checks)}
    if page.form.action.endswith("/answer"):
        if page.text == attention_text(store.study, "attention-1"):
            wanted = attention_values(store.study, "attention-1")
            return {name: str(value) for name, value in wanted.items()}
        return values
    return {"about-0": "34"} if page.form.action.endswith("/about") else {}


def step(client: httpx.Client, page: Page, values: dict[str, str]) -> Page:
    assert page.form is not None
    sent = {**page.form.hidden, **values}
    answer = client.post(page.form.action, data=sent, follow_redirects=True)
    return read_page(answer.text)


def begin(client: httpx.Client, path: str = "/") -> Page:
    """At the instructions."""
    return step(client, read_page(client.get(path, follow_redirects=True).text), {})


def reading(client: httpx.Client, store: Store, path: str = "/") -> Page:
    """At the first text."""
    page = begin(client, path)
    for _ in range(2):
        page = step(client, page, fill(store, page))
    return page


def link_of(page: Page) -> str:
    assert page.form is not None
    return page.form.action.split("/")[2]


def test_a_rater_goes_from_consent_to_the_code(client, store: Store) -> None:
    page = read_page(client.get("/").text)
    assert raters_of(store) == []  # nothing is stored before consent
    seen = []
    while page.form is not None:
        seen.append(page.form.action.rpartition("/")[2])
        page = step(client, page, fill(store, page))
    assert seen == ["begin", "instructions", "check", *["answer"] * 4, "about"]
    assert re.fullmatch("[0-9A-F]{10}", page.code)
    assert overview(store).raters[0].code == page.code
    assert len(answers_of(store)) == 18
    assert {a.value for a in answers_of(store) if a.question == "overall"} == {3.0}
    (rater,) = raters_of(store)
    assert (rater.status, rater.attention_failed, rater.simulated) == ("completed", 0, False)


def test_sending_again_changes_nothing(client, store: Store) -> None:
    consent = read_page(client.get("/").text)
    first, second = (step(client, consent, {}) for _ in range(2))
    assert link_of(first) == link_of(second)  # a double click on the consent is one rater
    assert len(raters_of(store)) == 1
    wrong = step(client, first, {})
    wrong_answers = {"check-0": "How long it is", "check-1": "No"}
    for _ in range(3):
        again = step(client, wrong, wrong_answers)
    assert again.form.hidden["attempt"] == "2"
    page = step(client, again, fill(store, again))
    old = page
    page = step(client, page, VALUES)
    for _ in range(2):  # the back button, and another opinion
        page = step(client, old, {**VALUES, "overall": "1"})
    assert page.form.hidden["page"] == "2"
    link = link_of(page)
    assert answers_under(store, link) == {1: {k: int(v) for k, v in VALUES.items()}}
    assert read_page(client.get("/", follow_redirects=True).text).form.hidden["page"] == "2"
    assert read_page(client.get(f"/r/{link}/answer", follow_redirects=True).text).form is not None
    fresh = httpx.Client(base_url=client.base_url)  # another device, by the link alone
    assert read_page(fresh.get(f"/r/{link}").text).form.hidden["page"] == "2"
    fresh.close()


def test_an_open_question_is_asked_again_and_what_was_given_is_kept(client, store) -> None:
    page = reading(client, store)
    given = {k: v for k, v in VALUES.items() if k != "credibility.clear"}
    answer = client.post(page.form.action, data={**page.form.hidden, **given})
    assert (answer.status_code, answer.text.count(" checked")) == (422, 5)
    assert 'class="item open"' in answer.text
    assert answers_under(store, link_of(page)) == {}


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"page": "2"}, 409), ({"page": "999"}, 409), ({"page": "-1"}, 400), ({"page": "x"}, 400),
        ({"page": ""}, 400), ({"overall": "8"}, 422), ({"overall": "0"}, 422),
        ({"author": "2"}, 422), ({"where": "99"}, 422), ({"overall": "3.0"}, 422),
        ({"overall": "\u0663"}, 422), ({"overall": "3\0"}, 400), ({"page": "1" * 50}, 400),
    ],
)  # fmt: skip
def test_forged_answers_are_refused(client, store: Store, values, status) -> None:
    page = reading(client, store)
    answer = client.post(page.form.action, data={**page.form.hidden, **VALUES, **values})
    assert answer.status_code == status
    assert answers_under(store, link_of(page)) == {}
    assert answer.headers["content-type"].startswith("text/html")


def test_links_and_tickets_cannot_be_made_up(client, store: Store) -> None:
    for path in ("/r/abc", "/r/" + "a" * 40, "/r/%00", "/r/%ff%fe", "/nothing"):
        assert client.get(path).status_code == 404, path
        assert client.post(f"{path}/instructions").status_code == 404
    for ticket in ("", "a.b.c", "é", None):
        data = {} if ticket is None else {"ticket": ticket}
        assert client.post("/begin", data=data).status_code == 403
    assert raters_of(store) == []


def test_other_sites_cannot_send_forms(client, store: Store) -> None:
    page = reading(client, store)
    for headers in (
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"}, {"origin": "null"},
    ):  # fmt: skip
        data = {**page.form.hidden, **VALUES}
        assert client.post(page.form.action, data=data, headers=headers).status_code == 403
    assert client.get("/", headers={"host": "evil.example"}).status_code == 403
    assert answers_under(store, link_of(page)) == {}


def test_a_page_says_nothing_of_conditions_or_of_others(client, store: Store) -> None:
    """Pages of texts of all conditions are the same but for the text and the page's number."""
    page = reading(client, store)
    pages, said = set(), ""
    for _ in range(4):
        answer = client.get(f"/r/{link_of(page)}")
        said += answer.text + str(answer.headers)
        if not page.text.startswith("This page is not like"):
            text = re.sub(r"Story \d-\d is", "Story", answer.text)
            pages.add(re.sub(r'Page \d|value="\d" (?=aria)|name="page" value="\d"', "", text)
                      .replace("Finish reading", "Next page"))  # fmt: skip
        page = step(client, page, fill(store, page))
    assert len(pages) == 1
    for word in ("people.jsonl", "condition", *(t.id for t in store.plan.texts)):
        assert word not in said
    assert raters_of(store)[0].rater not in said
    assert "<b>told</b>" not in said
    assert "&lt;b&gt;told&lt;/b&gt; &amp; read." in said
    assert said.count("no-store") == 4


def test_headers_allow_forms_to_this_site_alone(client) -> None:
    headers = client.get("/").headers
    policy = headers["content-security-policy"]
    assert "form-action 'self'" in policy
    assert "script-src 'self'" in policy
    assert (headers["referrer-policy"], headers["x-frame-options"]) == ("same-origin", "DENY")
    begun = client.post("/begin", data=read_page(client.get("/").text).form.hidden)
    cookie = begun.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_platforms_name_people_and_a_visit_is_resumed(url: str, store: Store) -> None:
    def open_at(query: str) -> Page:
        with httpx.Client(base_url=url) as client:
            page = read_page(client.get(f"/?{query}", follow_redirects=True).text)
            return step(client, page, {}) if page.form and "ticket" in page.form.hidden else page

    visit = "PROLIFIC_PID=5f1e9a&STUDY_ID=63&SESSION_ID=77ab"
    first = open_at(visit)
    assert link_of(open_at(visit)) == link_of(first)  # without any cookie
    assert open_at("PROLIFIC_PID=5f1e9a&STUDY_ID=63&SESSION_ID=78").form is None
    assert open_at("PROLIFIC_PID=5f1e9a").form is None
    other = open_at("workerId=A1&assignmentId=3X&hitId=9")
    assert link_of(other) != link_of(first)
    assert "preview" in httpx.get(f"{url}/?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE").text
    assert len(raters_of(store)) == 2


def test_a_study_that_is_not_open_says_so(client, store: Store) -> None:
    page = reading(client, store)
    other = httpx.Client(base_url=client.base_url)
    store.set_state("paused")
    assert other.get("/").status_code == 503
    page = step(client, page, fill(store, page))
    assert page.form.hidden["page"] == "2"
    store.set_state("closed")
    for answer in (
        other.get("/"), client.get(f"/r/{link_of(page)}"),
        client.post(page.form.action, data={**page.form.hidden, **VALUES}),
    ):  # fmt: skip
        assert (answer.status_code, "closed" in answer.text) == (410, True)
    other.close()
    assert len(answers_under(store, link_of(page))) == 1


def test_a_full_study_takes_nobody_but_bots(url: str, store: Store) -> None:
    for i in range(6):
        store.begin(f"r{i}")
    with httpx.Client(base_url=url) as client:
        assert "All places are taken" in client.post(
            "/begin", data=read_page(client.get("/").text).form.hidden
        ).text  # fmt: skip
        page = begin(client, "/?simulated=1")
        assert page.simulated
    assert sum(r.simulated for r in raters_of(store)) == 1


def test_who_fails_the_check_twice_is_screened_out(client, store: Store) -> None:
    page = begin(client)
    page = step(client, page, {})
    for _ in range(2):
        page = step(client, page, {"check-0": "How long it is"})
    assert (page.form, raters_of(store)[0].status) == (None, "screened out")


def test_a_database_that_is_away_costs_nobody_an_answer(
    client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = reading(client, store)

    def away(*_: Any) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(store, "answer", away)
        answer = client.post(page.form.action, data={**page.form.hidden, **VALUES})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert step(client, page, VALUES).form.hidden["page"] == "2"


def test_a_body_that_is_too_long_is_refused(client) -> None:
    assert client.post("/begin", data={"ticket": "a" * 70_000}).status_code == 413


def test_the_code_of_a_platform_and_the_way_back(store: Store, serving: Callable[..., Any]) -> None:
    from hallmark.web.study.desk import Ending

    with (
        serving(store, ending=Ending("C1AB", "https://p.example/done?cc={code}")) as url,
        httpx.Client(base_url=url) as client,
    ):
        page = begin(client)
        while page.form is not None:
            link = link_of(page)
            page = step(client, page, fill(store, page))
        assert page.code == "C1AB"
        assert 'href="https://p.example/done?cc=C1AB"' in client.get(f"/r/{link}").text
    with pytest.raises(ValueError, match="https://"):
        Ending(url="javascript:alert(1)")


def test_attention_checks_say_what_to_choose(small_study: Any) -> None:
    study, _ = small_study
    for name in ("attention-1", "attention-2", "attention-3"):
        text, wanted = attention_text(study, name), attention_values(study, name)
        assert f"{wanted['credibility.clear']} for every word" in text
        assert f"{wanted['overall']} for “How good is the text overall?”" in text
        groups = groups_of(study, len(sentences(text)))
        for question in (q for g in groups for q in g.questions):
            assert wanted[question.name] in dict(question.choices)


def test_consent_says_whom_to_ask_or_that_there_is_nobody(
    store: Store, serving: Callable[..., Any]
) -> None:
    for contact, asks in (("", False), ("  ", False), ("A. Researcher, a@example.org", True)):
        words = replace(store.study.words, contact=contact)
        store.study = replace(store.study, words=words)
        with serving(store) as url:
            page = httpx.get(url).text
            message = httpx.get(f"{url}/r/nobody").text
        assert ("Questions? A. Researcher, a@example.org" in page) == asks
        assert ("names nobody to ask" in page) != asks
        assert ("Questions?" in page, "Questions?" in message) == (asks, asks)
        assert "<p></p>" not in message
