"""One thread that owns the model and writes all completions together.

Texts join and leave between two passes; each is what it would be alone. Requests talk to the
thread by messages, and hear of it in their own event loop, once a pass.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from hallmark.lm.continuous import Schedule
from hallmark.lm.engine import UNFIT, fits
from hallmark.lm.engine.decoder import Decoder, Told
from hallmark.lm.model import LanguageModel
from hallmark.lm.row import Generation, Row
from hallmark.lm.sampling import PURE, SamplingParams
from hallmark.models.precision import SMALL
from hallmark.web.errors import Refused, busy, defect
from hallmark.web.limits import Limits

_SMOOTH = 0.05  # of the newest in a running mean
_SPEED, _LENGTH = 500.0, 100.0  # tokens a second and a text, until there are measurements


@dataclass(frozen=True)
class Prompt:
    """A text to go on from: its tokens and its own seed."""

    text: str
    ids: tuple[int, ...]
    seed: int


@dataclass(frozen=True)
class Drawn:
    """A drawn token, and what the network thought of it."""

    token: int
    told: Told


@dataclass(frozen=True)
class Event:
    """More of text number `choice`; `ended` once it is whole, or what failed."""

    choice: int
    text: str = ""
    drawn: tuple[Drawn, ...] = ()
    ended: Generation | None = None
    failed: Refused | None = None


@dataclass(eq=False)
class Order:
    """One request's texts, as the thread knows them and as the request hears of them."""

    rows: dict[int, Row]  # by their number in the schedule
    first: int
    loop: asyncio.AbstractEventLoop
    heard: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)
    drawn: dict[int, list[Drawn]] = field(default_factory=dict)

    def event(self, index: int, text: str, ended: Generation | None = None) -> Event:
        """What is new of a text, with the tokens drawn since the last time."""
        return Event(index - self.first, text, tuple(self.drawn.pop(index, ())), ended)


class Writer:
    """Writes texts with one model. Start it once, close it at the end."""

    def __init__(
        self, model: LanguageModel, limits: Limits, *, drew: Callable[[int], None]
    ) -> None:
        if not fits(model.network):
            raise ValueError(f"{model.name} cannot be served: {UNFIT}; choose another model")
        self.model, self.limits = model, limits
        self.pending = 0  # texts that have not ended
        self._drew = drew
        self._speed, self._length = _SPEED, _LENGTH
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._coming: list[Order] = []
        self._leaving: list[Order] = []
        self._closed = False
        self._orders: dict[int, Order] = {}  # by the number of each of their texts
        self._said: list[tuple[Order, Event]] = []
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still writes."""
        return self._thread.is_alive()

    async def write(
        self,
        prompts: Sequence[Prompt],
        params: SamplingParams,
        *,
        alternatives: int | None = None,
        stream: bool = False,
    ) -> AsyncGenerator[Event]:
        """Events until every text has ended; without `stream`, one event a text.

        Refused at once where too many texts wait. Whoever stops listening stops the writing.
        """
        order = self._order(prompts, params, alternatives=alternatives, stream=stream)
        with self._changed:
            if self.pending + len(order.rows) > self.limits.slots + self.limits.queue:
                raise busy(self._wait())
            self.pending += len(order.rows)
            self._coming.append(order)
            self._changed.notify()
        left = len(order.rows)
        try:
            while left:
                event = await order.heard.get()
                if event.failed is not None:
                    raise event.failed
                left -= event.ended is not None
                yield event
        finally:
            if left:
                with self._changed:
                    self._leaving.append(order)
                    self._changed.notify()

    def close(self) -> None:
        """End the thread; what is being written is given up."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _order(
        self, prompts: Sequence[Prompt], params: SamplingParams, *,
        alternatives: int | None, stream: bool,
    ) -> Order:  # fmt: skip
        numbers = [next(self._numbers) for _ in prompts]
        order = Order({}, numbers[0], asyncio.get_running_loop())

        def on_token(index: int, piece: str) -> None:
            if index in order.rows:
                self._said.append((order, order.event(index, piece)))

        for number, prompt in zip(numbers, prompts, strict=True):
            order.rows[number] = Row(
                number, prompt.text, prompt.seed, self.model.tokenizer, params,
                n_ctx=self.model.network.config.n_ctx, on_token=on_token if stream else None,
                ids=prompt.ids, alternatives=alternatives,
            )  # fmt: skip
        return order

    def _wait(self) -> float:
        """Seconds until there will be room, roughly: half of what is still to be written."""
        return self.pending * self._length / 2 / self._speed

    def _run(self) -> None:
        """The thread: again after a failure, which only those hear whose texts were under way."""
        while not self._closed:
            try:
                self._write()
            except Exception as error:
                self._fail(defect(error))

    def _write(self) -> None:
        network = self.model.network
        slots, capacity = self.limits.slots, network.config.n_ctx
        # For a small network a second thread costs more at the barriers than it gives, and HTTP and
        # detection want a core too.
        threads = None if network.config.parameters >= SMALL else 1
        with Decoder(network, PURE, slots=slots, capacity=capacity, threads=threads) as decoder:
            schedule = Schedule(decoder, on_draw=self._told)
            while self._exchange(schedule):
                schedule.admit()
                if schedule.texts:
                    self._pass(schedule)

    def _pass(self, schedule: Schedule) -> None:
        """One pass, and word of it to those who wait."""
        began, before = time.perf_counter(), schedule.pace.drawn
        for index, generation in schedule.one_pass():
            order = self._orders[index]
            self._said.append((order, order.event(index, "", generation)))
            self._forget(order, index)
            self._length += _SMOOTH * (len(generation.tokens) - self._length)
        drawn = schedule.pace.drawn - before
        self._drew(drawn)
        speed = drawn / (time.perf_counter() - began)
        self._speed = max(1.0, self._speed + _SMOOTH * (speed - self._speed))
        self._deliver()

    def _exchange(self, schedule: Schedule) -> bool:
        """Take in who comes, let go who leaves; waits where there is nothing to do."""
        with self._changed:
            while not (self._coming or self._leaving or self._orders or self._closed):
                self._changed.wait()
            coming, self._coming = self._coming, []
            leaving, self._leaving = self._leaving, []
        for order in coming:
            for index, row in order.rows.items():
                self._orders[index] = order
                schedule.add(index, row)
        for order in leaving:
            for index in list(order.rows):
                schedule.drop(index)
                self._forget(order, index)
        return not self._closed

    def _told(self, index: int, token: int, told: Told) -> None:
        self._orders[index].drawn.setdefault(index, []).append(Drawn(token, told))

    def _forget(self, order: Order, index: int) -> None:
        if order.rows.pop(index, None) is not None:
            self._orders.pop(index, None)
            with self._changed:
                self.pending -= 1

    def _deliver(self) -> None:
        """Let every event loop hear what is new for it, in one call."""
        said, self._said = self._said, []
        for loop, events in _by_loop(said):
            with suppress(RuntimeError):  # a loop that has been closed listens no more
                loop.call_soon_threadsafe(_hand_over, events)

    def _fail(self, error: Refused) -> None:
        for order in set(self._orders.values()):
            self._said.append((order, Event(0, failed=error)))
            for index in list(order.rows):
                self._forget(order, index)
        self._deliver()


Events = list[tuple[Order, Event]]


def _by_loop(said: Events) -> Iterator[tuple[asyncio.AbstractEventLoop, Events]]:
    for loop in {order.loop for order, _ in said}:
        yield loop, [pair for pair in said if pair[0].loop is loop]


def _hand_over(events: Events) -> None:
    for order, event in events:
        order.heard.put_nowait(event)
