"""A team of threads that run one compiled function together, each on its own share.

Neither numba's threads nor PyTorch's: those would wait for work beside each other on the same
cores. The caller is one of the team; the others sleep between calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

Program = Callable[..., Any]


class Team:
    """`size` threads, the caller's included. One call at a time; `close` ends the others."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._lock = threading.Lock()
        self._wake = [threading.Semaphore(0) for _ in range(size - 1)]
        self._done = threading.Semaphore(0)
        self._program: Program | None = None
        self._arguments: tuple[Any, ...] = ()
        self._errors: list[BaseException] = []
        for rank in range(1, size):
            threading.Thread(target=self._serve, args=(rank,), daemon=True).start()

    def run(self, program: Program, *arguments: Any) -> None:
        """Call program(rank, size, *arguments) in every thread; returns when all have."""
        with self._lock:
            self._program, self._arguments = program, arguments
            for wake in self._wake:
                wake.release()
            try:
                program(0, self.size, *arguments)
            finally:
                for _ in self._wake:
                    self._done.acquire()
                self._arguments = ()
            if self._errors:
                raise self._errors.pop()

    def close(self) -> None:
        """Let the other threads end."""
        self._program = None
        for wake in self._wake:
            wake.release()

    def _serve(self, rank: int) -> None:
        while True:
            self._wake[rank - 1].acquire()
            if self._program is None:
                return
            try:
                self._program(rank, self.size, *self._arguments)
            except BaseException as error:
                self._errors.append(error)
            finally:
                self._done.release()
