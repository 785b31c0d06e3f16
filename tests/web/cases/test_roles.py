"""Every act that a role does not allow is tried over HTTP, and changes nothing."""

from __future__ import annotations

import httpx

from hallmark.evidence.cases import Role
from hallmark.web.cases import acts, pages
from hallmark.web.cases.site import Site
from hallmark.web.signin import SignIn

from .conftest import PASSWORD, ROLES, Running

REASONS = {"answer": "synthetic", "reasons": "It repeats itself and names no place."}


def review(site: Running, name: str, answer: str = "synthetic") -> int:
    """Take a case and answer; its number."""
    taken = site.clients[name].post("/desk/take")
    assert taken.status_code == 303
    where = taken.headers["location"]
    done = site.clients[name].post(f"{where}/review", data=REASONS | {"answer": answer})
    assert done.status_code == 303, done.text
    return int(where.rpartition("/")[2])


# Every path, and who may use it: (method, path, form, roles)
ROUTES = [
    ("GET", "/desk", {}, {Role.REVIEWER}),
    ("POST", "/desk/take", {}, {Role.REVIEWER}),
    ("POST", "/cases/1/give-back", {}, {Role.REVIEWER}),
    ("POST", "/cases/1/review", REASONS, {Role.REVIEWER}),
    ("GET", "/queue", {}, {Role.ANALYST, Role.AUDITOR}),
    ("POST", "/cases/1/decide", REASONS, {Role.ANALYST}),
    ("POST", "/cases/1/link", {}, {Role.ANALYST}),
    ("POST", "/cases/1/answer", REASONS, {Role.ANALYST}),
    ("POST", "/cases/1/name", {"reasons": "I would like to know it."}, {Role.ANALYST}),
    ("GET", "/cases/1/file.html", {}, {Role.ANALYST, Role.AUDITOR}),
    ("GET", "/cases/1/file.json", {}, {Role.ANALYST, Role.AUDITOR}),
    ("GET", "/log", {}, {Role.AUDITOR}),
    ("GET", "/log/receipt.json", {}, {Role.AUDITOR}),
    ("POST", "/log/verify", {}, {Role.AUDITOR}),
]


def ask(client: httpx.Client, method: str, path: str, form: dict[str, str]) -> httpx.Response:
    return client.request(method, path, data=form if method == "POST" else None)


def test_what_a_role_does_not_allow_is_refused_and_changes_nothing(site: Running) -> None:
    before = site.store.head()
    tried = 0
    for method, path, form, allowed in ROUTES:
        for name in ("ann", "rea", "odo"):
            if ROLES[name] in allowed:
                continue
            answer = ask(site.clients[name], method, path, form)
            assert answer.status_code == 403, (name, method, path, answer.text)
            assert "mallory" not in answer.text
            tried += 1
    assert tried == 3 * len(ROUTES) - sum(len(allowed) for *_, allowed in ROUTES)
    assert site.store.head() == before


def test_nobody_gets_in_without_signing_in(site: Running) -> None:
    before = site.store.head()
    with httpx.Client(base_url=site.url) as client:
        for method, path, form, _ in [*ROUTES, ("GET", "/", {}, set()), ("GET", "/cases/1", {}, 0)]:
            answer = ask(client, method, path, form)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in"), path
        assert client.post("/cases/1/tokens", data={"text": 0}).status_code == 403
        wrong = client.post("/sign-in", data={"name": "ann", "password": "x" * 12})
        assert wrong.status_code == 401
        assert "That name and password do not belong together." in wrong.text
        assert 'action="/sign-in"' in wrong.text
        assert 'value="ann"' in wrong.text
        for _ in range(5):
            wrong = client.post("/sign-in", data={"name": "<x", "password": "x" * 12})
        assert wrong.status_code == 401
        assert 'value="&lt;x"' in wrong.text
        wrong = client.post("/sign-in", data={"name": "<x", "password": "x" * 12})
        assert (wrong.status_code, int(wrong.headers["retry-after"]) > 0) == (429, True)
        assert "Too many wrong passwords" in wrong.text
    assert site.store.head() == before


def test_every_route_is_in_the_table(site: Running) -> None:
    bare = Site(site.store, SignIn(site.store.hash_of), stamp="", tokens=None, address="")
    own = [*pages.routes(bare).routes, *acts.routes(bare).routes]
    found = {(m, r.path) for r in own for m in r.methods if m != "HEAD"}
    table = {(m, p.replace("/1/", "/{number}/").replace("file.html", "file.{kind}")
              .replace("file.json", "file.{kind}")) for m, p, *_ in ROUTES}  # fmt: skip
    free = {
        ("GET", "/"), ("GET", "/sign-in"), ("POST", "/sign-in"), ("POST", "/sign-out"),
        ("GET", "/appeal/{link}"), ("POST", "/appeal/{link}"), ("GET", "/cases/{number}"),
        ("POST", "/cases/{number}/tokens"),
    }  # fmt: skip
    assert found - free == table


def test_a_reviewer_sees_their_own_case_alone_and_blind(site: Running) -> None:
    number = review(site, "rea")
    assert site.clients["rob"].get(f"/cases/{number}").status_code == 403
    site.clients["rob"].post("/desk/take")
    blind = site.clients["rob"].get(f"/cases/{number}").text
    assert "What was weighed is shown once your answer is in" in blind
    assert "names no place" not in blind  # rea's reasons
    assert "80 %" not in blind
    assert "Odds" not in blind
    assert "Token view" not in blind  # no model here
    assert "At least 10 characters." in blind
    assert "mallory" not in blind
    assert "id-mallory" not in blind
    analyst = site.clients["ann"].get(f"/cases/{number}").text
    assert "names no place" not in analyst
    assert "You see their answers once all are in" in analyst
    assert "names no place" in site.clients["odo"].get(f"/cases/{number}").text
    review(site, "rob", "human")
    for name in ("rea", "rob", "ann"):
        page = site.clients[name].get(f"/cases/{number}").text
        assert page.count("names no place") == 2
        assert "80 %" in page
    assert "(rea)" not in site.clients["rob"].get(f"/cases/{number}").text
    assert site.clients["ray"].get(f"/cases/{number}").status_code == 403


def test_an_analyst_who_decided_does_not_answer_the_appeal(site: Running) -> None:
    number = review(site, "rea")
    review(site, "rob")
    ann, abe = site.clients["ann"], site.clients["abe"]
    decided = ann.post(f"/cases/{number}/decide", data=REASONS)
    assert decided.headers["cache-control"] == "no-store"
    link = decided.text.partition('id="link">')[2].partition("<")[0]
    assert ann.post(f"/cases/{number}/decide", data=REASONS).status_code == 409
    path = link.removeprefix(site.url)
    with httpx.Client(base_url=site.url) as outside:
        assert outside.get(path[:-2]).status_code == 404
        assert outside.post(path, data={"statement": "short"}).status_code == 400
        assert outside.post(path, data={"statement": "I wrote all of it."}).status_code == 303
        assert outside.post(path, data={"statement": "I wrote all of it."}).status_code == 409
        page = outside.get(path).text
        assert "waits for its answer" in page
        for secret in ("mallory", "rea", "rob", "ann", "80 %"):
            assert f">{secret}" not in page
        assert ann.post(f"/cases/{number}/answer", data=REASONS).status_code == 403
        assert "You decided this case" in ann.get(f"/cases/{number}").text
        done = abe.post(f"/cases/{number}/answer", data=REASONS | {"answer": "human"})
        assert done.status_code == 303
        assert "somebody else than who decided" in outside.get(path).text
    site.store.verify()


def test_a_reviewer_made_analyst_is_shown_no_form_to_decide(site: Running, hashed: str) -> None:
    number = review(site, "rea")
    review(site, "rob")
    site.store.set_user("rea", Role.ANALYST, hashed)
    rea = site.clients["rea"]
    page = rea.get(f"/cases/{number}").text
    assert "You reviewed this case, so somebody else decides" in page
    assert f"/cases/{number}/decide" not in page
    assert rea.post(f"/cases/{number}/decide", data=REASONS).status_code == 403


def test_forms_of_other_sites_are_refused(site: Running) -> None:
    ann = site.clients["ann"]
    for header in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://example.org"}):
        answer = ann.post("/cases/1/name", data={"reasons": "I want it now."}, headers=header)
        assert answer.status_code == 403
    cookies = httpx.post(f"{site.url}/sign-in", data={"name": "ann", "password": PASSWORD})
    assert "HttpOnly" in cookies.headers["set-cookie"]
    assert "samesite=strict" in cookies.headers["set-cookie"].lower()
    assert "form-action 'self'" in ann.get("/queue").headers["content-security-policy"]


def test_who_was_removed_or_changed_is_out_at_once(site: Running) -> None:
    ann = site.clients["ann"]
    assert ann.get("/queue").status_code == 200
    site.store.remove_user("ann")
    assert ann.get("/queue").status_code == 303
    rea = site.clients["rea"]
    site.store.set_user("rea", Role.AUDITOR, "other")
    assert rea.get("/log").status_code == 303  # the password changed, too
    rob = site.clients["rob"]
    kept = dict(rob.cookies)
    assert rob.post("/sign-out").status_code == 303
    assert httpx.get(f"{site.url}/desk", cookies=kept).status_code == 303


def test_what_cannot_be_done_is_said_on_a_page(site: Running) -> None:
    for method, path, form, status in (
        ("POST", "/cases/1/decide", {"answer": "certainly", "reasons": "x" * 20}, 400),
        ("POST", "/cases/1/decide", {"reasons": "x" * 20}, 400),
        ("POST", "/cases/1/decide", {"answer": "human", "reasons": "short"}, 400),
        ("POST", "/cases/1/decide", {"answer": "human", "reasons": "no reviews yet"}, 409),
        ("GET", "/cases/99", {}, 400),
        ("GET", "/cases/x", {}, 400),
        ("GET", "/cases/1/file.exe", {}, 404),
        ("GET", "/queue?page=0", {}, 400),
        ("GET", "/nowhere", {}, 404),
        ("POST", "/queue", {}, 405),
    ):
        answer = ask(site.clients["ann"], method, path, form)
        assert answer.status_code == status, answer.text
        assert "That did not work" in answer.text
        assert "certainly" not in answer.text
