"""A number, its interval and n, in the ways in which Hallmark writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hallmark.release.paths import parse_path
from hallmark.release.values import Found, is_simulated, read_result, read_value


def value(result: Any, path: str) -> Found:
    return read_value(result, parse_path(path))


def test_an_estimate_by_its_own_name_or_by_its_value() -> None:
    result = {"auroc": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 50}}
    assert value(result, "auroc") == Found(0.9, 0.8, 0.95, 50) == value(result, "auroc.value")


def test_a_number_beside_its_interval() -> None:
    row = {"task": "lambada", "accuracy": 0.4, "accuracy_interval": [0.3, 0.5], "n": 90}
    result = {"results": [row]}
    assert value(result, "results[task=lambada].accuracy") == Found(0.4, 0.3, 0.5, 90)


def test_a_number_alone_has_neither() -> None:
    assert value({"copied": 3}, "copied") == Found(3.0)
    assert value({"a": {"value": 1, "low": None, "high": 2, "n": True}}, "a") == Found(1.0)


@pytest.mark.parametrize("wrong", [None, "0.9", True, [1], {"low": 1}, 10**400])
def test_what_is_no_number(wrong: Any) -> None:
    with pytest.raises(ValueError, match="no number"):
        value({"a": wrong}, "a")


def test_a_value_outside_its_interval_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"is 0.9, outside its interval \[0.1, 0.2\]"):
        value({"a": {"value": 0.9, "low": 0.1, "high": 0.2}}, "a")


@pytest.mark.parametrize(
    ("result", "simulated"),
    [
        ({"simulated": True}, True),
        ({"raters": [{"deep": {"simulated": "true"}}]}, True),
        ({"simulated": False, "flow": {"simulated": 3}}, False),  # so many bots were taken out
        ([1, "simulated"], False),
    ],
)
def test_simulated_anywhere_in_the_file(result: Any, simulated: bool) -> None:
    assert is_simulated(result) is simulated


def test_depth_is_no_hindrance() -> None:
    deep: Any = {"simulated": True}
    for _ in range(20_000):
        deep = [deep]
    assert is_simulated(deep)


@pytest.mark.parametrize("text", ["", "{", '{"a": NaN}', "[" * 100_000, "\ud800"])
def test_what_is_no_json(text: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ValueError, match=r"result\.json"):
        read_result(path)


def test_any_json_is_read(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps([1, {"a": None}]), encoding="utf-8")
    assert read_result(path) == [1, {"a": None}]
