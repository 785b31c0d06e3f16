"""What one service consists of: model, detector, the two threads that use them, counters."""

from __future__ import annotations

from hallmark.detect.judge import Judge
from hallmark.lm.model import LanguageModel
from hallmark.lm.sampling import SamplingParams
from hallmark.models.sizes import BUNDLED
from hallmark.web.limits import Limits
from hallmark.web.metrics import Metrics
from hallmark.web.reader import Reader
from hallmark.web.writer import Writer

_PAGE = BUNDLED / "texts" / "human.txt"


class Service:
    """Starts its threads when it is made; `close` ends them. `detector` is what answers call it."""

    def __init__(
        self, model: LanguageModel, judge: Judge, *, detector: str, limits: Limits | None = None
    ) -> None:
        self.model, self.judge, self.detector = model, judge, detector
        self.limits = limits or Limits()
        self.metrics = Metrics()
        self.writer = Writer(model, self.limits, drew=self.metrics.drew)
        self.reader = Reader(judge, model, self.limits, read=self.metrics.read)
        watch = self.metrics.watch
        watch("hallmark_writing", "Texts being written or waiting.", lambda: self.writer.pending)
        watch("hallmark_reading", "Texts being read or waiting.", lambda: self.reader.pending)

    @property
    def ready(self) -> bool:
        """Whether both threads work."""
        return self.writer.alive and self.reader.alive

    def warm_up(self) -> None:
        """Use everything once, so that compiled code is loaded before the first request."""
        page = _PAGE.read_text(encoding="utf-8")
        self.judge.judge([page])
        self.model.score([page])
        params = SamplingParams(max_tokens=2)
        # Passes over many tokens, as this prompt's, and over few, as the next, are compiled apart.
        for _ in self.model.stream([(page[:200], 0)], params, slots=1):
            pass

    def close(self) -> None:
        """End the threads."""
        self.writer.close()
        self.reader.close()
