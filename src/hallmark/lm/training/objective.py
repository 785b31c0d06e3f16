"""A network as a loss: ids in, the next-token cross-entropy out, forward and backward.

The module that DDP and FSDP wrap. It calls the network's own parts, compiled or recomputed where
that was asked for, and leaves the network itself as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hallmark.lm.attention import causal_attention, wanted_here
from hallmark.lm.training.head import head_loss, token_losses
from hallmark.lm.training.settings import TrainConfig
from hallmark.models.gpt2 import GPT2, Block

NoSync = Callable[[], AbstractContextManager[None]]


class NextTokenLoss(nn.Module):
    """`forward(ids, scale=s)`: s times the summed loss; without scale, each token's own loss."""

    def __init__(self, network: GPT2, config: TrainConfig) -> None:
        super().__init__()
        self.network = network
        self._dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
        if self._dtype == torch.bfloat16 and not config.compile and network.device.type == "cpu":
            _use_own_parts(network, recompute=config.recompute)
        blocks: Sequence[Callable[..., Tensor]] = list(network.h)
        if config.compile:
            blocks = [torch.compile(block, dynamic=False) for block in network.h]
        self._plain: Sequence[Callable[..., Tensor]] = blocks
        self._blocks = (
            [partial(checkpoint, block, use_reentrant=False) for block in blocks]
            if config.recompute
            else blocks
        )

    def autocast(self, *, enabled: bool = True) -> torch.autocast:
        """Products in the run's precision; enter it once a step, so that weights are cast once."""
        device = self.network.wte.weight.device.type
        return torch.autocast(
            device, dtype=torch.bfloat16, enabled=enabled and self._dtype == torch.bfloat16
        )

    def forward(self, ids: Tensor, *, scale: float | None = None) -> Tensor:
        """(B, T + 1) ids to a scalar, or, without `scale`, to (B, T) losses in nats."""
        inputs, targets = ids[:, :-1], ids[:, 1:].flatten()
        network = self.network
        positions = torch.arange(inputs.shape[1], device=ids.device)
        x: Any = network.wte(inputs) + network.wpe(positions)  # (B, T, C)
        for block in self._blocks if torch.is_grad_enabled() else self._plain:
            x = block(x, layer=0, cache=None, mask=None)
        hidden = network.ln_f(x).flatten(0, 1)
        weight = network.wte.weight
        with self.autocast(enabled=False):
            if scale is None:
                losses = token_losses(hidden, weight, targets, dtype=self._dtype)
                return losses.view(inputs.shape)
            return head_loss(hidden, weight, targets, scale=scale, dtype=self._dtype)


def _use_own_parts(network: GPT2, *, recompute: bool) -> None:
    """On a CPU in bf16: our GELU, and our attention where PyTorch's is the slower.

    Where whole blocks are computed again, nothing of them is kept that GELU could do without.
    """
    from hallmark.lm.gelu import differentiable_gelu, gelu_then

    def second(x: Tensor, layer: nn.Module) -> Tensor:
        out: Tensor = layer(differentiable_gelu(x))
        return out

    own_attention = wanted_here()
    for block in cast(Sequence[Block], network.h):
        block.mlp.second = second if recompute else gelu_then
        if own_attention:
            block.attn.causal = causal_attention


def gradients(
    model: nn.Module, loss: NextTokenLoss, batches: Sequence[Tensor], *, no_sync: NoSync | None
) -> Tensor:
    """Add the gradient of the mean loss of all `batches` to the parameters; that mean, in nats.

    model: `loss` itself or what wraps it. no_sync: entered for all but the last micro-batch, so
    that processes exchange gradients once a step.
    """
    tokens = sum(batch[:, 1:].numel() for batch in batches)
    device = loss.network.wte.weight.device
    total = torch.zeros((), device=device)
    with loss.autocast():
        for i, batch in enumerate(batches):
            if no_sync is not None and i + 1 < len(batches):
                with no_sync():
                    total += _backward(model, loss, batch.to(device), 1 / tokens)
            else:
                total += _backward(model, loss, batch.to(device), 1 / tokens)
    return total


def _backward(model: nn.Module, loss: NextTokenLoss, batch: Tensor, scale: float) -> Tensor:
    value: Tensor = model(batch, scale=scale)
    with loss.autocast(enabled=False):  # inside the one above, which keeps its cast weights
        torch.autograd.backward(value)
    return value.detach()


def can_compile() -> str:
    """Why torch.compile does not work here, in one line; empty where it does."""
    try:
        torch.compile(lambda x: x * 2 + 1)(torch.zeros(4))
    except Exception as error:
        return str(error).strip().partition("\n")[0] or type(error).__name__
    return ""
