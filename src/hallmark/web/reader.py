"""One thread that judges and scores: what waits at the same time is read together.

Nothing is written here. A request whose client left is passed over when its turn comes.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hallmark.detect.judge import Judge
from hallmark.detect.verdict import Verdict
from hallmark.lm.alternatives import alternatives
from hallmark.lm.engine.decoder import Told
from hallmark.lm.model import LanguageModel
from hallmark.lm.score import TokenScores
from hallmark.web.errors import Refused, busy, defect, from_value_error
from hallmark.web.limits import Limits

_TOGETHER = 8  # texts
_SMOOTH = 0.1
_SECONDS = 0.1  # for a text, until there is a measurement


Read = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(eq=False)
class _Task:
    """One request's texts; those of equal `kind` may be read together by the first one's `read`."""

    kind: Hashable
    texts: Sequence[Any]
    read: Read
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[list[Any]]


class Reader:
    """Reads texts with a detector and a model. Start it once, close it at the end."""

    def __init__(
        self,
        judge: Judge,
        model: LanguageModel,
        limits: Limits,
        *,
        read: Callable[[str, int], None],
    ) -> None:
        self._judge, self._model, self._limits, self._count = judge, model, limits, read
        self.pending = 0  # texts
        self._seconds = _SECONDS
        self._tasks: deque[_Task] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still reads."""
        return self._thread.is_alive()

    async def judge(self, texts: Sequence[str], *, prior: float) -> list[Verdict]:
        """A verdict for each text."""
        return await self._ask(
            ("judge", prior), texts, lambda some: self._judge.judge(some, prior=prior)
        )

    async def score(self, texts: Sequence[str], *, max_tokens: int) -> list[TokenScores]:
        """Scores of each text."""
        return await self._ask(
            ("score", max_tokens), texts,
            lambda some: self._model.score(some, max_tokens=max_tokens),
        )  # fmt: skip

    async def alternatives(
        self, prompts: Sequence[Sequence[int]], *, count: int
    ) -> list[list[Told]]:
        """What the model thought of each token of each prompt but the first."""

        def read(some: Sequence[Any]) -> list[list[Told]]:
            return [alternatives(self._model.network, ids, count=count) for ids in some]

        return await self._ask(("alternatives", count), prompts, read)

    def close(self) -> None:
        """End the thread; what waits is given up."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    async def _ask(self, kind: tuple[str, Any], texts: Sequence[Any], read: Read) -> list[Any]:
        loop = asyncio.get_running_loop()
        task = _Task(kind, texts, read, loop, loop.create_future())
        with self._changed:
            if self.pending + len(texts) > self._limits.reads:
                raise busy(self.pending * self._seconds)
            self.pending += len(texts)
            self._tasks.append(task)
            self._changed.notify()
        found = await task.answer
        self._count(kind[0], len(texts))
        return found

    def _run(self) -> None:
        while tasks := self._next():
            self._read(tasks)
            with self._changed:
                self.pending -= sum(len(task.texts) for task in tasks)

    def _next(self) -> list[_Task]:
        """The first task and others of its kind, up to so many texts; waits for one."""
        with self._changed:
            while not self._tasks and not self._closed:
                self._changed.wait()
            if self._closed:
                return []
            first = self._tasks.popleft()
            tasks, room = [first], _TOGETHER - len(first.texts)
            for task in list(self._tasks):
                if task.kind == first.kind and len(task.texts) <= room:
                    self._tasks.remove(task)
                    tasks.append(task)
                    room -= len(task.texts)
            return tasks

    def _read(self, tasks: Sequence[_Task]) -> None:
        wanted = [task for task in tasks if not task.answer.cancelled()]
        texts = [text for task in wanted for text in task.texts]
        if not texts:
            return
        began = time.perf_counter()
        try:
            found = list(wanted[0].read(texts))
        except Exception as error:
            if len(wanted) > 1:  # one text must not spoil the answers of others
                for task in wanted:
                    self._read([task])
                return
            failed = from_value_error(error) if isinstance(error, ValueError) else defect(error)
            _settle(wanted[0], failed)
            return
        took = (time.perf_counter() - began) / len(texts)
        self._seconds += _SMOOTH * (took - self._seconds)
        for task in wanted:
            _settle(task, found[: len(task.texts)])
            del found[: len(task.texts)]


def _settle(task: _Task, outcome: list[Any] | Refused) -> None:
    """Give the request its answer, in its own event loop."""

    def settle() -> None:
        if task.answer.done():
            return
        if isinstance(outcome, Refused):
            task.answer.set_exception(outcome)
        else:
            task.answer.set_result(outcome)

    with suppress(RuntimeError):  # a loop that has been closed listens no more
        task.loop.call_soon_threadsafe(settle)
