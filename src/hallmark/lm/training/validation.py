"""How well a network predicts held-out text: nats a token and bits a byte.

Rows do not overlap, so the first tokens of a row have little before them: a little worse than
`hallmark eval-lm`, and the same rows at every validation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hallmark.lm.training.objective import NextTokenLoss
from hallmark.lm.training.order import Rows
from hallmark.lm.training.parallel import World, sum_of
from hallmark.lm.training.settings import TrainConfig
from hallmark.models.tokenizer import Tokenizer


@dataclass(frozen=True)
class Validation:
    """loss: mean nats over all `tokens`. bits_per_byte: of the text, `<|endoftext|>` left out."""

    loss: float
    bits_per_byte: float
    tokens: int


def byte_lengths(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Bytes of text that each token stands for; 0 for `<|endoftext|>`."""
    lengths = [len(tokenizer.decode_bytes([i])) for i in range(tokenizer.eot)]
    return np.array([*lengths, 0], dtype=np.int64)


@torch.no_grad()
def validate(
    model: nn.Module,
    loss: NextTokenLoss,
    rows: Rows,
    lengths: NDArray[np.int64],
    config: TrainConfig,
    world: World,
) -> Validation:
    """Run the first `valid_rows` rows (all where 0), shared between the processes."""
    count = min(rows.count, config.valid_rows or rows.count)
    sizes = torch.from_numpy(lengths).to(world.device)
    totals = torch.zeros(4, dtype=torch.float64)  # nats, nats of text, bytes, tokens
    size = config.micro_batch
    for start in range(0, count, size * world.size):  # as many rounds in every process
        first = start + world.rank * size
        numbers = np.arange(first, min(first + size, count))
        empty = not len(numbers)
        ids = rows.read(np.array([0]) if empty else numbers).to(world.device)
        with loss.autocast():
            found = model(ids).double()
        if not empty:
            targets = sizes[ids[:, 1:]]
            text = found[targets > 0].sum()
            totals += torch.stack([found.sum(), text, targets.sum().double(), _count(found)]).cpu()
    nats, text_nats, size_in_bytes, tokens = (sum_of(t.to(world.device), world) for t in totals)
    bits = text_nats / math.log(2) / size_in_bytes if size_in_bytes else math.nan
    return Validation(nats / tokens, bits, int(tokens))


def _count(found: torch.Tensor) -> torch.Tensor:
    return torch.tensor(float(found.numel()), dtype=torch.float64, device=found.device)
