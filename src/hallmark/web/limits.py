"""How much one service takes on: every limit in one place."""

from __future__ import annotations

from dataclasses import dataclass, fields

# The API's own, which its schema shows: texts and prompts in one request, texts that one request
# may have written, characters of one text, alternatives named for one token, texts found in files.
TEXTS, CHOICES, CHARACTERS, ALTERNATIVES, ROWS = 64, 16, 1_000_000, 10, 1000


@dataclass(frozen=True)
class Limits:
    """What is refused, and what must wait.

    slots: texts written at once. queue: texts that may wait for a slot. reads: texts that may wait
    to be judged or scored. max_tokens: drawn for one text. body: bytes of a request. seconds: for
    one request, its waiting included. body_seconds: for a request to arrive. drain: seconds that
    requests under way get when the service is told to end. ValueError where one is below 1.
    """

    slots: int = 16
    queue: int = 32
    reads: int = 128
    max_tokens: int = 1024
    body: int = 8 * 2**20
    seconds: float = 120.0
    body_seconds: float = 20.0
    drain: float = 60.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                value = getattr(self, field.name)
                raise ValueError(f"{field.name} must be at least 1, not {value}")
