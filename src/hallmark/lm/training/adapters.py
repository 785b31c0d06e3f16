"""LoRA: low-rank additions to a frozen network's linear layers, by the peft library.

Hu et al. 2022. Merged into the weights they leave a plain network behind.
"""

from __future__ import annotations

from importlib.util import find_spec

import torch
from torch import nn

from hallmark.models.gpt2 import GPT2

_MISSING = "LoRA needs peft; install hallmark[lora] (in a clone: pip install -e '.[lora]')"
_TARGETS = ["c_attn", "c_proj", "c_fc"]


def check_adapters(*, rank: int) -> None:
    """ValueError where peft is not installed, or no adapter has this rank."""
    if find_spec("peft") is None:
        raise ValueError(_MISSING)
    if rank < 1:
        raise ValueError(f"the rank of LoRA must be at least 1, not {rank}")


def add_adapters(network: GPT2, *, rank: int, seed: int) -> None:
    """Freeze the network and add adapters of `rank` to every linear layer, in place.

    They change nothing until they are trained. ValueError where peft is not installed.
    """
    check_adapters(rank=rank)
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=_TARGETS, lora_dropout=0.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, network)


def is_adapter(name: str) -> bool:
    """Whether a parameter of this name is an adapter's and not the network's own."""
    return ".lora_" in name


def merge_adapters(network: GPT2) -> None:
    """Add the adapters into the weights and put the plain layers back, in place."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, BaseTunerLayer) and isinstance(child, nn.Module):
                child.merge()
                setattr(module, name, child.get_base_layer())
    network.requires_grad_(True)
