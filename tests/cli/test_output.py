"""What is printed: JSON that any reader takes, and nothing that steers a terminal."""

from __future__ import annotations

import json

import pytest

from hallmark.cli.output import file_progress, print_json, printable, progress


def test_numbers_without_a_value_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": -float("inf")}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": {"d": None}}


def test_control_characters_are_not_passed_on() -> None:
    assert printable("a\x1b[2J\r\x9bé\t\n") == "a\ufffd[2J\ufffd\ufffdé\t\n"


def test_no_bar_is_drawn_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("texts", quiet=False) as advance:
        advance(3)
    with file_progress(quiet=False) as show:
        assert show is None
    assert capsys.readouterr() == ("", "")


def test_bars_are_drawn_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress("texts", quiet=False) as advance:
        advance(3)
    with file_progress(quiet=False) as show:
        assert show is not None
        show("model.safetensors", 5, 10)
    err = capsys.readouterr().err
    assert "3 texts" in err
    assert "model.safetensors" in err
