"""How well an encoder tells held-out texts apart, at every length in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hallmark.detect.encoders.batches import log_odds
from hallmark.detect.encoders.network import Network
from hallmark.detect.encoders.settings import LENGTHS, EncoderConfig
from hallmark.detect.encoders.vocabulary import Ids, Specials
from hallmark.lm.training.parallel import World


@dataclass(frozen=True)
class Held:
    """Held-out texts, cut; `labels` (N,) and `stratum` (N,), the number of a text's length."""

    ids: Sequence[Ids]
    labels: NDArray[np.int64]
    stratum: NDArray[np.int64]


@dataclass(frozen=True)
class Validation:
    """Classes count alike, and so do lengths. `loss` is in nats; `by_length` has accuracies."""

    accuracy: float
    loss: float
    by_length: dict[int, float]

    @property
    def rank(self) -> float:
        """Lower is better: the error, and between equal errors the loss."""
        return 1 - self.accuracy + 1e-6 * min(self.loss, 1e3)

    def record(self) -> dict[str, Any]:
        """As the log has it."""
        return {"valid_accuracy": self.accuracy, "valid_loss": self.loss} | {
            f"accuracy_{length}": value for length, value in self.by_length.items()
        }

    def __str__(self) -> str:
        return f"held-out accuracy {self.accuracy:.3f}, loss {self.loss:.3f}"


def hold(ids: Sequence[Ids], labels: Sequence[int], *, most: int) -> Held:
    """Cut each class's texts to the lengths of LENGTHS (up to `most`) in turn.

    A text that does not reach its turn's length is cut to the longest one that it reaches.
    ValueError where a class has no text with tokens.
    """
    lengths = [n for n in LENGTHS if n < most] + [min(most, LENGTHS[-1])]
    kept, its_label, stratum = [], [], []
    turns = [0, 0]
    for own, label in zip(ids, labels, strict=True):
        if not len(own):
            continue
        wanted = turns[label] % len(lengths)
        turns[label] += 1
        while wanted and len(own) < lengths[wanted]:
            wanted -= 1
        kept.append(own[: lengths[wanted]])
        its_label.append(int(label))
        stratum.append(lengths[wanted])
    if not min(turns):
        raise ValueError("held-out texts of both kinds are needed to validate on; give more")
    return Held(kept, np.array(its_label), np.array(stratum))


def validate(
    network: Network, held: Held, specials: Specials, config: EncoderConfig, world: World
) -> Validation:
    """Score the held texts, shared between the processes."""
    own = list(range(world.rank, len(held.ids), world.size))
    odds = torch.zeros(len(held.ids), dtype=torch.float64)
    odds[own] = torch.from_numpy(
        log_odds(network, [held.ids[i] for i in own], specials, config=config)
    )
    if world.size > 1:
        shared = odds.to(world.device)
        torch.distributed.all_reduce(shared)
        odds = shared.cpu()
    return summarise(odds.numpy(), held)


def summarise(odds: NDArray[np.float64], held: Held) -> Validation:
    """Accuracy at log-odds 0 and cross-entropy, each the mean over classes and lengths."""
    right = (odds > 0) == (held.labels == 1)
    loss = np.logaddexp(0, np.where(held.labels == 1, -odds, odds))
    accuracies, losses = {}, []
    for length in np.unique(held.stratum):
        here = held.stratum == length
        classes = [here & (held.labels == label) for label in (0, 1)]
        present = [c for c in classes if c.any()]
        accuracies[int(length)] = float(np.mean([right[c].mean() for c in present]))
        losses.append(float(np.mean([loss[c].mean() for c in present])))
    return Validation(float(np.mean(list(accuracies.values()))), float(np.mean(losses)), accuracies)
