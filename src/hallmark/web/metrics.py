"""Counters for Prometheus, in a registry of the app's own. No label ever holds a text."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Metrics:
    """What one service has done so far."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._answers = Counter(
            "hallmark_requests", "Answers by route and status; 0: the client left.",
            ["method", "route", "status"], registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "hallmark_request_seconds", "From the first byte to the end of the answer.",
            ["route"], buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._tokens = Counter("hallmark_tokens", "Tokens drawn.", registry=self.registry)
        self._texts = Counter(
            "hallmark_texts", "Texts judged or scored.", ["job"], registry=self.registry
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        known = method if method in ("GET", "POST", "HEAD") else "other"
        self._answers.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def drew(self, tokens: int) -> None:
        """Count drawn tokens."""
        self._tokens.inc(tokens)

    def read(self, job: str, texts: int) -> None:
        """Count texts that were judged or scored."""
        self._texts.labels(job).inc(texts)

    def watch(self, name: str, what: str, value: Callable[[], float]) -> None:
        """Report a number that is read when somebody asks."""
        Gauge(name, what, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """Everything in Prometheus's format."""
        return generate_latest(self.registry)
