"""One expensive pass over a text; every feature is a small reduction of its record.

All numbers of a token depend on earlier tokens alone, so the record of a text's beginning is
the beginning of its record: training on many lengths costs one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hallmark.detect.background import AdaptiveScores, Background
from hallmark.detect.cutting import TOKEN_CHARACTERS, decoded
from hallmark.detect.discriminator import Discriminator, window_features
from hallmark.detect.normalise import normalise
from hallmark.detect.repetition import repetition_features
from hallmark.detect.style import style_features
from hallmark.detect.surprisal import (
    cache_features,
    class_features,
    network_features,
    tail_features,
)
from hallmark.detect.words import Words
from hallmark.lm import score as scoring
from hallmark.lm.model import LanguageModel
from hallmark.lm.score import TokenScores
from hallmark.models.tokenizer import Tokenizer

MAX_TOKENS = 1024
NETWORK_SHARE = 0.5  # of the network in its mixture with the adaptive bigram model
_PIECE = 1 << 18  # characters tokenised at once where only the number of tokens matters


@dataclass(frozen=True)
class Reading:
    """A normalised text's tokens as the background and the network found them.

    `log_odds` (T,) are the discriminator's, where there is one.
    """

    text: str
    adaptive: AdaptiveScores
    network: TokenScores
    tokens_total: int
    log_odds: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.network)

    def prefix(self, length: int, tokenizer: Tokenizer) -> Reading:
        """The reading of the first `length` tokens."""
        n = self.network
        cut = TokenScores(
            n.tokens[:length], n.log_prob[:length], n.rank[:length], n.entropy[:length],
            n.variance[:length], length,
        )  # fmt: skip
        text = decoded(cut.tokens.tolist(), tokenizer)
        odds = None if self.log_odds is None else self.log_odds[:length]
        return Reading(text, self.adaptive.prefix(length), cut, length, odds)


class Reader:
    """A background and a language model that share one vocabulary, and a discriminator, if any."""

    def __init__(
        self,
        model: LanguageModel,
        background: Background,
        discriminator: Discriminator | None = None,
    ) -> None:
        counted, n_vocab = len(background.unigram), model.tokenizer.n_vocab
        if counted != n_vocab:
            raise ValueError(
                f"the background counts {counted} tokens and {model.name} has {n_vocab}; use the "
                "model that the detector was made with"
            )
        if discriminator and discriminator.tokenizer.merges != model.tokenizer.merges:
            raise ValueError(
                f"the discriminator and {model.name} have different vocabularies; use the model "
                "that the detector was made with"
            )
        self.model = model
        self.background = background
        self.discriminator = discriminator
        tokenizer = model.tokenizer
        self._starts = np.array(
            [tokenizer.decode_bytes([i]).startswith(b" ") for i in range(tokenizer.n_vocab)]
        )

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Readings of the first `MAX_TOKENS` tokens of each text, normalised."""
        tokenizer = self.model.tokenizer
        totals = [count_tokens(text, tokenizer) for text in texts]
        heads = [normalise(text.lstrip()[: TOKEN_CHARACTERS * MAX_TOKENS]) for text in texts]
        ids = [tokenizer.encode(head)[:MAX_TOKENS] for head in heads]
        network = scoring.score(self.model.network, ids, eot=tokenizer.eot)
        return [
            Reading(
                decoded(own, tokenizer),
                self.background.score(own, eot=tokenizer.eot),
                scores,
                max(total, len(own)),
                odds,
            )
            for own, scores, total, odds in zip(
                ids, network, totals, self.log_odds(ids), strict=True
            )
        ]

    def log_odds(self, ids: Sequence[Sequence[int]]) -> Sequence[NDArray[np.float32] | None]:
        """The discriminator's of each text's tokens; None without one."""
        if self.discriminator is None:
            return [None] * len(ids)
        return self.discriminator.log_odds(ids)

    def features(self, reading: Reading) -> dict[str, float]:
        """Every feature of a reading of at least two tokens, by name."""
        adaptive = reading.adaptive
        network = reading.network.log_prob.astype(np.float64)
        blend = np.logaddexp(
            adaptive.mixture + np.log(1 - NETWORK_SHARE), network + np.log(NETWORK_SHARE)
        )
        starts, first = self._starts[adaptive.ids], first_uses(adaptive.ids)
        words = Words(reading.text)
        out = repetition_features(words, self.background) | style_features(words)
        out |= cache_features(adaptive, first) | network_features(reading.network)
        sources = {"bigram": adaptive.bigram, "mixture": adaptive.mixture, "blend": blend}
        for name, log_prob in (sources | {"network": network}).items():
            out |= tail_features(name, log_prob)
            out |= class_features(name, log_prob, adaptive.unigram, starts=starts, first=first)
        if reading.log_odds is not None:
            out |= window_features(reading.log_odds)
        return out

    def names(self) -> tuple[str, ...]:
        """Names of the features that `features` gives, in its order."""
        return tuple(self.features(self.read(["two words"])[0]))


def first_uses(ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(T,) True where a token occurs for the first time."""
    out = np.zeros(len(ids), dtype=np.bool_)
    out[np.unique(ids, return_index=True)[1]] = True
    return out


def count_tokens(text: str, tokenizer: Tokenizer) -> int:
    """Tokens of the whole normalised text, counted in pieces so that memory stays bounded.

    Exact where each piece ends before a blank or a line break, because a token never spans the
    start of a word; a run of `_PIECE` characters without one is cut anywhere.
    """
    total, at = 0, 0
    while at < len(text):
        end = at + _PIECE
        if end < len(text):
            blank = max(text.rfind(" ", at + 1, end), text.rfind("\n", at + 1, end))
            end = blank if blank > 0 else end
        piece = normalise(text[at:end])
        if piece:
            total += len(tokenizer.encode(" " * (total > 0) + piece))
        at = end
    return total
