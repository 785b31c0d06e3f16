"""What to build: how many documents of each split, under which sampling settings, from what seed.

Imports nothing heavy, so that the command line can read names, help and defaults at no cost.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from hallmark.lm.sampling import SamplingParams, check_seed, document_seed
from hallmark.settings import option

P_RANGE = (0.8, 1.0)  # the release drew each document's p uniformly from here
P_VALUES = 20  # texts of the same p are written together, so p takes one of so many values
_NUMBER = r"(\d+(?:\.\d+)?)"
_PARTS = {
    "temperature": re.compile(f"t{_NUMBER}"),
    "top_k": re.compile(r"k(\d{1,6})"),
    "top_p": re.compile(f"nucleus(?:{_NUMBER}(?::{_NUMBER})?)?"),
    "repetition_penalty": re.compile(f"r{_NUMBER}"),
}
GRAMMAR = (
    "settings are pure, greedy, or parts joined by hyphens in this order: tT (temperature), kN "
    "(top-k), nucleusP or nucleusLOW:HIGH or nucleus (top-p), rR (repetition penalty)"
)


@dataclass(frozen=True)
class Setting:
    """One way to draw a corpus's texts; with `p_range`, each document draws its own top_p."""

    text: str
    params: SamplingParams
    p_range: tuple[float, float] | None = None

    @property
    def tag(self) -> str:
        """The corpus suffix."""
        return self.params.tag

    def top_p(self, seed: int) -> float:
        """The p of the document with this seed.

        With a range, one of P_VALUES equal steps through it, each step's middle, all as likely.
        """
        if self.p_range is None:
            return float(self.params.top_p)
        low, high = self.p_range
        place = document_seed(seed, "top_p", "", 0) % P_VALUES
        return round(low + (high - low) * (place + 0.5) / P_VALUES, 6)

    def record(self) -> dict[str, Any]:
        """As the manifest has it."""
        values = {k: v for k, v in asdict(self.params).items() if k not in ("seed", "stop")}
        values["top_p"] = list(self.p_range) if self.p_range else self.params.top_p
        return {"setting": self.text, **values}


def parse_setting(text: str, *, max_tokens: int) -> Setting:
    """The setting that `text` spells, such as `k40` or `t0.7-nucleus0.9-r1.2`; see GRAMMAR.

    `nucleus` without a number draws p for each document from P_RANGE, as the release did.
    ValueError says what is wrong and shows the grammar.
    """
    values: dict[str, Any] = {}
    p_range = None
    left = list(_PARTS)
    parts = text.split("-")
    if parts[0] in ("pure", "greedy"):
        values = {"temperature": 0.0} if parts[0] == "greedy" else {}
        parts, left = parts[1:], ["repetition_penalty"]
    for part in parts:
        name = next((n for n in left if _PARTS[n].fullmatch(part)), None)
        if name is None:
            raise ValueError(f"{part!r} in the sampling setting {text[:60]!r} is none: {GRAMMAR}")
        left = left[left.index(name) + 1 :]
        numbers = [n for n in _PARTS[name].fullmatch(part).groups() if n]  # type: ignore[union-attr]
        if name == "top_p" and len(numbers) != 1:
            p_range = _range(numbers, text)
            values[name] = p_range[0]
        else:
            values[name] = int(numbers[0]) if name == "top_k" else float(numbers[0])
    try:
        params = SamplingParams(max_tokens=max_tokens, **values)
    except ValueError as error:
        raise ValueError(f"sampling setting {text[:60]!r}: {error}") from None
    return Setting(text, params, p_range)


def _range(numbers: list[str], text: str) -> tuple[float, float]:
    low, high = (float(numbers[0]), float(numbers[1])) if numbers else P_RANGE
    if not 0 < low < high <= 1:
        raise ValueError(
            f"{text[:60]!r}: p must be drawn from LOW:HIGH with 0 < LOW < HIGH <= 1, such as "
            "nucleus0.8:1"
        )
    return low, high


@dataclass(frozen=True)
class BuildConfig:
    """One build. ValueError where a value is out of range or a setting is none.

    `shard` documents are one unit of work, `slots` of them are written at once.
    """

    sampling: str = option("pure,k40", "Settings, comma-separated; docs/outputs.md has all.")
    train: int = option(1000, "Documents of this split, for each setting.")
    valid: int = option(200, "Documents of this split.")
    test: int = option(200, "Documents of this split.")
    max_tokens: int = option(SamplingParams.max_tokens, "Most tokens of a document.")
    seed: int = option(SamplingParams.seed, "The same seed builds the same bytes.")
    shard: int = option(512, "Documents in a unit of work.")
    slots: int = option(32, "Documents that are written at once.")

    def __post_init__(self) -> None:
        for name, least in (("train", 0), ("valid", 0), ("test", 0), ("max_tokens", 1),
                            ("shard", 1), ("slots", 1)):  # fmt: skip
            value = getattr(self, name)
            if not least <= value <= 10**9:
                raise ValueError(f"{name} must be from {least} to a billion, not {value}")
        if not self.total:
            raise ValueError("train, valid and test are all 0; give at least one document")
        check_seed(self.seed)
        self.settings()

    @property
    def counts(self) -> dict[str, int]:
        """Documents by split, in the order of their ids."""
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @property
    def total(self) -> int:
        """Documents of one corpus."""
        return self.train + self.valid + self.test

    def settings(self) -> tuple[Setting, ...]:
        """The parsed `sampling`; ValueError where two would make corpora of one name."""
        parsed = [
            parse_setting(text.strip(), max_tokens=self.max_tokens)
            for text in self.sampling.split(",")
        ]
        names: dict[str, str] = {}
        for setting in parsed:
            other = names.setdefault(setting.tag, setting.text)
            if other != setting.text or parsed.count(setting) > 1:
                raise ValueError(
                    f"{other} and {setting.text} would make two corpora of one name; build them "
                    "into two folders"
                )
        return tuple(parsed)


def with_top_p(params: SamplingParams, top_p: float) -> SamplingParams:
    """The same settings with another p."""
    return replace(params, top_p=top_p)
