"""How a text is drawn: the settings, and the seed of each document.

Plain data without PyTorch, so that the command line reads its defaults from here at no cost;
the arithmetic on logits is in `draw`.
"""

from __future__ import annotations

import hashlib
import json
import math
import reprlib
from dataclasses import dataclass
from numbers import Integral, Real

MAX_SEED = 2**63 - 1
_MIN_TEMPERATURE = 1e-6  # below this the division overflows float32; 0 says what is meant
_MAX_PENALTY = 100.0


@dataclass(frozen=True)
class SamplingParams:
    """Settings of one draw, applied in this order: repetition penalty, temperature, top-k, top-p.

    max_tokens: most new tokens. temperature: logits are divided by it; 0 takes the likeliest
    token. top_k: draw from exactly that many likeliest tokens; 0 from all. top_p: draw from
    the smallest set of likeliest tokens whose probability reaches it; 1 from all.
    repetition_penalty: see `draw.penalise`; 1 is none. stop: the text ends before the first of
    these strings. seed: from 0 to 2^63 - 1. The defaults are GPT-2's pure sampling. ValueError
    says which value is wrong and what is valid.
    """

    max_tokens: int = 256
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        _check_whole("max_tokens", self.max_tokens)
        _check_whole("top_k", self.top_k)
        check_seed(self.seed)
        if not (_is_number(self.temperature) and _valid_temperature(self.temperature)):
            raise _error("temperature", f"0 (greedy) or at least {_MIN_TEMPERATURE:g}, finite",
                         self.temperature)  # fmt: skip
        if not (_is_number(self.top_p) and 0 < self.top_p <= 1):
            raise _error("top_p", "above 0 and at most 1 (1 = off)", self.top_p)
        penalty = self.repetition_penalty
        if not (_is_number(penalty) and 1 / _MAX_PENALTY <= penalty <= _MAX_PENALTY):
            raise _error("repetition_penalty", "from 0.01 to 100 (1 = off)", penalty)
        valid = isinstance(self.stop, (list, tuple))
        if not valid or not all(isinstance(s, str) and s for s in self.stop):
            raise _error("stop", "a tuple of strings that are not empty", self.stop)
        object.__setattr__(self, "stop", tuple(self.stop))

    @property
    def tag(self) -> str:
        """The corpus suffix in the release's vocabulary: "", "k40", "nucleus".

        Like the release's, it does not say which p. What the release has no word for is joined
        by hyphens: "greedy", "t0.7", "t0.7-k40", "nucleus-r1.2".
        """
        if self.temperature == 0:
            parts = ["greedy"]
        else:
            parts = [f"t{self.temperature:g}"] if self.temperature != 1 else []
            parts += [f"k{self.top_k}"] if self.top_k else []
            parts += ["nucleus"] if self.top_p < 1 else []
        parts += [f"r{self.repetition_penalty:g}"] if self.repetition_penalty != 1 else []
        return "-".join(parts)


def document_seed(seed: int, source: str, split: str, index: int) -> int:
    """The seed of document `index` of a corpus: a stable hash of the arguments, below 2^53.

    It is the same on every machine and version, and whatever else is written beside the
    document. 53 bits pass through any reader of JSON unchanged.
    """
    check_seed(seed)
    _check_whole("index", index)
    named = json.dumps([int(seed), source, split, int(index)]).encode()
    return int.from_bytes(hashlib.sha256(named).digest()[:8], "big") >> 11


def check_seed(seed: object) -> None:
    """ValueError where `seed` is not a whole number from 0 to 2^63 - 1."""
    if not _is_whole(seed, most=MAX_SEED):
        raise _error("seed", "a whole number from 0 to 2^63 - 1", seed)


def _check_whole(name: str, value: object) -> None:
    if not _is_whole(value):
        raise _error(name, "a whole number, 0 or more", value)


def _is_whole(value: object, *, most: float = math.inf) -> bool:
    if not isinstance(value, Integral) or isinstance(value, bool):
        return False
    return 0 <= int(value) <= most


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _valid_temperature(value: float) -> bool:
    return value == 0 or (value >= _MIN_TEMPERATURE and math.isfinite(value))


def _error(name: str, valid: str, value: object) -> ValueError:
    return ValueError(f"{name} must be {valid}, not {reprlib.repr(value)}")


PURE = SamplingParams()
