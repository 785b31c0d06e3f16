"""`hallmark serve` before it listens; what it serves is tested in tests/web."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("HALLMARK_API_KEY", raising=False)


def test_elsewhere_than_here_wants_a_key(run_cli):
    done = run_cli("serve", "--host", "0.0.0.0")
    assert done.code == 1
    assert "HALLMARK_API_KEY" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_model_that_cannot_be_served_is_named(run_cli):
    done = run_cli("serve", "--model", "ladder-0.5M", "--port", "0")
    assert done.code == 1
    assert "ladder-0.5M cannot be served" in done.err
    assert len(done.err.splitlines()) == 1


def test_limits_are_checked(run_cli):
    assert run_cli("serve", "--slots", "0").code == 2
    assert run_cli("serve", "--port", "70000").code == 2
