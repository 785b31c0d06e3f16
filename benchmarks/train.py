"""Tokens a second and peak memory of a training step beside transformers' Trainer and a plain loop.

The same shape, first weights, batches, optimiser (fused AdamW), clipping, precision (bf16 autocast)
and no dropout on every side. Each side of each run is a process of its own, so that its peak
memory is its own; the sides take turns:

    python benchmarks/train.py --threads 2 --runs 2

Sides: `hallmark`, `trainer` (transformers' Trainer), `plain` (a short loop in nanoGPT's style:
fused attention, tied head, PyTorch's cross-entropy over all logits), and with --compiled the first
and the last under torch.compile.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from peers import transformers_network
from torch import Tensor, nn
from torch.nn import functional as F

from hallmark.lm.training.memory import keep_freed_memory
from hallmark.lm.training.objective import NextTokenLoss, gradients
from hallmark.lm.training.optimiser import build_optimisers, step_all, trained
from hallmark.lm.training.settings import TrainConfig
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config, find_size

SIDES = ("hallmark", "trainer", "plain")
LR = 1e-4
ROUNDING = 1e-3  # between two ways to the same loss in bf16


@dataclass
class Timed:
    """Of each step: its loss, and by the clock and by the processors the seconds that it took."""

    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def begin(self) -> None:
        self.seconds.append(-time.perf_counter())
        self.cpu.append(-time.process_time())

    def end(self) -> None:
        self.seconds[-1] += time.perf_counter()
        self.cpu[-1] += time.process_time()

    def warm(self) -> dict[str, list[float]]:
        """Without the seconds of the first step, which warms up."""
        return {"losses": self.losses, "seconds": self.seconds[1:], "cpu": self.cpu[1:]}


def batch(args: argparse.Namespace, config: GPT2Config, step: int) -> Tensor:
    """Step `step`'s ids (B, T + 1), the same on every side."""
    ids = np.random.default_rng(step).integers(0, config.vocab_size, (args.batch, args.length + 1))
    return torch.from_numpy(ids)


def first_network(config: GPT2Config) -> GPT2:
    """The same first weights on every side."""
    network = GPT2(config)
    network.initialise(torch.Generator().manual_seed(0))
    return network


def timed(args: argparse.Namespace, step: Callable[[int], float]) -> Timed:
    """Run the steps, one more than was asked for."""
    found = Timed()
    for i in range(args.steps + 1):
        found.begin()
        found.losses.append(step(i))
        found.end()
    return found


def hallmark(args: argparse.Namespace, config: GPT2Config, *, compiled: bool) -> Timed:
    """Our step, as `hallmark train` runs it."""
    keep_freed_memory()
    settings = TrainConfig(lr=LR, compile=compiled)
    loss = NextTokenLoss(first_network(config), settings)
    named = trained(loss.network)
    steppers = build_optimisers(named, settings)

    def step(i: int) -> float:
        found = gradients(loss, loss, [batch(args, config, i)], no_sync=None)
        nn.utils.clip_grad_norm_([p for _, p in named], 1.0)
        step_all(steppers, scale=1.0)
        return float(found)

    return timed(args, step)


def trainer(args: argparse.Namespace, config: GPT2Config, *, compiled: bool) -> Timed:
    """transformers' Trainer with its own GPT-2.

    It is given the shifted targets: left to shift itself, it sums over T - 1 targets a row and
    divides by T, which makes loss and gradient 1/512 less than those of the other sides.
    """
    import tempfile

    import transformers
    from transformers import Trainer, TrainerCallback, TrainingArguments

    transformers.utils.logging.set_verbosity_error()
    peer = transformers_network(first_network(config), resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    rows = [row for i in range(args.steps + 1) for row in batch(args, config, i)]
    found = Timed()

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            found.begin()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            found.end()

    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            folder, max_steps=args.steps + 1, per_device_train_batch_size=args.batch,
            learning_rate=LR, lr_scheduler_type="constant", weight_decay=0.1, adam_beta2=0.95,
            max_grad_norm=1.0, bf16=True, use_cpu=True, optim="adamw_torch_fused",
            logging_steps=1, train_sampling_strategy="sequential", save_strategy="no",
            report_to=[], disable_tqdm=True, remove_unused_columns=False,
        )  # fmt: skip
        examples = [
            {"input_ids": r[:-1], "labels": r[1:], "shift_labels": r[1:]} for r in rows
        ]  # fmt: skip
        run = Trainer(peer, settings, train_dataset=examples, callbacks=[Clock()])
        run.remove_callback(transformers.PrinterCallback)
        run.train()
    found.losses += [line["loss"] for line in run.state.log_history if "loss" in line]
    return found


class PlainBlock(nn.Module):
    """A block as a short script writes it."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        width = config.n_embd
        self.heads = config.n_head
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.mlp_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.shape
        q, k, v = (
            part.view(b, t, self.heads, c // self.heads).transpose(1, 2)
            for part in self.c_attn(self.ln_1(x)).split(c, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(y.transpose(1, 2).contiguous().view(b, t, c))
        out: Tensor = x + self.mlp_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))
        return out


class PlainGPT(nn.Module):
    """The network of a short script: ids and targets in, loss out."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_ctx, config.n_embd)
        self.h = nn.ModuleList(PlainBlock(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.head.weight = self.wte.weight

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.h:
            x = block(x)
        logits = self.head(self.ln_f(x))
        return F.cross_entropy(logits.float().view(-1, logits.shape[-1]), targets.reshape(-1))


def plain(args: argparse.Namespace, config: GPT2Config, *, compiled: bool) -> Timed:
    """A plain loop."""
    model = PlainGPT(config)
    with torch.no_grad():
        own = dict(model.named_parameters())
        for name, p in first_network(config).named_parameters():
            name = name.replace("mlp.c_proj", "mlp_proj").replace(".attn.", ".")
            own[name.replace(".mlp.", ".")].copy_(p)
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=LR, betas=(0.9, 0.95), fused=True,
    )  # fmt: skip
    call = torch.compile(model) if compiled else model

    def step(i: int) -> float:
        ids = batch(args, config, i)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = call(ids[:, :-1], ids[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        return float(loss.detach())

    return timed(args, step)


def one_side(args: argparse.Namespace) -> None:
    """Run one side in this process and print what was measured."""
    torch.set_num_threads(args.threads)
    name, _, compiled = args.side.partition("-")
    side = {"hallmark": hallmark, "trainer": trainer, "plain": plain}[name]
    found = side(args, find_size(args.size).config, compiled=bool(compiled))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found.warm() | {"mb": peak}))


def first_losses(losses: dict[str, float]) -> str:
    """That all sides begin with the same loss, in words; an error where they do not."""
    apart = max(losses.values()) - min(losses.values())
    said = ", ".join(f"{side} {loss:.4f}" for side, loss in losses.items())
    if apart > ROUNDING:
        raise SystemExit(f"not like for like: the first losses differ by {apart:.4f}: {said}")
    return f"the first losses agree to {apart:.1e} ({said})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="124M")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        one_side(args)
        return
    sides = [*SIDES, *(("hallmark-compiled", "plain-compiled") if args.compiled else ())]
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(args.runs):
        for side in sides:
            command = [sys.executable, *sys.argv, "--side", side]
            environment = os.environ | {"OMP_NUM_THREADS": str(args.threads)}
            if side.startswith("hallmark"):
                environment = {"GOMP_SPINCOUNT": "1000"} | environment  # as the program sets it
            done = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True, env=environment
            )
            found[side].append(json.loads(done.stdout.splitlines()[-1]))
            print(side, found[side][-1], file=sys.stderr)
    print(first_losses({side: runs[0]["losses"][0] for side, runs in found.items()}))
    print(f"{platform.processor()}, Python {platform.python_version()}, torch {torch.__version__}")
    tokens = args.batch * args.length
    speed = {s: tokens / statistics.median(t for r in rs for t in r["seconds"])
             for s, rs in found.items()}  # fmt: skip
    cpu = {s: statistics.median(t for r in rs for t in r["cpu"]) for s, rs in found.items()}
    memory = {s: max(r["mb"] for r in rs) for s, rs in found.items()}
    print(
        "| side | tokens/s | seconds a step (all) | CPU s a step | peak MB "
        "| speed x | CPU x | memory x |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for side, runs in found.items():
        seconds = " ".join(f"{t:.2f}" for r in runs for t in r["seconds"])
        print(
            f"| {side} | {speed[side]:.0f} | {seconds} | {cpu[side]:.1f} | {memory[side]:.0f} | "
            f"{speed['hallmark'] / speed[side]:.2f} | {cpu[side] / cpu['hallmark']:.2f} | "
            f"{memory['hallmark'] / memory[side]:.2f} |"
        )


if __name__ == "__main__":
    main()
