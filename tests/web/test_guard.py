"""Who may ask, how much may be sent, which headers an answer has, and what the log holds."""

from __future__ import annotations

import logging
import socket
import time

import httpx
import pytest
from starlette.datastructures import Headers

from hallmark.web.guard import elsewhere
from hallmark.web.serving import check_key

KEY = "k" * 32
SECRET = "zyxwv-secret-words"


@pytest.fixture(scope="module")
def locked(running, model, judge):
    with running(model, judge, key=KEY, body=20_000, body_seconds=1) as (url, _):
        yield url


@pytest.mark.parametrize("path", ["/", "/detect", "/healthz", "/v1/models", "/nothing", "/api/x"])
def test_every_answer_has_the_headers(client, path):
    headers = client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-request-id"]
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 401), ({"authorization": "Bearer wrong"}, 401), ({"authorization": KEY}, 401),
        ({"authorization": f"Basic {KEY}"}, 401), ({"authorization": b"Bearer \xff\xfe"}, 401),
        ({"authorization": f"Bearer {KEY}"}, 200), ({"authorization": f"bearer {KEY}"}, 200),
    ],
    ids=str,
)  # fmt: skip
def test_the_key_is_asked_for(locked, given, status):
    for path in ("/v1/models", "/metrics"):
        assert httpx.get(locked + path, headers=given).status_code == status
    answer = httpx.post(f"{locked}/api/detect", json={"text": "a"}, headers=given)
    assert answer.status_code == status


def test_pages_and_health_need_no_key(locked):
    for path in ("/healthz", "/readyz", "/detect", "/openapi.json"):
        assert httpx.get(locked + path).status_code == 200


def test_where_a_request_comes_from():
    for headers, refused in (
        ({}, False), ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "same-site"}, True), ({"sec-fetch-site": "cross-site"}, True),
        ({"origin": "http://a:1"}, False), ({"origin": "http://b"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://b", "sec-fetch-site": "same-origin"}, False),
    ):  # fmt: skip
        assert elsewhere(Headers({"host": "a:1", **headers})) == refused, headers


def test_elsewhere_than_here_wants_a_key():
    check_key("127.0.0.1", None)
    check_key("0.0.0.0", KEY)
    with pytest.raises(ValueError, match="HALLMARK_API_KEY"):
        check_key("0.0.0.0", None)
    with pytest.raises(ValueError, match="16 characters"):
        check_key("0.0.0.0", "short")


@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example"}, {"host": "127.0.0.1.evil.example"}, {"sec-fetch-site": "cross-site"},
     {"sec-fetch-site": "same-site"}],
    ids=str,
)  # fmt: skip
def test_pages_of_other_sites_may_not_ask(client, headers):
    answer = client.post("/api/detect", json={"text": "a"}, headers=headers)
    assert answer.status_code == 403


def test_a_form_of_another_site_is_no_request(client):
    """What a browser sends across sites without asking first."""
    plain = {"content-type": "text/plain"}
    answer = client.post("/api/detect", content='{"text": "a"}', headers=plain)
    assert answer.status_code == 400


def test_a_body_may_be_neither_long_nor_slow(locked):
    key = {"authorization": f"Bearer {KEY}"}
    long = {"text": "x" * 30_000}
    for options in ({"json": long}, {"content": iter([b"x" * 10_000] * 3)}):
        answer = httpx.post(f"{locked}/api/detect", headers=key, **options)
        assert answer.status_code == 413
        assert len(answer.content) < 400
    host, _, port = locked.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        head = f"POST /api/detect HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {KEY}\r\n"
        slow.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        began = time.monotonic()
        assert slow.recv(100).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - began < 8


def test_no_text_is_in_any_log_line(client, caplog):
    with caplog.at_level(logging.DEBUG):
        client.post("/api/detect", json={"text": SECRET})
        client.post("/v1/completions", json={"prompt": SECRET, "max_tokens": 3})
        client.post("/api/score", json={"text": [SECRET]})
        client.get("/", params={"text": SECRET})
        client.get(f"/{SECRET}", params={SECRET: SECRET})
        client.post("/api/detect", content=f'{{"text": "{SECRET}')
        client.post("/api/extract", files=[("files", (f"{SECRET}.txt", SECRET.encode()))])
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(("http", "asyncio"))]
    assert sum("/api/detect 200" in line for line in ours) == 1
    assert sum("elsewhere 404" in line for line in ours) == 1
    assert not [line for line in ours if SECRET in line]
    assert SECRET not in client.get("/metrics").text


def test_a_defect_says_where_but_not_what(running, model, judge, caplog, monkeypatch):
    with running(model, judge) as (url, service):

        def broken(*_: object, **__: object) -> None:
            raise RuntimeError(SECRET)

        monkeypatch.setattr(service.reader, "judge", broken)
        answer = httpx.post(f"{url}/api/detect", json={"text": "a"})
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert SECRET not in caplog.text
    assert "RuntimeError at" in caplog.text
