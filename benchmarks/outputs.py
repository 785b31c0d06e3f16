"""Building an output set beside transformers' `generate`: documents and tokens a second.

The same random weights of GPT-2's shape on both sides, the same settings, number of documents and
limit. The row of `<|endoftext|>` is set so that texts end after about --mean tokens, at different
lengths. Models are in memory; texts and files are part of the time, and our hash of the model.

    python benchmarks/outputs.py --setting k40 --runs 3

Each side of each run is a process of its own. Batches of transformers have as many rows as ours has
slots, and a batch ends with its longest text.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from peers import add_options, config_of, random_network
from torch import Tensor

Write = Callable[[int, int, Path], int]  # documents, most tokens, folder: tokens written
SIDES = ("hallmark int8", "hallmark float32", "transformers bf16", "transformers float32")
SETTINGS = {"pure": {"top_k": 0}, "k40": {"top_k": 40}}


def end_row(network: torch.nn.Module, setting: str, mean: int) -> Tensor:
    """The embedding of the end that is drawn once in `mean` tokens, on random contexts."""
    eot, width = network.config.vocab_size - 1, network.config.n_embd
    direction = torch.randn(width, generator=torch.Generator().manual_seed(1))
    direction /= direction.norm()
    network.ln_f.bias.data = 10 * direction
    network.wte.weight.data[eot] = direction
    ids = torch.randint(0, eot, (4, 48), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        logits = network.logits(network(ids).flatten(0, 1)[::3]).float()
    scores, reach = logits[:, eot].clone(), SETTINGS[setting]["top_k"] or logits.shape[1]
    low, high = 0.0, 5.0
    for _ in range(30):
        scale = (low + high) / 2
        logits[:, eot] = scale * scores
        kept = logits.topk(reach).values if reach < logits.shape[1] else logits
        inside = logits[:, eot] >= kept.min(1).values
        share = (logits[:, eot].exp() * inside / kept.exp().sum(1)).mean()
        low, high = (scale, high) if share < 1 / mean else (low, scale)
    return direction * low


def prepare(folder: Path, shape: str, setting: str, mean: int) -> Path:
    """A folder that both sides read."""
    from hallmark.models.checkpoint import save_huggingface
    from hallmark.models.tokenizer import Tokenizer

    made = folder / f"outputs-{shape}-{setting}-{mean}"
    if not (made / "config.json").exists():
        network = random_network(shape)
        network.wte.weight.data[-1] = end_row(network, setting, mean)
        pairs = [(bytes([a]), bytes([b])) for a in range(256) for b in range(256)]
        save_huggingface(made, network, Tokenizer(pairs[: config_of(shape).vocab_size - 257]))
    return made


def hallmark(args: argparse.Namespace, folder: Path) -> Write:
    """A build, with the model in memory."""
    from hallmark.lm.model import LanguageModel
    from hallmark.outputs.build import Models, build
    from hallmark.outputs.plan import make_plan
    from hallmark.outputs.settings import BuildConfig

    precision = args.side.split()[1]
    model = LanguageModel.load(folder, name=folder.name, precision=precision)

    class Loaded(Models):
        def load(self, name: str) -> LanguageModel:
            return model

    def write(count: int, new: int, out: Path) -> int:
        config = BuildConfig(
            sampling=args.setting, train=count, valid=0, test=0, max_tokens=new, slots=args.slots
        )
        plan = make_plan(config, [folder.name])
        built = build(out / "set", plan, Loaded({folder.name: folder}, precision=precision))
        return built.parts[0].tokens

    return write


def transformers(args: argparse.Namespace, folder: Path) -> Write:
    """The same with `generate`, one batch after another."""
    from transformers import GPT2LMHeadModel

    from hallmark.models.tokenizer import Tokenizer

    torch.manual_seed(0)
    kind = {"bf16": torch.bfloat16, "float32": torch.float32}[args.side.split()[1]]
    model = GPT2LMHeadModel.from_pretrained(folder, dtype=kind).eval()
    tokenizer = Tokenizer.load(folder)

    def batch(rows: int, new: int) -> list[list[int]]:
        start = torch.full((rows, 1), tokenizer.eot)
        written = model.generate(
            start, attention_mask=torch.ones_like(start), max_new_tokens=new, do_sample=True,
            top_p=1.0, eos_token_id=tokenizer.eot, pad_token_id=tokenizer.eot,
            **SETTINGS[args.setting],
        )  # fmt: skip
        return [[*ids, tokenizer.eot] for ids in written[:, 1:].tolist()]

    def write(count: int, new: int, out: Path) -> int:
        tokens = 0
        with (out / "texts.jsonl").open("w", encoding="utf-8") as file:
            for at in range(0, count, args.slots):
                for ids in batch(min(args.slots, count - at), new):
                    text = ids[: ids.index(tokenizer.eot)]
                    record = {"text": tokenizer.decode(text), "length": len(text)}
                    file.write(json.dumps(record) + "\n")
                    tokens += len(text)
        return tokens

    return write


def measure(args: argparse.Namespace) -> tuple[int, float]:
    """Tokens and seconds of one side, after a first small one."""
    torch.set_num_threads(args.threads)
    folder = prepare(args.folder, args.shape, args.setting, args.mean)
    side = {"hallmark": hallmark, "transformers": transformers}[args.side.split()[0]]
    write = side(args, folder)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        write(args.slots, 8, Path(first))
        began = time.perf_counter()
        tokens = write(args.documents, args.new, Path(second))
        return tokens, time.perf_counter() - began


def run(args: argparse.Namespace, side: str) -> tuple[int, float] | str:
    """One side in a process of its own; why not, where it did not run."""
    names = ("shape", "setting", "documents", "new", "mean", "slots", "threads", "folder")
    own = [part for name in names for part in (f"--{name}", str(getattr(args, name)))]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, "--side", side, *own],
        capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": str(args.threads)},
    )  # fmt: skip
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no reason given"])[-1][:120]
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", default="124M")
    parser.add_argument("--setting", choices=list(SETTINGS), default="k40")
    parser.add_argument("--documents", type=int, default=64)
    parser.add_argument("--new", type=int, default=256)
    parser.add_argument("--mean", type=int, default=64)
    parser.add_argument("--slots", type=int, default=32)
    add_options(parser, SIDES)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.side:
        print(json.dumps(measure(args)))
        return
    prepare(args.folder, args.shape, args.setting, args.mean)
    found: dict[str, list[tuple[int, float]]] = {side: [] for side in args.sides}
    failed: dict[str, str] = {}
    for _ in range(args.runs):
        for side in (s for s in args.sides if s not in failed):
            measured = run(args, side)
            if isinstance(measured, str):
                failed[side] = measured
                continue
            found[side].append(measured)
            tokens, seconds = measured
            print(f"{side}: {tokens} tokens in {seconds:.1f} s", file=sys.stderr, flush=True)
    if args.sides[0] in failed:
        raise SystemExit(f"{args.sides[0]}: {failed[args.sides[0]]}")
    first = statistics.median(n / s for n, s in found[args.sides[0]])
    print(f"{args.shape}, {args.setting}, {args.documents} documents of at most {args.new} tokens, "
          f"{args.slots} at once, {args.threads} threads")  # fmt: skip
    print("| side | tokens/s (all runs) | documents/s | tokens a document | x of it: hallmark is |")
    print("|---|---|---|---|---|")
    for side, runs in found.items():
        if not runs:
            print(f"| {side} | did not run: {failed[side]} | | | |")
            continue
        rates = [n / s for n, s in runs]
        middle = statistics.median(rates)
        documents = statistics.median(args.documents / s for _, s in runs)
        mean = statistics.fmean(n for n, _ in runs) / args.documents
        every = " ".join(f"{rate:.0f}" for rate in rates)
        print(f"| {side} | {middle:.0f} ({every}) | {documents:.2f} | {mean:.0f} "
              f"| {first / middle:.2f} |")  # fmt: skip


if __name__ == "__main__":
    main()
