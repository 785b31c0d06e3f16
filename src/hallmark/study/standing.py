"""Where a rater of a served study is, and why somebody is refused. Knows no database."""

from __future__ import annotations

from dataclasses import dataclass

OPEN, PAUSED, CLOSED = "open", "paused", "closed"
INSTRUCTIONS, CHECK, READING, DEMOGRAPHICS, DONE = (
    "instructions", "check", "reading", "demographics", "done",
)  # fmt: skip
# Why somebody is not let in, or an answer is not taken.
FULL, AGAIN, UNKNOWN, FORGED = "full", "again", "unknown", "forged"


class Refusal(Exception):
    """`reason`: paused, closed, full, again (took part), unknown (no such link) or forged."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Rules:
    """abandoned: minutes without a sign after which a rater's place goes to the next."""

    abandoned: float = 60.0

    def __post_init__(self) -> None:
        if not self.abandoned > 0:
            raise ValueError(f"abandoned must be above 0 minutes, not {self.abandoned:g}")


@dataclass(frozen=True)
class Standing:
    """Where a rater is: `texts` are those of the place in order, `position` the page from 1."""

    status: str
    step: str
    attempts: int
    position: int
    texts: tuple[str, ...]
    simulated: bool
    code: str

    @property
    def text(self) -> str:
        """The id of the text on the page that is being read."""
        return self.texts[self.position - 1]
