"""A small network taught to tell synthetic text from people's, one number a token.

GPT-2's network with a single output in place of its vocabulary (the linear classifier of Radford
et al. 2018, here at every token and not at the last alone). It reads a text in windows, each by
itself, because it learnt from texts no longer than one: a token's log-odds depend on the tokens
before it in its window and on nothing else, so those of a text's beginning are the beginning of
the text's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hallmark.detect.stored import AGAIN, blaming, floats, read_arrays, require, write_arrays
from hallmark.models.checkpoint import load, save_quantised
from hallmark.models.folder import read_json, write_manifest
from hallmark.models.gpt2 import GPT2
from hallmark.models.tokenizer import Tokenizer
from hallmark.stats import Floats

WINDOW = 95  # tokens, after <|endoftext|>
BATCH = 32  # windows
SKIPPED = 12  # tokens at the start of a window: its network has seen too little
LEAST = 24  # tokens of a last window that counts
ENDING = 8  # tokens
HEAD = "head.safetensors"
FILES = ("config.json", HEAD, "model.safetensors", "vocab.bpe")


class Discriminator(nn.Module):
    """A network with its tokenizer and one output: `weight` (n_embd,) and `bias` (1,).

    `facts` (rung, texts) say how it was made.
    """

    def __init__(
        self,
        network: GPT2,
        tokenizer: Tokenizer,
        weight: Tensor,
        bias: Tensor,
        *,
        facts: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.network, self.tokenizer, self.facts = network, tokenizer, dict(facts)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    @classmethod
    def untrained(
        cls, network: GPT2, tokenizer: Tokenizer, *, facts: Mapping[str, Any]
    ) -> Discriminator:
        """One that gives log-odds of 0, ready to be trained; the network is not copied."""
        weight, bias = torch.zeros(network.config.n_embd), torch.zeros(1)
        return cls(network.requires_grad_(), tokenizer, weight, bias, facts=facts)

    def forward(self, tokens: Tensor, *, dropout: float = 0.0) -> Tensor:
        """Log-odds (B, T) that the text is synthetic, at each token of (B, T)."""
        hidden = F.dropout(self.network(tokens), dropout, training=dropout > 0)
        out: Tensor = hidden.to(self.weight.dtype) @ self.weight + self.bias
        return out

    @torch.inference_mode()
    def log_odds(self, texts: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """(T,) log-odds in nats at each of the T tokens of each text of token ids.

        ValueError where the network's numbers are not finite.
        """
        found = [np.zeros(len(ids), dtype=np.float32) for ids in texts]
        for places in _batches(texts):
            size = (len(places), 1 + max(n for _, _, n in places))
            tokens = torch.full(size, self.tokenizer.eot)
            for row, (text, start, n) in enumerate(places):
                tokens[row, 1 : n + 1] = torch.as_tensor(texts[text][start : start + n])
            odds = self(tokens.to(self.network.device))[:, 1:].float().cpu().numpy()
            require(np.isfinite(odds).all(), f"a discriminator gives NaN or infinity; {AGAIN}")
            for row, (text, start, n) in enumerate(places):
                found[text][start : start + n] = odds[row, :n]
        return found

    def save(self, folder: Path) -> None:
        """Write the network in int8 and its output; the manifest of all last."""
        folder.mkdir(parents=True, exist_ok=True)
        head = {"weight": self.weight.detach().numpy(), "bias": self.bias.detach().numpy()}
        write_arrays(folder / HEAD, head)
        save_quantised(folder, self.network, self.tokenizer, facts=self.facts)
        write_manifest(folder, FILES)

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Discriminator:
        """Read what `save` wrote; ValueError or FileNotFoundError says what is wrong.

        Always in float32: it is small, and what it gives weighs much.
        """
        network, tokenizer = load(folder)
        facts: Any = read_json(folder / "config.json").get("training")
        with blaming(folder / "config.json"):
            context = network.config.n_ctx
            require(context > WINDOW, f"its context of {context} is shorter than {WINDOW + 1}")
            require(isinstance(facts, dict), "training must be an object")
        head = read_arrays(folder / HEAD)
        with blaming(folder / HEAD):
            weight, bias = (
                torch.from_numpy(_single(floats(head, name, (size,)), name))
                for name, size in (("weight", network.config.n_embd), ("bias", 1))
            )
        made = cls(network, tokenizer, weight, bias, facts=facts)
        return made.requires_grad_(False).eval().to(device)


def _single(array: Floats, name: str) -> NDArray[np.float32]:
    most = np.finfo(np.float32).max
    require((np.abs(array) <= most).all(), f"{name} holds a number above {most:.3g}")
    return array.astype(np.float32)


def _batches(texts: Sequence[Sequence[int]]) -> Iterator[list[tuple[int, int, int]]]:
    """(text, start, tokens) of every window, those of like length together."""
    windows = [
        (text, start, min(WINDOW, len(ids) - start))
        for text, ids in enumerate(texts)
        for start in range(0, len(ids), WINDOW)
    ]
    windows.sort(key=lambda window: -window[2])
    for at in range(0, len(windows), BATCH):
        yield windows[at : at + BATCH]


def window_features(log_odds: NDArray[np.float32]) -> dict[str, float]:
    """What the windows of a text say: the first, the others, all, and how far they differ."""
    parts = [
        log_odds[at : at + WINDOW].astype(np.float64) for at in range(0, len(log_odds), WINDOW)
    ]
    parts = [part for part in parts if len(part) >= LEAST] or parts[:1]
    means = np.array([part[min(SKIPPED, len(part) // 2) :].mean() for part in parts])
    sizes = np.array([len(part) for part in parts], dtype=np.float64)
    others = np.average(means[1:], weights=sizes[1:]) if len(parts) > 1 else means[0]
    return {
        "windows_first": float(means[0]),
        "windows_others": float(others),
        "windows_all": float(np.average(means, weights=sizes)),
        "windows_endings": float(np.mean([part[-ENDING:].mean() for part in parts])),
        "windows_most": float(means.max()),
        "windows_least": float(means.min()),
        "windows_sd": float(means.std()),
    }
