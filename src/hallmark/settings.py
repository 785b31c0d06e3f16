"""Fields of settings dataclasses: a default, the help of its option, and its least value.

Knows neither the settings nor the command line, which makes options of the fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any


def option(default: Any, text: str, choices: tuple[str, ...] = ()) -> Any:
    """A field with its default, the help of its option, and what may be chosen, if that is few."""
    return field(default=default, metadata={"help": text, "choices": choices})


def check_least(settings: object, least: Mapping[str, float]) -> None:
    """ValueError where a setting is below its least value, by the settings' names."""
    for name, low in least.items():
        if getattr(settings, name) < low:
            raise ValueError(f"{name} must be at least {low}, not {getattr(settings, name)}")
