"""LAMBADA: the last word of a passage that can be guessed only from all of it.

Paperno et al. 2016. Two protocols, from one pass. Strict: every token of the word must be the
likeliest one. Paper: words that passages never end in (the stop words of section 3.3 of the GPT-2
paper) are ruled out first; the paper's own list was not published, ours is below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from hallmark import stats
from hallmark.lm.model import LanguageModel
from hallmark.lm.protocols.continuation import Pair, continuation_logits
from hallmark.lm.protocols.detokenise import lambada as detokenise

_WORDS = """
a about above after again against all am an and any are as at be because been before being
below between both but by can could did do does doing down during each few for from further had
has have having he her here hers herself him himself his how i if in into is it its itself just
me more most my myself no nor not now of off on once only or other our ours ourselves out over
own same she should so some such than that the their theirs them themselves then there these
they this those through to too under until up very was we were what when where which while who
whom why will with would you your yours yourself yourselves
"""
STOP_WORDS = frozenset(_WORDS.split())


@dataclass(frozen=True)
class Guess:
    """One passage: whether its last word was guessed, and its log-probability in nats."""

    strict: bool
    filtered: bool
    log_prob: float


@dataclass(frozen=True)
class LambadaResult:
    """Accuracy by protocol, and perplexity per last word (exp of the mean of -log p)."""

    strict: stats.Estimate
    paper: stats.Estimate
    perplexity: float


def lambada(
    model: LanguageModel, passages: Iterable[str], *, on_passage: Callable[[int], None]
) -> LambadaResult:
    """Guess the last word of every passage; ValueError where there is none to guess."""
    found: list[Guess] = []
    stop = _stop_tokens(model)
    pairs = (_split(model, text) for text in passages)
    for logits, target in continuation_logits(model, pairs):
        found.append(_guess(logits, target, stop))
        on_passage(1)
    if not found:
        raise ValueError("there is no passage to guess the last word of")
    return LambadaResult(
        stats.wilson(sum(g.strict for g in found), len(found)),
        stats.wilson(sum(g.filtered for g in found), len(found)),
        stats.perplexity(-sum(g.log_prob for g in found) / len(found)),
    )


def _split(model: LanguageModel, text: str) -> Pair:
    """Ids of the passage without its last word, and of that word with the space before it."""
    context, space, word = detokenise(text.strip()).rpartition(" ")
    if not space:
        raise ValueError(f"the passage {text[:40]!r} has one word; give whole passages")
    return model.tokenizer.encode(context), model.tokenizer.encode(f" {word}")


def _stop_tokens(model: LanguageModel) -> torch.Tensor:
    """Ids of single tokens that are a space and a stop word."""
    words = (model.tokenizer.encode(f" {word}") for word in sorted(STOP_WORDS))
    return torch.tensor([ids[0] for ids in words if len(ids) == 1], dtype=torch.long)


def _guess(logits: torch.Tensor, target: torch.Tensor, stop: torch.Tensor) -> Guess:
    log_prob = float(logits.log_softmax(-1).gather(1, target[:, None]).sum())
    strict = bool((logits.argmax(-1) == target).all())
    logits = logits.clone()
    logits[0, stop] = -torch.inf
    return Guess(strict, bool((logits.argmax(-1) == target).all()), log_prob)
