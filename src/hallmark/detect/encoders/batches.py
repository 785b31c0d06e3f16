"""Rows of ids as padded tensors, and many of them through a network in order of length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hallmark.detect.encoders.network import Network
from hallmark.detect.encoders.settings import EncoderConfig
from hallmark.detect.encoders.vocabulary import Ids, Specials


def pad(rows: Sequence[Ids], specials: Specials, *, device: torch.device) -> tuple[Tensor, Tensor]:
    """(B, T) ids with their special tokens, and the lengths (B,) of the rows."""
    around = len(specials.before) + len(specials.after)
    lengths = [len(row) + around for row in rows]
    out = np.full((len(rows), max(lengths)), specials.pad, dtype=np.int64)
    for row, ids, length in zip(out, rows, lengths, strict=True):
        row[:length] = [*specials.before, *ids, *specials.after]
    return torch.from_numpy(out).to(device), torch.tensor(lengths, device=device)


def by_length(rows: Sequence[Ids], size: int) -> list[list[int]]:
    """The rows' places, longest first, in groups of `size`: little is padding."""
    order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
    return [order[i : i + size] for i in range(0, len(order), size)]


def autocast(network: Network, precision: str) -> torch.autocast:
    """Products in bf16 where that was asked for, or pays: on a GPU, on a CPU with matrix units."""
    device = next(network.parameters()).device.type
    pays = device == "cuda" or (device == "cpu" and _matrix_units())
    enabled = precision == "bf16" or (precision == "auto" and pays)
    return torch.autocast(device, dtype=torch.bfloat16, enabled=enabled)


def _matrix_units() -> bool:
    return bool(torch.cpu._is_amx_tile_supported())


@torch.inference_mode()
def log_odds(
    network: Network, rows: Sequence[Ids], specials: Specials, *, config: EncoderConfig
) -> NDArray[np.float64]:
    """Log-odds (len(rows),) in nats, float32 products unless `config.precision` is bf16."""
    device = next(network.parameters()).device
    out = np.zeros(len(rows))
    training = network.training
    network.eval()
    precision = "bf16" if config.precision == "bf16" else "float32"
    with autocast(network, precision):
        for group in by_length(rows, config.micro_batch):
            ids, lengths = pad([rows[i] for i in group], specials, device=device)
            out[group] = network(ids, lengths).double().cpu().numpy()
    network.train(training)
    return out
