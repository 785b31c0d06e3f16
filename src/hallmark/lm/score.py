"""How a network sees a text: one forward pass, four numbers a token.

Knows token ids only; what the numbers say about who wrote the text is for detectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from hallmark.lm import reduce
from hallmark.lm.passes import Ids, Settings, reduced
from hallmark.models.gpt2 import GPT2


@dataclass(frozen=True)
class TokenScores:
    """What a network gives for each of the T scored tokens of one text.

    `log_prob` of the token in nats; its `rank`, 1 + the number of tokens strictly more likely
    (so tied tokens share the best rank; in bf16 logits are rounded before, and many tie);
    `entropy` in nats and `variance` in nats squared, of the log-probability of a token drawn
    from the network's own distribution. `tokens_total` is the length of the whole text, more
    than T where it was cut.
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
    batch_tokens: int | None = None,
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
    batch_tokens: int | None = None,
    max_tokens: int | None = None,
) -> Iterator[TokenScores]:
    """Scores of each text in turn, in memory bounded by the longest of them.

    The first token of a text is predicted from `eot` (by default the vocabulary's last id, as
    in GPT-2). A text longer than the context is scored in windows `stride` tokens apart (by
    default half the context): each token once, the first n_ctx from all that precedes them,
    the others from at least n_ctx - stride tokens. About `batch_tokens` go through the network
    together (by default as many as suit the device); `max_tokens` cuts each text. ValueError
    where an id is outside the vocabulary or the network's numbers are not finite.
    """
    settings = Settings.of([network], eot, stride, batch_tokens, max_tokens)
    for ids, total, columns in reduced([network], token_lists, _statistics, settings):
        log_prob, rank, entropy, variance = columns or [np.zeros(0, dtype=np.float32)] * 4
        yield TokenScores(ids, log_prob, rank.astype(np.int32), entropy, variance, total)


def cross_entropy(
    observer: GPT2,
    performer: GPT2,
    token_lists: Iterable[Ids],
    *,
    eot: int | None = None,
    stride: int | None = None,
    batch_tokens: int | None = None,
    max_tokens: int | None = None,
) -> list[NDArray[np.float32]]:
    """Cross-entropy of two networks' predictions at each token of each text, in nats.

    -sum_v observer(v) log performer(v) (Hans et al. 2024, Binoculars, equation 3 before its
    mean over tokens), aligned with `TokenScores`. The networks share one vocabulary; windows
    fit the shorter of their contexts.
    """
    networks = [observer, performer]
    settings = Settings.of(networks, eot, stride, batch_tokens, max_tokens)
    found = reduced(networks, token_lists, _crossed, settings)
    return [c[0] if c else np.zeros(0, dtype=np.float32) for _, _, c in found]


def _statistics(logits: Sequence[Tensor], targets: Tensor, *, compiled: bool) -> list[Tensor]:
    """One network's statistics."""
    (own,) = logits
    if not compiled:
        return reduce.statistics(own, targets)
    if own.is_cuda:
        from hallmark.lm.gpu.reduce import shared

        return shared()(own, targets)
    from hallmark.lm import fused

    return fused.statistics(own, targets)


def _crossed(logits: Sequence[Tensor], targets: Tensor, *, compiled: bool) -> list[Tensor]:
    """Two networks' cross-entropy, for which there is no compiled way."""
    return reduce.crossed(*logits)
