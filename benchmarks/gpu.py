"""A GPU: one text beside the limit of its memory, 64 texts, and scoring, beside transformers.

The same random weights on both sides, bf16; transformers with its static cache, which `generate`
compiles. Rates come from a long run less a short one, so that recording and compiling are left out:

    python benchmarks/gpu.py --shape 1.5B --runs 5
    python benchmarks/gpu.py --cpu          # every line at a tiny size, its figures mean nothing

The limit of one text is reading every weight once a token, at the bandwidth of a copy measured in
the same run (bytes read and written). Without a GPU it says so and ends well.
"""

from __future__ import annotations

import argparse
import gc
import platform
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch
from peers import config_of, hallmark_network, random_network, transformers_network

from hallmark.lm.gpu.decoder import Decoder, Entry
from hallmark.lm.sampling import SamplingParams
from hallmark.lm.score import score
from hallmark.models.gpt2 import GPT2

TINY = "2x2x64x500"
PROMPT = 32
BATCH = 8  # documents that the peer scores together
Rate = Callable[[], float]  # tokens a second


def wait(device: torch.device) -> None:
    """Until the device has done all that it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(work: Callable[[], object], device: torch.device) -> float:
    wait(device)
    began = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - began


def bandwidth(device: torch.device, size: int) -> float:
    """Bytes a second of a copy within the device's memory, those read and those written."""
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    times = [seconds(lambda: target.copy_(source), device) for _ in range(12)]
    return 2 * size / statistics.median(times[2:])


def prompts(vocab_size: int, count: int) -> list[list[int]]:
    """The same tokens on both sides."""
    return np.random.default_rng(0).integers(0, vocab_size - 1, (count, PROMPT)).tolist()


def documents(vocab_size: int, count: int, longest: int) -> list[np.ndarray]:
    """Random ids, 50 to `longest` of each."""
    generator = np.random.default_rng(1)
    lengths = generator.integers(50, longest + 1, count)
    return [generator.integers(0, vocab_size - 1, n) for n in lengths]


def per_second(write: Callable[[int], float], few: int, many: int, texts: int) -> float:
    """Tokens a second between `few` and `many` tokens a text; `write` gives seconds."""
    return texts * (many - few) / max(write(many) - write(few), 1e-9)


def ours_writing(network: GPT2, texts: int, few: int, many: int) -> Rate:
    """Steps of the decoder, which is what `generate` spends its time on."""
    device, size = network.device, network.config.vocab_size
    params = SamplingParams(max_tokens=network.config.n_ctx)
    decoder = Decoder(network, params, slots=texts, eot=-5)  # no text ends
    entries = [Entry(i, ids, seed=i) for i, ids in enumerate(prompts(size, texts))]

    def write(count: int) -> float:
        decoder.enter(entries)

        def steps() -> None:
            for first in range(0, count, decoder.window):
                left = min(decoder.window, count - first)
                decoder.draw(left, longest=PROMPT + first)

        return seconds(steps, device)

    write(many)  # records every bucket
    return lambda: per_second(write, few, many, texts)


def ours_scoring(network: GPT2, texts: list[np.ndarray]) -> Rate:
    tokens = sum(map(len, texts))
    score(network, texts[:2])
    return lambda: tokens / seconds(lambda: score(network, texts), network.device)


def peer_network(shape: str, device: torch.device) -> torch.nn.Module:
    """transformers' own, with the same weights."""
    end = config_of(shape).vocab_size - 1
    model = transformers_network(random_network(shape), bos_token_id=end, eos_token_id=end).eval()
    return model.to(torch.bfloat16).to(device)


def peer_writing(model: torch.nn.Module, texts: int, few: int, many: int) -> Rate:
    """`generate` with a static cache, pure sampling, no end."""
    device, size = model.device, model.config.vocab_size
    ids = torch.tensor(prompts(size, texts), device=device)

    def write(count: int) -> float:
        def run() -> None:
            model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=True, top_k=0, top_p=1.0,
                min_new_tokens=count, max_new_tokens=count, pad_token_id=size - 1,
                cache_implementation="static",
            )  # fmt: skip

        return seconds(run, device)

    for _ in range(2):  # compiles
        write(few)
        write(many)
    return lambda: per_second(write, few, many, texts)


@torch.inference_mode()
def peer_batch(model: torch.nn.Module, some: list[np.ndarray]) -> None:
    """Padded texts, their log-softmax, entropy and variance, and ranks by counting."""
    longest, device = max(map(len, some)), model.device
    ids = np.zeros((len(some), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(some):
        ids[row, : len(text)], mask[row, : len(text)] = text, 1
    targets = torch.from_numpy(ids).to(device)
    start = torch.full((len(some), 1), model.config.vocab_size - 1, device=device)
    inputs = torch.cat([start, targets[:, :-1]], dim=1)
    on = torch.from_numpy(mask).to(device)
    logits = model(inputs, attention_mask=on, use_cache=False).logits
    wanted, log_p = targets[..., None], logits.log_softmax(-1)
    rank = (logits > logits.gather(-1, wanted)).sum(-1)
    p = log_p.exp()
    entropy = -(p * log_p).sum(-1)
    variance = (p * (log_p + entropy[..., None]).square()).sum(-1)
    for found in (log_p.gather(-1, wanted)[..., 0], rank, entropy, variance):
        found.float().cpu()


def peer_scoring(model: torch.nn.Module, texts: list[np.ndarray]) -> Rate:
    """The usual way, eight documents at a time in the order in which they come."""
    tokens = sum(map(len, texts))

    def run() -> None:
        for first in range(0, len(texts), BATCH):
            peer_batch(model, texts[first : first + BATCH])

    peer_batch(model, texts[:BATCH])
    return lambda: tokens / seconds(run, model.device)


def questions(args: argparse.Namespace) -> dict[str, tuple[str, tuple]]:
    """What is asked of both sides: a name, and whether it is writing or scoring, and of what."""
    size = config_of(args.shape).vocab_size
    texts = documents(size, args.documents, args.longest)
    few, many = args.tokens // 4, args.tokens
    return {
        "1 text": ("writing", (1, few, many)),
        f"{args.texts} texts": ("writing", (args.texts, few, many)),
        f"scoring {args.documents} documents": ("scoring", (texts,)),
    }


def measure(args: argparse.Namespace, side: str, device: torch.device) -> dict[str, object]:
    """Rates of one side by question, or the reason why there are none."""
    found: dict[str, object] = {}
    ways = {"writing": ours_writing, "scoring": ours_scoring}
    try:
        if side == "hallmark":
            network = hallmark_network(args.shape, "bf16").to(device)
        else:
            network = peer_network(args.shape, device)
            ways = {"writing": peer_writing, "scoring": peer_scoring}
    except Exception as error:
        return dict.fromkeys(questions(args), reason(error))
    for name, (kind, asked) in questions(args).items():
        try:
            rate = ways[kind](network, *asked)
            found[name] = [rate() for _ in range(args.runs)]
        except Exception as error:
            found[name] = reason(error)
        rate = None
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return found


def reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0][:120]


def row(name: str, side: str, rates: object, ours: object, limit: float | None) -> str:
    """A line of the table."""
    if isinstance(rates, str):
        return f"| {name} | {side} | did not run: {rates} | | |"
    middle = statistics.median(rates)
    runs = " ".join(f"{rate:.0f}" for rate in rates)
    times = "" if isinstance(ours, str) else f"{statistics.median(ours) / middle:.2f}"
    share = "" if limit is None else f"{middle / limit:.0%}"
    return f"| {name} | {side} | {middle:.0f} ({runs}) | {times} | {share} |"


def report(args: argparse.Namespace, device: torch.device) -> None:
    """Measure, and print the table."""
    speed = bandwidth(device, args.copy)
    c = config_of(args.shape)
    limit = speed / (2 * (c.parameters - c.n_ctx * c.n_embd))
    print(f"\n{args.shape}, bf16; a copy moves {speed / 1e9:.0f} GB/s, so {limit:.0f} tokens/s")
    print("| question | side | tokens/s (all runs) | x of it: hallmark is | of the limit |")
    print("|---|---|---|---|---|")
    sides = {side: measure(args, side, device) for side in ("hallmark", "transformers")}
    for name in questions(args):
        for side, found in sides.items():
            own = limit if name == "1 text" else None
            print(row(name, side, found[name], sides["hallmark"][name], own))


def versions() -> str:
    """Of all that takes part."""
    shown = [f"Python {platform.python_version()}", f"torch {torch.__version__}"]
    with suppress(PackageNotFoundError):
        shown.append(f"transformers {version('transformers')}")
    return ", ".join(shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", default="1.5B")
    parser.add_argument("--texts", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--longest", type=int, default=1000)
    parser.add_argument("--copy", type=int, default=2**30, help="bytes")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cpu", action="store_true", help="try every line at a tiny size")
    args = parser.parse_args()
    if not args.cpu and not torch.cuda.is_available():
        print("gpu: no GPU here that PyTorch can use; nothing was measured")
        sys.exit(0)
    device = torch.device("cpu" if args.cpu else "cuda")
    if args.cpu:
        args.shape, args.texts, args.tokens, args.documents = TINY, 3, 20, 10
        args.longest, args.copy, args.runs = 80, 2**20, 2
        print("A dry run on the CPU: none of these figures means anything.")
    else:
        print(torch.cuda.get_device_name(device), end=", ")
    print(versions())
    report(args, device)


if __name__ == "__main__":
    main()
