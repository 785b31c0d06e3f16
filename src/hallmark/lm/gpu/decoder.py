"""A network with slots for texts: contexts in, drawn tokens out, many steps between two looks.

Knows slots and positions; which text is in which slot, and when it ends, is its caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch

from hallmark.lm.gpu.cache import StaticCache, WholeTexts
from hallmark.lm.gpu.capture import Capture, Step
from hallmark.lm.gpu.step import Slots, step
from hallmark.lm.sampling import SamplingParams
from hallmark.models.gpt2 import GPT2

WINDOW = 16  # steps between two looks; a text that ends is noticed half as many late on average
BUCKET = 128  # positions; each bucket that is filled wants a graph of its own
_PREFILL = 2**14  # tokens, padding included, that are read together


@dataclass(frozen=True)
class Entry:
    """A text for a slot: its context, its seed, and how many tokens it has drawn.

    fresh: a new text, and not one that goes on with a part of what it was.
    """

    slot: int
    context: Sequence[int]
    seed: int
    drawn: int = 0
    fresh: bool = True


class Decoder:
    """`slots` texts over one network, which must not change.

    window: most steps between two looks. bucket: attention reads the cache up to a multiple of
    it. ValueError where the cache does not fit the device's memory.
    """

    def __init__(
        self,
        network: GPT2,
        params: SamplingParams,
        *,
        slots: int,
        eot: int,
        window: int = WINDOW,
        bucket: int = BUCKET,
        capture: Capture | None = None,
    ) -> None:
        self.network, self.params = network, params
        self.slots, self.window, self.eot = slots, window, eot
        self._bucket = bucket
        capacity = -(-network.config.n_ctx // bucket) * bucket
        try:
            with torch.inference_mode():
                self._cache = StaticCache(network, slots=slots, capacity=capacity)
                self._texts = Slots.free(network, params, slots=slots, window=window)
        except torch.OutOfMemoryError:
            raise ValueError(
                f"{slots} texts of {network.config.n_ctx} tokens do not fit the memory of "
                f"{network.device}; write fewer at once (batch_size, slots)"
            ) from None
        self._capture = capture or Capture(network.device)
        self._steps: dict[int, Step] = {}  # by bucket

    @torch.inference_mode()
    def enter(self, entries: Sequence[Entry]) -> None:
        """Put texts into their slots: all but the last token of each is read, that with the
        first step.
        """
        if not entries:
            return
        self._read([e for e in entries if len(e.context) > 1])
        device, texts = self.network.device, self._texts
        columns = torch.tensor(
            [[e.slot, e.context[-1], len(e.context) - 1, e.drawn, e.seed] for e in entries],
            device=device,
        ).t()
        slot, values = columns[0], columns[1:]
        held = (texts.tokens, texts.places, texts.steps, texts.seeds)
        for tensor, value in zip(held, values, strict=True):
            tensor.index_copy_(0, slot, value)
        texts.alive.index_fill_(0, slot, True)
        for entry in entries:
            if texts.seen is not None and entry.fresh:
                texts.seen[entry.slot] = False
                texts.seen[entry.slot, torch.tensor(entry.context, device=device)] = True

    @torch.inference_mode()
    def leave(self, slots: Sequence[int]) -> None:
        """Let the texts of these slots stand still."""
        if slots:
            gone = torch.tensor(slots, device=self.network.device)
            self._texts.alive.index_fill_(0, gone, False)

    @torch.inference_mode()
    def draw(self, count: int, *, longest: int) -> list[list[int]]:
        """Draw `count` tokens, at most `window`, for every slot: `count` lists of S ids.

        longest: the length of the longest context of a text that goes on. What is drawn after a
        text's end, or in a free slot, means nothing.
        """
        run = self._step(longest + count - 1)
        for _ in range(count):
            run()
        self._texts.at.zero_()
        found: list[list[int]] = self._texts.drawn[:count].tolist()  # waits for the device
        return found

    def _read(self, entries: Sequence[Entry]) -> None:
        """Fill the cache with all but the last tokens of contexts, those of like length at once."""
        device = self.network.device
        left = sorted(entries, key=lambda e: len(e.context), reverse=True)
        while left:
            longest = len(left[0].context) - 1
            count = max(1, _PREFILL // longest)
            some, left = left[:count], left[count:]
            padded = [[*e.context[:-1], *[0] * (longest + 1 - len(e.context))] for e in some]
            slots = torch.tensor([e.slot for e in some], device=device)
            tokens = torch.tensor(padded, device=device)
            self.network(tokens, cache=WholeTexts(self._cache, slots))

    def _step(self, length: int) -> Step:
        """The step for texts of up to `length` tokens, recorded when it is first wanted."""
        bucket = -(-length // self._bucket) * self._bucket
        if bucket not in self._steps:
            plain = partial(
                step, self.network, self._cache, self._texts, self.params,
                eot=self.eot, bucket=bucket,
            )  # fmt: skip
            self._steps[bucket] = self._capture(plain, changes=self._texts.changes)
        return self._steps[bucket]
