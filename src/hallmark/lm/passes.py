"""Texts through networks in batches, and what is kept of each token, in the order of the texts.

A batch is texts laid end to end, as many as fit, so none waits for others of its length and
nothing is padded. The head is run over a block of positions at a time, each with its whole
vocabulary (so that ranks and ties are exact), and reduced at once: no tensor of texts x length x
vocabulary ever exists.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hallmark.lm.logits import LogitBlocks
from hallmark.lm.packed import hidden_states
from hallmark.lm.windows import Window, windows
from hallmark.models.gpt2 import GPT2

# Tokens in a batch. On a GPU a pass must be long enough for Python to start the kernels meanwhile.
BATCH_TOKENS, _GPU_BATCH_TOKENS = 2048, 2**14
# Logits of a batch from which on compiled loops save more than the half second that it takes to
# load them; so a page judged by a small model does without.
_MANY = 2**23
_GPU_MANY = 2**29  # the same of a GPU, whose kernels take half a minute to make: full batches alone

Ids = Sequence[int] | NDArray[np.integer]
Columns = list[NDArray[np.float32]]


class Reduction(Protocol):
    """Each network's logits (N, V) and targets (N, 1) to columns (N,)."""

    def __call__(
        self, logits: Sequence[Tensor], targets: Tensor, *, compiled: bool
    ) -> list[Tensor]: ...


@dataclass(frozen=True)
class Settings:
    """How texts are read; see `score.stream_scores`."""

    n_ctx: int
    vocab_size: int
    eot: int
    stride: int
    batch_tokens: int
    max_tokens: int | None

    @classmethod
    def of(
        cls,
        networks: Sequence[GPT2],
        eot: int | None,
        stride: int | None,
        batch_tokens: int | None,
        max_tokens: int | None,
    ) -> Settings:
        """Fill in the defaults and check the rest; ValueError says what is wrong."""
        sizes = sorted({n.config.vocab_size for n in networks})
        if len(sizes) > 1:
            raise ValueError(f"the networks' vocabularies differ ({sizes}); use two of one family")
        n_ctx = min(n.config.n_ctx for n in networks)
        stride = max(1, n_ctx // 2) if stride is None else stride
        eot = sizes[0] - 1 if eot is None else eot
        if batch_tokens is None:
            on_cpu = networks[0].device.type == "cpu"
            batch_tokens = BATCH_TOKENS if on_cpu else _GPU_BATCH_TOKENS
        if not 1 <= stride <= n_ctx:
            raise ValueError(f"stride must be from 1 to the context of {n_ctx}, not {stride}")
        if not 0 <= eot < sizes[0]:
            raise ValueError(f"eot must be an id below {sizes[0]}, not {eot}")
        for name, value in (("batch_tokens", batch_tokens), ("max_tokens", max_tokens)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        return cls(n_ctx, sizes[0], eot, stride, batch_tokens, max_tokens)


@dataclass
class _Text:
    """A text on its way: `ids` with what precedes them, and the columns found so far."""

    ids: NDArray[np.int32]
    total: int
    parts: list[Columns] = field(default_factory=list)
    scored: int = 0

    @property
    def done(self) -> bool:
        return self.scored == len(self.ids) - 1

    def result(self) -> tuple[NDArray[np.int32], int, Columns]:
        return self.ids[1:], self.total, [np.concatenate(c) for c in zip(*self.parts, strict=True)]


@dataclass(frozen=True)
class _Pass:
    """What every batch goes through."""

    networks: Sequence[GPT2]
    heads: Sequence[LogitBlocks]
    reduction: Reduction

    @torch.inference_mode()
    def run(self, batch: Sequence[tuple[_Text, Window]]) -> None:
        """Score one batch of windows and give each text its columns, (N,) each."""
        if not batch:
            return
        device = self.networks[0].device
        inputs = np.concatenate([t.ids[w.start : w.end] for t, w in batch])
        scored = np.concatenate([np.arange(w.start, w.end) >= w.first for _, w in batch])
        targets = np.concatenate([t.ids[w.first + 1 : w.end + 1] for t, w in batch])
        lengths = [w.length for _, w in batch]
        tokens = torch.from_numpy(inputs.astype(np.int64)).to(device)
        # Places and not marks: to count marks, Python would wait for a GPU in the middle.
        chosen = torch.from_numpy(np.flatnonzero(scored)).to(device)
        wanted = torch.from_numpy(targets.astype(np.int64)).to(device)
        on_cpu = device.type == "cpu"
        logits = len(targets) * self.networks[0].config.vocab_size
        compiled = logits >= (_MANY if on_cpu else _GPU_MANY)
        states = [
            hidden_states(n, tokens, lengths, compiled=compiled and on_cpu)[chosen]
            for n in self.networks
        ]  # (N, C) each
        columns = self._columns(states, wanted, compiled=compiled)
        ends = np.cumsum([w.end - w.first for _, w in batch])[:-1]
        found = zip(*(np.split(column, ends) for column in columns), strict=True)
        for (text, window), part in zip(batch, found, strict=True):
            text.parts.append(list(part))
            text.scored += window.end - window.first

    def _columns(self, states: Sequence[Tensor], targets: Tensor, *, compiled: bool) -> Columns:
        """States (N, C) and what they should predict (N,) to columns, a block at a time."""
        rows = min(head.rows for head in self.heads)
        here = compiled and targets.device.type == "cpu"
        blocks = []
        for i in range(0, len(targets), rows):
            both = zip(self.heads, states, strict=True)
            logits = [head(own[i : i + rows], compiled=here) for head, own in both]
            blocks.append(self.reduction(logits, targets[i : i + rows, None], compiled=compiled))
        columns = [torch.cat(c).float().cpu().numpy() for c in zip(*blocks, strict=True)]
        if not all(np.isfinite(c).all() for c in columns):
            raise ValueError("the network's numbers are not finite; its weights are damaged")
        return columns


def reduced(
    networks: Sequence[GPT2], token_lists: Iterable[Ids], reduction: Reduction, settings: Settings
) -> Iterator[tuple[NDArray[np.int32], int, Columns]]:
    """Of each text in order: the ids scored, its length in all, its columns (none if empty)."""
    through = _Pass(networks, [LogitBlocks(network) for network in networks], reduction)
    waiting: deque[_Text] = deque()
    batch: list[tuple[_Text, Window]] = []
    room = settings.batch_tokens
    for text in _texts(token_lists, settings):
        waiting.append(text)
        for window in windows(len(text.ids) - 1, n_ctx=settings.n_ctx, stride=settings.stride):
            if window.length > room:
                through.run(batch)
                batch, room = [], settings.batch_tokens
            batch.append((text, window))
            room -= window.length
        room -= 1  # so that empty texts do not gather without end
        if room <= 0:
            through.run(batch)
            batch, room = [], settings.batch_tokens
        while waiting and waiting[0].done:
            yield waiting.popleft().result()
    through.run(batch)
    yield from (text.result() for text in waiting)


def _texts(token_lists: Iterable[Ids], settings: Settings) -> Iterator[_Text]:
    """The texts, `eot` before each, checked and cut."""
    for number, ids in enumerate(token_lists):
        cut = np.asarray(ids[: settings.max_tokens], dtype=np.int64)
        wrong = cut[(cut < 0) | (cut >= settings.vocab_size)]
        if wrong.size:
            raise ValueError(
                f"text {number} holds id {wrong[0]}, outside the vocabulary of "
                f"{settings.vocab_size}; encode it with the network's own tokenizer"
            )
        yield _Text(np.concatenate([[settings.eot], cut]).astype(np.int32), len(ids))
