"""Scoring many documents of unequal length: time and memory against the usual transformers way.

A 124M-shaped model with the same random weights on every side, the same precision and threads.
Each side of each run is a process of its own, so that its peak memory is its own:

    python benchmarks/corpus.py --precision bf16 --documents 100 --runs 3

Documents have 50 to 1,000 tokens, uniformly; the goal speaks of 1,000 of them, which take float32
a quarter of an hour a side and run, so the default is a sample of the same lengths. Sides:
`hallmark`; `count`, transformers with padded batches of 8 documents in the given order and their
mask, log-softmax, entropy and variance over all logits in the model's precision, rank by counting
more likely tokens; `sort`, the same with the rank found in sorted logits; `products`, the matrix
products of our pass alone, the limit that this precision's products set on time (without those of
attention, and without the unpacking of int4). For int8, which transformers lacks on a CPU, the
peers run in bf16.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from score import CONFIG, FIELDS, fill, peak, resident

from hallmark.lm.logits import BLOCK_BYTES
from hallmark.lm.passes import BATCH_TOKENS
from hallmark.lm.score import score
from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import in_precision
from hallmark.models.precision import Precision

SIDES = ("hallmark", "count", "sort", "products")
SHORTEST, LONGEST, BATCH = 50, 1000, 8
HEAD_COLUMNS = 4096  # in one of our products
Documents = list[np.ndarray]
Numbers = dict[str, np.ndarray]


def documents(count: int) -> Documents:
    """The same random ids on every side."""
    generator = np.random.default_rng(0)
    lengths = generator.integers(SHORTEST, LONGEST + 1, count)
    return [generator.integers(0, CONFIG.vocab_size - 1, n) for n in lengths]


def hallmark(precision: Precision) -> Callable[[Documents], Numbers]:
    """Our side."""
    network = GPT2(CONFIG).eval()
    for name, parameter in network.named_parameters():
        fill(name, parameter)
    in_precision(network, precision)

    def run(texts: Documents) -> Numbers:
        scores = score(network, texts)
        return {f: np.concatenate([getattr(s, f) for s in scores]) for f in FIELDS}

    return run


def peer(rank_by: str, precision: Precision) -> Callable[[Documents], Numbers]:
    """The usual way."""
    from transformers import GPT2Config as PeerConfig
    from transformers import GPT2LMHeadModel

    network = GPT2LMHeadModel(PeerConfig()).eval()
    for name, parameter in network.transformer.named_parameters():
        matrix = ".c_" in name and parameter.ndim == 2  # kept as (in, out)
        fill(name, parameter.data.t() if matrix else parameter.data)
    if precision != Precision.FLOAT32:
        network.to(torch.bfloat16)

    @torch.no_grad()
    def batch(texts: Documents) -> list[list[np.ndarray]]:
        longest = max(map(len, texts))
        targets = torch.zeros(len(texts), longest, dtype=torch.int64)
        mask = torch.zeros_like(targets)
        for row, ids in enumerate(texts):
            targets[row, : len(ids)], mask[row, : len(ids)] = torch.from_numpy(ids), 1
        start = torch.full((len(texts), 1), CONFIG.vocab_size - 1)
        inputs = torch.cat([start, targets[:, :-1]], dim=1)
        logits = network(inputs, attention_mask=mask, use_cache=False).logits
        wanted = targets[..., None]
        log_p = logits.log_softmax(-1)
        if rank_by == "count":
            rank = 1 + (logits > logits.gather(-1, wanted)).sum(-1)
        else:
            rank = 1 + (logits.argsort(-1, descending=True) == wanted).long().argmax(-1)
        p = log_p.exp()
        entropy = -(p * log_p).sum(-1)
        variance = (p * (log_p + entropy[..., None]).square()).sum(-1)
        found = (log_p.gather(-1, wanted).squeeze(-1), rank, entropy, variance)
        return [
            [x[row, : len(ids)].float().numpy() for x in found] for row, ids in enumerate(texts)
        ]

    def run(texts: Documents) -> Numbers:
        rows = [r for i in range(0, len(texts), BATCH) for r in batch(texts[i : i + BATCH])]
        return {f: np.concatenate(x) for f, x in zip(FIELDS, zip(*rows, strict=True), strict=True)}

    return run


def products(precision: Precision) -> Callable[[Documents], Numbers]:
    """The matrix products of a pass, layer by layer and the head in blocks, and nothing else."""
    c, generator = CONFIG.n_embd, torch.Generator().manual_seed(0)
    whole = precision in (Precision.INT8, Precision.INT4)
    dtype = torch.bfloat16 if precision == Precision.BF16 else torch.float32

    def random(rows: int, columns: int) -> torch.Tensor:
        made = torch.randn(rows, columns, generator=generator)
        return (made * 40).clamp(-127, 127).to(torch.int8) if whole else made.to(dtype)

    weights = [random(n, c) for n in (3 * c, c, 4 * c)] + [random(c, 4 * c)]
    head = random(CONFIG.vocab_size, c)
    inputs = {n: random(BATCH_TOKENS, n) for n in (c, 4 * c)}
    block = BLOCK_BYTES // (CONFIG.vocab_size * (2 if dtype == torch.bfloat16 else 4))
    product = torch._int_mm if whole else torch.mm

    @torch.no_grad()
    def run(texts: Documents) -> Numbers:
        tokens = max(BATCH_TOKENS, sum(map(len, texts)))  # the warm-up meets what follows
        for first in range(0, tokens, BATCH_TOKENS):
            rows = min(BATCH_TOKENS, tokens - first)
            for _ in range(CONFIG.n_layer):
                for weight in weights:
                    product(inputs[weight.shape[1]][:rows], weight.t())
            for i in range(0, rows, block):
                for weight in head.split(HEAD_COLUMNS):
                    product(inputs[c][i : min(i + block, rows)], weight.t())
        return {}

    return run


def measure(side: str, count: int, precision: Precision, threads: int, out: Path) -> None:
    """One process's whole life: load, warm up on two short documents, time one pass, save."""
    torch.set_num_threads(threads)
    ours = {"hallmark": hallmark, "products": products}
    run = ours[side](precision) if side in ours else peer(side, precision)
    texts = documents(count)
    run([ids[:16] for ids in texts[:2]])
    level, loading = resident(), peak()
    began, worked = time.perf_counter(), time.process_time()
    numbers = run(texts)
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    np.savez(out, allow_pickle=False, **numbers)
    if peak() == loading:
        print(
            f"{side}: loading took more memory than the pass; MB is an upper bound", file=sys.stderr
        )
    print(json.dumps({"seconds": seconds, "cpu": cpu, "above": peak() - level}))


def compare(ours: Path, theirs: Path) -> str:
    """Median and largest differences between two sides' numbers."""
    with np.load(ours) as a, np.load(theirs) as b:
        shown = []
        for f in FIELDS:
            apart = np.abs(a[f].astype(np.float64) - b[f])
            shown.append(f"{f} {np.median(apart):.1e} / {apart.max():.1e}")
    return "median / largest difference: " + ", ".join(shown)


def report(results: dict[str, list[dict[str, float]]], tokens: int, folder: Path) -> None:
    """A table of medians, and each side against ours."""
    middle = {
        side: {key: statistics.median(r[key] for r in runs) for key in runs[0]}
        for side, runs in results.items()
    }
    ours = middle["hallmark"]
    print("| side | tokens/s | seconds (all runs) | CPU s | MB over weights | time x | memory x |")
    print("|---|---|---|---|---|---|---|")
    for side, m in middle.items():
        runs = " ".join(f"{r['seconds']:.1f}" for r in results[side])
        above, memory = f"{m['above']:.0f}", f"{m['above'] / ours['above']:.2f}"
        if side == "products":
            above = memory = "-"
        print(
            f"| {side} | {tokens / m['seconds']:.0f} | {m['seconds']:.1f} ({runs}) "
            f"| {m['cpu']:.1f} "
            f"| {above} | {m['seconds'] / ours['seconds']:.2f} | {memory} |"
        )
    for side in results:
        if side in ("count", "sort"):
            print(f"{side}: {compare(folder / 'hallmark.npz', folder / f'{side}.npz')}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=100)
    choices = [p.value for p in Precision]
    parser.add_argument("--precision", choices=choices, default=Precision.FLOAT32.value)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES[:3]))
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        measure(args.side, args.documents, Precision(args.precision), args.threads, args.out)
        return
    if importlib.util.find_spec("transformers") is None:
        sys.exit("corpus: transformers is not installed; pip install 'hallmark[dev]'")
    tokens = sum(map(len, documents(args.documents)))
    print(
        f"{args.documents} documents, {tokens} tokens, {args.precision}, {args.threads} threads, "
        f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}"
    )
    results: dict[str, list[dict[str, float]]] = {
        side: [] for side in dict.fromkeys(["hallmark", *args.sides])
    }
    settings = ["--documents", "--precision", "--threads"]
    values = [str(args.documents), args.precision, str(args.threads)]
    common = [x for pair in zip(settings, values, strict=True) for x in pair]
    with tempfile.TemporaryDirectory() as name:
        for _ in range(args.runs):
            for side in results:
                own = ["--side", side, "--out", f"{name}/{side}.npz"]
                command = [sys.executable, __file__, *common, *own]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                results[side].append(json.loads(done.stdout.splitlines()[-1]))
        report(results, tokens, Path(name))


if __name__ == "__main__":
    main()
