"""A team of threads that run one compiled function together, each on its own share.

Neither numba's threads nor PyTorch's: those would wait for work beside each other on the same
cores. The team sleeps between calls. The caller only waits, because Python raises signals in the
main thread: were that one of the team, Ctrl-C would leave the others waiting for it for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Program = Callable[..., Any]


_OPEN = 2**62  # more calls than any barrier waits for


class Team:
    """`size` threads. One call at a time; `close` ends them.

    barrier: the word at which the program's threads meet. Where one fails it is opened, so that
    the others end, with numbers that nobody sees, and the failure is raised.
    """

    def __init__(self, size: int, *, barrier: NDArray[np.int64]) -> None:
        self.size = size
        self._barrier = barrier
        self._lock = threading.Lock()
        self._wake = [threading.Semaphore(0) for _ in range(size)]
        self._done = threading.Semaphore(0)
        self._program: Program | None = None
        self._arguments: tuple[Any, ...] = ()
        self._errors: list[BaseException] = []
        for rank in range(size):
            threading.Thread(target=self._serve, args=(rank,), daemon=True).start()

    def run(self, program: Program, *arguments: Any) -> None:
        """Call program(rank, size, *arguments) in every thread; returns when all have.

        A team of one needs no other thread, unless an interrupt could end it in the middle.
        """
        if self.size == 1 and threading.current_thread() is not threading.main_thread():
            with self._lock:
                program(0, 1, *arguments)
            return
        with self._lock:
            self._program, self._arguments = program, arguments
            self._errors.clear()
            for wake in self._wake:
                wake.release()
            waiting = self.size
            try:
                while waiting:
                    self._done.acquire()
                    waiting -= 1
            finally:  # an interrupt waits for the pass to end, so that none is left half done
                for _ in range(waiting):
                    self._done.acquire()
                self._arguments = ()
            if self._errors:
                raise self._errors[0]

    def close(self) -> None:
        """Let the threads end."""
        self._program = None
        for wake in self._wake:
            wake.release()

    def _serve(self, rank: int) -> None:
        while True:
            self._wake[rank].acquire()
            if self._program is None:
                return
            try:
                self._program(rank, self.size, *self._arguments)
            except BaseException as error:
                self._errors.append(error)
                self._barrier[0] = _OPEN
            finally:
                self._done.release()
