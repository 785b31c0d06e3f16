"""More than there is room for, clients that leave, failures, and the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from hallmark.web.limits import Limits
from hallmark.web.service import Service

LONG = {"prompt": "Once", "max_tokens": 900, "seed": 1, "temperature": 1}


def wait_until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_there_is_no_room_for_is_told_when_to_return(running, model, judge):
    with running(model, judge, slots=2, queue=2, reads=3) as (url, service):

        def ask(number):
            body = LONG | {"seed": number, "max_tokens": 1000}
            return httpx.post(f"{url}/v1/completions", json=body, timeout=60)

        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(ask, range(12)))
        codes = [a.status_code for a in answers]
        assert set(codes) == {200, 503}
        assert codes.count(200) >= 4
        for answer in answers:
            if answer.status_code == 503:
                assert 1 <= int(answer.headers["retry-after"]) <= 60
                assert answer.json()["error"]["code"] == "overloaded"
        assert service.writer.pending == 0
        many = httpx.post(f"{url}/api/detect", json={"texts": ["a"] * 4})
        assert many.status_code == 503
        assert httpx.post(f"{url}/api/detect", json={"texts": ["a"] * 3}).status_code == 200


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_stops_its_generation(running, model, judge, stream, monkeypatch):
    """The place is free at once, and nothing more is drawn for it: passes are slow here."""
    from hallmark.web import writer

    real = writer.Schedule.one_pass
    slow = lambda self: time.sleep(0.02) or real(self)  # noqa: E731
    monkeypatch.setattr(writer.Schedule, "one_pass", slow)
    with running(model, judge, slots=1, queue=1) as (url, service):
        with httpx.Client(base_url=url) as leaving:
            try:
                with leaving.stream(
                    "POST", "/v1/completions", json=LONG | {"stream": stream}, timeout=0.3
                ) as answer:
                    next(answer.iter_lines())
            except httpx.ReadTimeout:
                assert not stream
        wait_until(lambda: service.writer.pending == 0, seconds=3)
        after = httpx.post(f"{url}/v1/completions", json=LONG | {"max_tokens": 5}, timeout=30)
        assert after.json()["usage"]["completion_tokens"] == 5
        drawn = service.metrics.registry.get_sample_value("hallmark_tokens_total")
        assert drawn < 500


def test_a_request_that_takes_too_long_is_given_up(running, model, judge):
    with running(model, judge, slots=1, queue=16, seconds=1) as (url, service):
        body = LONG | {"n": 16, "max_tokens": 1000}
        answer = httpx.post(f"{url}/v1/completions", json=body, timeout=30)
        assert answer.status_code == 504
        streamed = httpx.post(f"{url}/v1/completions", json=body | {"stream": True}, timeout=30)
        events = streamed.text.strip().split("\n\n")
        assert events[-1] == "data: [DONE]"
        assert "error" in json.loads(events[-2].removeprefix("data: "))
        wait_until(lambda: service.writer.pending == 0)


def test_a_failure_is_told_and_the_service_goes_on(running, model, judge, monkeypatch):
    from hallmark.web import writer

    with running(model, judge, slots=2) as (url, service):
        real = writer.Schedule.one_pass

        def broken(self):
            raise RuntimeError("out of order")

        monkeypatch.setattr(writer.Schedule, "one_pass", broken)
        failed = httpx.post(f"{url}/v1/completions", json=LONG, timeout=30)
        assert failed.status_code == 500
        monkeypatch.setattr(writer.Schedule, "one_pass", real)
        good = httpx.post(f"{url}/v1/completions", json=LONG | {"max_tokens": 4}, timeout=30)
        assert good.status_code == 200
        assert service.writer.pending == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_what_is_under_way_is_finished_when_the_service_is_told_to_end():
    program = [sys.executable, "-c", "from hallmark.cli.main import run; run()"]
    command = [*program, "serve", "--port", "0", "--model", "ladder-1M"]
    with subprocess.Popen(
        [*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"HALLMARK_API_KEY": ""},
    ) as process:  # fmt: skip
        try:
            url = json.loads(process.stdout.readline())["listening"].rstrip("/")
            answers = []
            body = LONG | {"n": 2, "max_tokens": 600}
            asking = threading.Thread(
                target=lambda: answers.append(
                    httpx.post(f"{url}/v1/completions", json=body, timeout=60)
                )
            )
            asking.start()
            with httpx.Client(base_url=url) as client:
                wait_until(lambda: "hallmark_writing 2.0" in client.get("/metrics").text)
            process.send_signal(signal.SIGTERM)
            asking.join(60)
            assert answers[0].json()["usage"]["completion_tokens"] == 1200
            assert process.wait(30) == 143
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"{url}/healthz")
            log = process.stderr.read()
            assert "Traceback" not in log
            assert "POST /v1/completions 200" in log
        finally:
            process.kill()


def test_the_first_visitor_waits_for_no_compiler(model, judge, monkeypatch):
    """What a pass over few tokens and one over many use has been used before."""
    from hallmark.lm.engine import batch, decoder, entries

    used, real = set(), entries.entries()

    class Noted:
        def __getattr__(self, name):
            used.add(name)
            return getattr(real, name)

    monkeypatch.setattr(batch, "entries", Noted)
    monkeypatch.setattr(decoder, "entries", Noted)
    service = Service(model, judge, detector="bundled", limits=Limits(slots=2))
    service.warm_up()
    service.close()
    assert used == set(real._fields)
