"""What a result file says at a path: a number, its interval and n, and whether it is a finding.

Any JSON will do that has intervals in one of the two ways in which Hallmark writes them.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from hallmark.data import decode_utf8
from hallmark.models.folder import refuse_constant
from hallmark.release.paths import Step, find


@dataclass(frozen=True)
class Found:
    """A number as measured; its interval and n where the file has them.

    simulated: bots answered. practice: the human texts were a trial of the machinery.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    simulated: bool = False
    practice: bool = False


def read_result(path: Path) -> Any:
    """The JSON in a result file; ValueError where it is none (NaN is not)."""
    text = decode_utf8(path.read_bytes(), where=str(path))
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({error}); measure it again") from None


def read_value(result: Any, steps: tuple[Step, ...]) -> Found:
    """The number that the steps name; ValueError says why there is none.

    Either an object with `value`, `low`, `high` and `n`, or a number NAME beside `NAME_interval`
    and `n`; a number called `value` may stand beside `low`, `high` and `n`.
    """
    *way, last = find(result, steps)
    name = steps[-1].name
    if isinstance(last, dict):
        value, around, name = last.get("value"), last, "value"
    else:
        value, around = last, way[-1]
    if not _is_number(value):
        raise ValueError(f"{name!r:.80} holds {value!r:.40}, no number")
    low, high = _interval(around, name)
    n = around.get("n")
    if low is not None and high is not None and not low <= value <= high:
        raise ValueError(f"{name!r:.80} is {value}, outside its interval [{low}, {high}]")
    return Found(
        float(value), low, high, n if type(n) is int and n > 0 else None, is_simulated(result),
        is_practice(result),
    )  # fmt: skip


def is_simulated(result: Any) -> bool:
    """Whether a result, or anything in it, says `"simulated": true`."""
    return _says(result, "simulated")


def is_practice(result: Any) -> bool:
    """Whether a result, or anything in it, says `"practice": true`: compared with human texts that
    are a trial of the machinery.
    """
    return _says(result, "practice")


def _says(result: Any, name: str) -> bool:
    left = [result]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if str(value.get(name)).lower() == "true":
                return True
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
    return False


def origin_of(result: Any) -> dict[str, Any]:
    """The command and the seed that gave a result, as far as it names them."""
    named = result if isinstance(result, dict) else {}
    return {k: named[k] for k in ("command", "seed") if type(named.get(k)) in (str, int)}


def _interval(around: dict[str, Any], name: str) -> tuple[float | None, float | None]:
    pair = around.get(f"{name}_interval")
    if not isinstance(pair, list) or len(pair) != 2:
        pair = [around.get("low"), around.get("high")] if name == "value" else [None, None]
    return (float(pair[0]), float(pair[1])) if all(map(_is_number, pair)) else (None, None)


def _is_number(value: Any) -> TypeGuard[float]:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max
