"""How a network sees a text: one forward pass, four numbers a token.

The head is run over a block of rows at a time, each with its whole vocabulary (so that ranks
and ties are exact), and reduced at once: no tensor of batch x length x vocabulary ever exists.
Knows token ids only; what the numbers say about who wrote the text is for detectors.
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

from hallmark.lm import reduce
from hallmark.lm.logits import LogitBlocks
from hallmark.lm.packed import hidden_states
from hallmark.lm.windows import Window, windows
from hallmark.models.gpt2 import GPT2

BATCH_TOKENS = 2048
# Logits of a batch from which on compiled loops save more than the half second that it takes to
# load them; so a page judged by a small model does without.
_MANY = 2**23

Ids = Sequence[int] | NDArray[np.integer]
Columns = list[NDArray[np.float32]]


class Reduction(Protocol):
    """Each network's logits (N, V) and targets (N, 1) to columns (N,)."""

    def __call__(
        self, logits: Sequence[Tensor], targets: Tensor, *, compiled: bool
    ) -> list[Tensor]: ...


@dataclass(frozen=True)
class TokenScores:
    """What a network gives for each of the T scored tokens of one text.

    `log_prob` of the token in nats; its `rank`, 1 + the number of tokens strictly more likely
    (so tied tokens share the best rank); `entropy` in nats and `variance` in nats squared, of
    the log-probability of a token drawn from the network's own distribution. `tokens_total`
    is the length of the whole text, more than T where it was cut.
    """

    tokens: NDArray[np.int32]
    log_prob: NDArray[np.float32]
    rank: NDArray[np.int32]
    entropy: NDArray[np.float32]
    variance: NDArray[np.float32]
    tokens_total: int

    def __len__(self) -> int:
        return len(self.tokens)


def score(
    network: GPT2,
    token_lists: Iterable[Ids],
    *,
    eot: int | None = None,
    stride: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    max_tokens: int | None = None,
) -> list[TokenScores]:
    """Scores of every token of every text, in order; see `stream_scores`."""
    scores = stream_scores(
        network,
        token_lists,
        eot=eot,
        stride=stride,
        batch_tokens=batch_tokens,
        max_tokens=max_tokens,
    )
    return list(scores)


def stream_scores(
    network: GPT2,
    token_lists: Iterable[Ids],
    *,
    eot: int | None = None,
    stride: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    max_tokens: int | None = None,
) -> Iterator[TokenScores]:
    """Scores of each text in turn, in memory bounded by the longest of them.

    The first token of a text is predicted from `eot` (by default the vocabulary's last id, as
    in GPT-2). A text longer than the context is scored in windows `stride` tokens apart (by
    default half the context): each token once, the first n_ctx from all that precedes them,
    the others from at least n_ctx - stride tokens. About `batch_tokens` go through the network
    together; `max_tokens` cuts each text. ValueError where an id is outside the vocabulary or
    the network's numbers are not finite.
    """
    settings = _Settings.of([network], eot, stride, batch_tokens, max_tokens)
    for ids, total, columns in _reduced([network], token_lists, _statistics, settings):
        log_prob, rank, entropy, variance = columns or [np.zeros(0, dtype=np.float32)] * 4
        yield TokenScores(ids, log_prob, rank.astype(np.int32), entropy, variance, total)


def cross_entropy(
    observer: GPT2,
    performer: GPT2,
    token_lists: Iterable[Ids],
    *,
    eot: int | None = None,
    stride: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    max_tokens: int | None = None,
) -> list[NDArray[np.float32]]:
    """Cross-entropy of two networks' predictions at each token of each text, in nats.

    -sum_v observer(v) log performer(v) (Hans et al. 2024, Binoculars, equation 3 before its
    mean over tokens), aligned with `TokenScores`. The networks share one vocabulary; windows
    fit the shorter of their contexts.
    """
    networks = [observer, performer]
    settings = _Settings.of(networks, eot, stride, batch_tokens, max_tokens)
    found = _reduced(networks, token_lists, _crossed, settings)
    return [c[0] if c else np.zeros(0, dtype=np.float32) for _, _, c in found]


def _statistics(logits: Sequence[Tensor], targets: Tensor, *, compiled: bool) -> list[Tensor]:
    """One network's statistics."""
    (own,) = logits
    if not compiled:
        return reduce.statistics(own, targets)
    from hallmark.lm import fused

    return fused.statistics(own, targets)


def _crossed(logits: Sequence[Tensor], targets: Tensor, *, compiled: bool) -> list[Tensor]:
    """Two networks' cross-entropy, for which there is no compiled way."""
    return reduce.crossed(*logits)


@dataclass(frozen=True)
class _Settings:
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
        batch_tokens: int,
        max_tokens: int | None,
    ) -> _Settings:
        """Fill in the defaults and check the rest; ValueError says what is wrong."""
        sizes = sorted({n.config.vocab_size for n in networks})
        if len(sizes) > 1:
            raise ValueError(f"the networks' vocabularies differ ({sizes}); use two of one family")
        n_ctx = min(n.config.n_ctx for n in networks)
        stride = max(1, n_ctx // 2) if stride is None else stride
        eot = sizes[0] - 1 if eot is None else eot
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
        chosen = torch.from_numpy(scored).to(device)
        wanted = torch.from_numpy(targets.astype(np.int64)).to(device)
        many = len(targets) * self.networks[0].config.vocab_size >= _MANY
        compiled = many and device.type == "cpu"
        states = [
            hidden_states(n, tokens, lengths, compiled=compiled)[chosen] for n in self.networks
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
        blocks = []
        for i in range(0, len(targets), rows):
            logits = [h(s[i : i + rows]) for h, s in zip(self.heads, states, strict=True)]
            blocks.append(self.reduction(logits, targets[i : i + rows, None], compiled=compiled))
        columns = [torch.cat(c).float().cpu().numpy() for c in zip(*blocks, strict=True)]
        if not all(np.isfinite(c).all() for c in columns):
            raise ValueError("the network's numbers are not finite; its weights are damaged")
        return columns


def _reduced(
    networks: Sequence[GPT2], token_lists: Iterable[Ids], reduction: Reduction, settings: _Settings
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


def _texts(token_lists: Iterable[Ids], settings: _Settings) -> Iterator[_Text]:
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
