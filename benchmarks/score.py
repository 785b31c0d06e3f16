"""Peak memory and time of `score` against materialising (B, T, V) log-softmax with transformers.

A 124M-shaped model with the same random weights on every side, float32, no gradients, the same
threads. Each side of each run is a process of its own, so that its peak memory is its own:

    python benchmarks/score.py --threads 2 --runs 5

Sides: `hallmark`; `count`, transformers' logits, log-softmax, entropy and variance, rank by
counting more likely tokens; `sort`, the same with the rank found in sorted logits; `products`,
the model's matrix products and nothing else, the limit that the machine sets on time.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hallmark.lm.score import score
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config

CONFIG = GPT2Config(n_layer=12, n_head=12, n_embd=768)
SIDES = ("hallmark", "count", "sort", "products")
FIELDS = ("log_prob", "rank", "entropy", "variance")
Numbers = dict[str, np.ndarray]


def documents(batch: int, length: int) -> np.ndarray:
    """The same (B, T) random ids on every side."""
    return np.random.default_rng(0).integers(0, CONFIG.vocab_size - 1, (batch, length))


@torch.no_grad()
def fill(name: str, parameter: Tensor) -> None:
    """The same random weights on every side, written a few rows at a time to stay small."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    spread = 0.1 if name == "wte.weight" else 0.04
    for i in range(0, len(parameter), 4096):
        rows = parameter[i : i + 4096]
        rows.copy_(torch.randn(rows.shape, generator=generator) * spread)
    if name.endswith("weight") and parameter.ndim == 1:
        parameter.add_(1.0)


def hallmark() -> Callable[[np.ndarray], Numbers]:
    """Our side."""
    network = GPT2(CONFIG)
    for name, parameter in network.named_parameters():
        fill(name, parameter)

    def run(ids: np.ndarray) -> Numbers:
        scores = score(network, list(ids))
        return {f: np.stack([getattr(s, f) for s in scores]) for f in FIELDS}

    return run


def peer(rank_by: str) -> Callable[[np.ndarray], Numbers]:
    """The usual way: logits of the whole batch, then plain formulas over them."""
    from transformers import GPT2Config as PeerConfig
    from transformers import GPT2LMHeadModel

    network = GPT2LMHeadModel(PeerConfig()).eval()
    for name, parameter in network.transformer.named_parameters():
        matrix = ".c_" in name and parameter.ndim == 2  # kept as (in, out)
        fill(name, parameter.data.t() if matrix else parameter.data)

    @torch.no_grad()
    def run(ids: np.ndarray) -> Numbers:
        targets = torch.from_numpy(ids)[..., None]
        start = torch.full((len(ids), 1), CONFIG.vocab_size - 1)
        inputs = torch.cat([start, targets[:, :-1, 0]], dim=1)
        logits = network(inputs, use_cache=False).logits
        log_p = logits.log_softmax(-1)
        if rank_by == "count":
            rank = 1 + (logits > logits.gather(-1, targets)).sum(-1)
        else:
            rank = 1 + (logits.argsort(-1, descending=True) == targets).long().argmax(-1)
        p = log_p.exp()
        entropy = -(p * log_p).sum(-1)
        variance = (p * (log_p + entropy[..., None]).square()).sum(-1)
        found = (log_p.gather(-1, targets).squeeze(-1), rank, entropy, variance)
        return {f: x.numpy() for f, x in zip(FIELDS, found, strict=True)}

    return run


def products() -> Callable[[np.ndarray], Numbers]:
    """The matrix products of one pass alone, each into a buffer that is used again."""
    c, v = CONFIG.n_embd, CONFIG.vocab_size
    weights = [torch.randn(c, n) for n in (3 * c, c, 4 * c)] + [torch.randn(4 * c, c)]
    head = torch.randn(v, c)

    @torch.no_grad()
    def run(ids: np.ndarray) -> Numbers:
        rows = ids.size
        inputs = {n: torch.randn(rows, n) for n in (c, 4 * c)}
        buffers = [torch.empty(rows, w.shape[1]) for w in weights]
        for _ in range(CONFIG.n_layer):
            for weight, buffer in zip(weights, buffers, strict=True):
                torch.mm(inputs[weight.shape[0]], weight, out=buffer)
        block = torch.empty(min(rows, 512), v)
        for i in range(0, rows, 512):
            torch.mm(inputs[c][i : i + 512], head.t(), out=block[: min(512, rows - i)])
        return {}

    return run


def resident() -> float:
    """Memory of this process now, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def peak() -> float:
    """The most memory that this process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure(side: str, ids: np.ndarray, threads: int, out: Path) -> None:
    """One process's whole life: load, warm up on a few tokens, time one pass, save."""
    torch.set_num_threads(threads)
    run = {
        "hallmark": hallmark,
        "count": lambda: peer("count"),
        "sort": lambda: peer("sort"),
        "products": products,
    }[side]()
    run(ids[:1, :16])
    level, loading = resident(), peak()
    began, worked = time.perf_counter(), time.process_time()
    numbers = run(ids)
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    np.savez(out, allow_pickle=False, **numbers)
    found = {"seconds": seconds, "cpu": cpu, "above": peak() - level, "total": peak()}
    if peak() == loading:
        print(
            f"{side}: loading took more memory than the pass; MB is an upper bound", file=sys.stderr
        )
    print(json.dumps(found))


def compare(ours: Path, theirs: Path) -> str:
    """The largest differences between two sides' numbers, relative where those exceed 1."""
    with np.load(ours) as a, np.load(theirs) as b:
        worst = {
            f: float((np.abs(a[f] - b[f]) / np.maximum(1, np.abs(b[f]))).max())
            for f in FIELDS
            if f != "rank"
        }
        apart = np.abs(a["rank"].astype(int) - b["rank"])
    shown = ", ".join(f"{f} {d:.1e}" for f, d in worst.items())
    verdict = "same to 1e-4" if max(worst.values()) <= 1e-4 else "NOT THE SAME"
    return (
        f"{verdict}: largest difference {shown}; rank equal for {np.mean(apart == 0):.2%}, "
        f"at most {apart.max()} places of {CONFIG.vocab_size} apart"
    )


def report(results: dict[str, list[dict[str, float]]], folder: Path) -> None:
    """A table of medians, and each side against ours."""
    middle = {
        side: {key: statistics.median(r[key] for r in runs) for key in runs[0]}
        for side, runs in results.items()
    }
    ours = middle["hallmark"]
    print("| side | seconds (all runs) | CPU s | MB over weights | MB in all | time x | memory x |")
    print("|---|---|---|---|---|---|---|")
    for side, m in middle.items():
        runs = " ".join(f"{r['seconds']:.2f}" for r in results[side])
        memory = "-" if side == "products" else f"{m['above'] / ours['above']:.2f}"
        print(
            f"| {side} | {m['seconds']:.2f} ({runs}) | {m['cpu']:.1f} | {m['above']:.0f} "
            f"| {m['total']:.0f} | {m['seconds'] / ours['seconds']:.2f} | {memory} |"
        )
    for side in ("count", "sort"):
        if side in results:
            print(f"{side}: {compare(folder / 'hallmark.npz', folder / f'{side}.npz')}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        measure(args.side, documents(args.batch, args.length), args.threads, args.out)
        return
    if importlib.util.find_spec("transformers") is None:
        sys.exit("score: transformers is not installed; pip install 'hallmark[dev]' and run again")
    print(
        f"{args.batch} x {args.length} tokens, {args.threads} threads, {platform.machine()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )
    results: dict[str, list[dict[str, float]]] = {
        side: [] for side in dict.fromkeys(["hallmark", *args.sides])
    }
    shape = ["--batch", str(args.batch), "--length", str(args.length)]
    with tempfile.TemporaryDirectory() as name:
        for _ in range(args.runs):
            for side in results:
                own = [
                    "--side",
                    side,
                    "--out",
                    f"{name}/{side}.npz",
                    "--threads",
                    str(args.threads),
                ]
                command = [sys.executable, __file__, *shape, *own]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                results[side].append(json.loads(done.stdout.splitlines()[-1]))
        report(results, Path(name))


if __name__ == "__main__":
    main()
