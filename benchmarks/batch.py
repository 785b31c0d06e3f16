"""Writing 32 texts of unequal lengths together: tokens a second beside the peers.

The same random weights, prompts and sampling (pure) on every side. Texts end at one of `V / 256`
tokens, so after 256 on average, and at most after --new. Tokens are those of the texts:

    python benchmarks/batch.py --texts 32 --new 512 --runs 3

Each side of each run is a process of its own. A peer that cannot run is named with its reason.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from decode import versions
from peers import add_options, config_of, hallmark_network, prepare

from hallmark.lm.sampling import SamplingParams

SIDES = ("hallmark int8", "hallmark int4", "CTranslate2 int8", "transformers bf16")
PROMPT = 32


def ends_of(shape: str) -> list[int]:
    """The tokens that end a text."""
    size = config_of(shape).vocab_size
    return np.random.default_rng(1).choice(size - 1, size // 256, replace=False).tolist()


def prompts_of(shape: str, count: int) -> list[list[int]]:
    """Prompts of 32 tokens with nothing in common."""
    size = config_of(shape).vocab_size
    return np.random.default_rng(0).integers(0, size - 1, (count, PROMPT)).tolist()


class BareRow:
    """What the schedule asks of a text, without its words."""

    def __init__(self, prompt: list[int], seed: int, ends: set[int], new: int) -> None:
        self.context, self.seed, self.ends, self.new = prompt, seed, ends, new
        self.tokens: list[int] = []
        self.slides, self.params, self.alternatives = 0, SamplingParams(), None

    @property
    def left(self) -> int:
        return self.new - len(self.tokens)

    def take(self, token: int) -> bool:
        self.tokens.append(token)
        return token not in self.ends and len(self.tokens) < self.new

    def generation(self) -> BareRow:
        return self


def hallmark(args: argparse.Namespace, precision: str) -> tuple[int, float]:
    """Ours: the schedule of `continuous.stream`."""
    from hallmark.lm.continuous import Schedule
    from hallmark.lm.engine.decoder import Decoder
    from hallmark.lm.speculation import Pace

    network, ends = hallmark_network(args.shape, precision), set(ends_of(args.shape))
    prompts = prompts_of(args.shape, args.texts)

    def rows(new: int) -> Iterator[BareRow]:
        return (BareRow(p, seed, ends, new) for seed, p in enumerate(prompts))

    def write(new: int) -> tuple[int, float]:
        slots = {"slots": args.texts, "capacity": 1024, "threads": args.threads}
        began = time.perf_counter()
        with Decoder(network, SamplingParams(), **slots) as decoder:
            schedule = Schedule(decoder, rows(new), draft=None, pace=Pace())
            count = sum(len(row.tokens) for _, row in schedule.run())
        return count, time.perf_counter() - began

    write(4)
    return write(args.new)


def ctranslate2(args: argparse.Namespace, folder: Path) -> tuple[int, float]:
    import ctranslate2 as c

    generator = c.Generator(
        str(folder), device="cpu", compute_type="int8", intra_threads=args.threads, inter_threads=1
    )
    prompts = [[f"t{i}" for i in p] for p in prompts_of(args.shape, args.texts)]

    def write(new: int) -> tuple[int, float]:
        began = time.perf_counter()
        texts = generator.generate_batch(
            prompts, max_length=new, sampling_topk=0, beam_size=1, include_prompt_in_result=False,
            end_token=ends_of(args.shape), return_end_token=True,
        )  # fmt: skip
        count = sum(len(t.sequences_ids[0]) for t in texts)
        return count, time.perf_counter() - began

    write(4)
    return write(args.new)


def transformers(args: argparse.Namespace, folder: Path) -> tuple[int, float]:
    import torch
    from transformers import GPT2LMHeadModel

    torch.set_num_threads(args.threads)
    model = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.bfloat16).eval()
    ids = torch.tensor(prompts_of(args.shape, args.texts))
    ends = ends_of(args.shape)

    def write(new: int) -> tuple[int, float]:
        began = time.perf_counter()
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=new, do_sample=True, top_k=0,
            top_p=1.0, eos_token_id=ends, pad_token_id=config_of(args.shape).vocab_size - 1,
        )[:, PROMPT:]  # fmt: skip
        seconds = time.perf_counter() - began
        hit = torch.isin(out, torch.tensor(ends))
        lengths = torch.where(hit.any(1), hit.int().argmax(1) + 1, out.shape[1])
        return int(lengths.sum()), seconds

    write(4)
    return write(args.new)


def measure(args: argparse.Namespace) -> tuple[int, float]:
    path = prepare(args.folder, args.shape, args.side)
    name, kind = args.side.split()
    if path is None:
        return hallmark(args, kind)
    return {"CTranslate2": ctranslate2, "transformers": transformers}[name](args, path)


def run(args: argparse.Namespace, side: str) -> tuple[int, float] | str:
    """One side in a process of its own, or why it did not run."""
    own = ["--side", side, "--shape", args.shape, "--texts", str(args.texts)]
    own += ["--new", str(args.new), "--threads", str(args.threads), "--folder", str(args.folder)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, *own],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no reason given"])[-1][:120]
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", default="124M")
    parser.add_argument("--texts", type=int, default=32)
    parser.add_argument("--new", type=int, default=512)
    add_options(parser, SIDES)
    args = parser.parse_args()
    if args.side:
        print(json.dumps(measure(args)))
        return
    print(versions(args.sides))
    found: dict[str, list[tuple[int, float]]] = {side: [] for side in args.sides}
    failed: dict[str, str] = {}
    for _ in range(args.runs):
        for side in args.sides:
            if side not in failed:
                result = run(args, side)
                if isinstance(result, str):
                    failed[side] = result
                else:
                    found[side].append(result)
    rates = {side: [n / s for n, s in runs] for side, runs in found.items() if runs}
    first = statistics.median(rates[args.sides[0]])
    print(f"\n{args.shape}, {args.texts} texts, at most {args.new} tokens, {args.threads} threads")
    print("| side | tokens/s (all runs) | tokens | x of it: hallmark is |")
    print("|---|---|---|---|")
    for side in args.sides:
        if side in failed:
            print(f"| {side} | did not run: {failed[side]} | | |")
            continue
        middle = statistics.median(rates[side])
        runs = " ".join(f"{rate:.0f}" for rate in rates[side])
        tokens = " ".join(str(n) for n, _ in found[side])
        print(f"| {side} | {middle:.0f} ({runs}) | {tokens} | {first / middle:.2f} |")


if __name__ == "__main__":
    main()
