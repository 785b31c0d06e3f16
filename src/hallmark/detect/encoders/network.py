"""Networks that classify: ids in, log-odds that a text is synthetic out.

A rung of the ladder with a head on its mean state, or any encoder of transformers with its own
classification head. Knows nothing of texts or training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from hallmark.lm.foreign import load_transformers
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config

# A small RoBERTa for the ladder's vocabulary, trained from nothing.
SMALL = {
    "model_type": "roberta", "num_hidden_layers": 3, "num_attention_heads": 4,
    "hidden_size": 128, "intermediate_size": 512, "max_position_embeddings": 514,
    "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1, "bos_token_id": 0,
    "eos_token_id": 2,
}  # fmt: skip
_LARGEST = 2**33  # elements of a config's number; a damaged one must not fill the memory


class Rung(nn.Module):
    """A GPT-2 network, and a head on the mean of its last states."""

    kind = "rung"

    def __init__(self, network: GPT2) -> None:
        super().__init__()
        self.network = network
        self.head = nn.Linear(network.config.n_embd, 1)
        self.longest = network.config.n_ctx
        self.size = network.config.vocab_size

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(B, T) ids, of which row i has `lengths[i]`, to (B,) log-odds in nats."""
        inside = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]  # (B, T)
        hidden = self.network(ids)
        mean = (hidden * inside[..., None]).sum(1) / lengths[:, None]  # (B, C)
        out: Tensor = self.head(mean).squeeze(1)
        return out

    def shape(self) -> dict[str, Any]:
        """What `build` makes the same network of."""
        return asdict(self.network.config)


class Transformer(nn.Module):
    """An encoder of transformers with its classification head; label 1 is SYNTHETIC."""

    kind = "transformers"

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        config = network.config
        places = getattr(config, "max_position_embeddings", 0) or 512
        # RoBERTa counts its positions from pad_token_id + 1
        offset = config.pad_token_id + 1 if "roberta" in config.model_type else 0
        self.longest = places - offset
        self.size = config.vocab_size

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(B, T) ids, of which row i has `lengths[i]`, to (B,) log-odds in nats."""
        inside = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]  # (B, T)
        logits = self.network(input_ids=ids, attention_mask=inside.long()).logits  # (B, 2)
        odds: Tensor = logits[:, 1] - logits[:, 0]
        return odds

    def shape(self) -> dict[str, Any]:
        """What `build` makes the same network of."""
        values: dict[str, Any] = self.network.config.to_diff_dict()
        return values


Network = Rung | Transformer


def build(kind: str, shape: Mapping[str, Any], *, seed: int = 0) -> Network:
    """A network of random weights; ValueError where the shape is none."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind == Rung.kind:
            return Rung(_gpt2(shape, seed))
        if kind == Transformer.kind:
            return Transformer(_transformer(shape))
    raise ValueError(f"network is of the kind {kind!r:.40}, not {Rung.kind} or {Transformer.kind}")


def _gpt2(shape: Mapping[str, Any], seed: int) -> GPT2:
    try:
        network = GPT2(GPT2Config(**shape))
    except TypeError as error:
        raise ValueError(f"the network's shape is damaged ({error})") from None
    network.initialise(torch.Generator().manual_seed(seed))
    return network


def _transformer(shape: Mapping[str, Any]) -> Any:
    transformers = load_transformers()
    values = {k: v for k, v in shape.items() if k not in ("id2label", "label2id", "auto_map")}
    wrong = [k for k, v in values.items() if type(v) is int and not -1 <= v < _LARGEST]
    if wrong:
        raise ValueError(f"{wrong[0]} of the network's shape is out of range")
    kind = str(values.pop("model_type", ""))
    try:
        config = transformers.AutoConfig.for_model(kind, **{**values, "num_labels": 2})
        return transformers.AutoModelForSequenceClassification.from_config(
            config, trust_remote_code=False
        )
    except (ValueError, TypeError, AttributeError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"transformers makes no encoder of type {kind!r:.40} ({reason:.100})"
        ) from None
