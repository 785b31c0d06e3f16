"""Decoding one sequence: tokens a second beside llama.cpp, CTranslate2 and transformers.

The same random weights on every side, greedy, the same threads; each side of each run in a
process of its own, and the sides in turn, so that what else the machine does meets all alike:

    python benchmarks/decode.py --shape 124M --context 32 --runs 5
    python benchmarks/decode.py --shape 1.5B --context 900 --sides "hallmark int8" "llama.cpp Q8_0"

Prints medians, each side's ratio to the first, and the limit that memory sets: reading the first
side's weights once a token at the bandwidth measured in the same run. Files are made under
--folder and used again. Peers: pip install 'hallmark[bench]'; one that cannot run is named.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from peers import add_options, config_of, hallmark_network, prepare

SIDES = (
    "hallmark int8", "hallmark int4", "llama.cpp Q8_0", "llama.cpp Q4_0", "CTranslate2 int8",
    "transformers bf16",
)  # fmt: skip
PACKAGES = {
    "hallmark": "hallmark", "llama.cpp": "llama_cpp_python", "CTranslate2": "ctranslate2",
    "transformers": "transformers",
}  # fmt: skip
READ = "memory"


def prompt_of(shape: str, length: int) -> list[int]:
    """The same tokens on every side."""
    return np.random.default_rng(0).integers(0, config_of(shape).vocab_size - 1, length).tolist()


def hallmark(shape: str, precision: str, prompt: list[int], count: int, threads: int) -> float:
    """Ours."""
    from hallmark.lm.engine.decoder import Decoder, Token
    from hallmark.lm.engine.state import MAX_ROWS
    from hallmark.lm.sampling import SamplingParams

    network = hallmark_network(shape, precision)
    greedy = SamplingParams(temperature=0)
    with Decoder(network, greedy, slots=1, capacity=1024, threads=threads) as decoder:
        for first in range(0, len(prompt) - 1, MAX_ROWS):
            part = prompt[first : min(first + MAX_ROWS, len(prompt) - 1)]
            decoder.read([Token(t, 0, first + i) for i, t in enumerate(part)])
        token, place = prompt[-1], len(prompt) - 1

        def step() -> None:
            nonlocal token, place
            (token,) = decoder.read([Token(token, 0, place, step=0)])
            place += 1

        return timed(step, count)


def llama(path: Path, prompt: list[int], count: int, threads: int) -> float:
    """llama.cpp through its C interface, so that nothing but its own work is timed."""
    import llama_cpp as l

    l.llama_backend_init()
    pass

    model = l.llama_model_load_from_file(str(path).encode(), l.llama_model_default_params())
    settings = l.llama_context_default_params()
    settings.n_ctx, settings.n_threads, settings.n_threads_batch = 1024, threads, threads
    context = l.llama_init_from_model(model, settings)
    size = l.llama_vocab_n_tokens(l.llama_model_get_vocab(model))

    def read(tokens: list[int]) -> None:
        array = (l.llama_token * len(tokens))(*tokens)
        if l.llama_decode(context, l.llama_batch_get_one(array, len(tokens))):
            raise RuntimeError("llama_decode failed")

    def likeliest() -> int:
        logits = np.ctypeslib.as_array(l.llama_get_logits_ith(context, -1), shape=(size,))
        return int(logits.argmax())

    read(prompt[:-1])
    token = prompt[-1]

    def step() -> None:
        nonlocal token
        read([token])
        token = likeliest()

    return timed(step, count)


def ctranslate2(folder: Path, prompt: list[int], count: int, threads: int) -> float:
    """CTranslate2: the time of a long text less that of a short one with the same prompt."""
    import ctranslate2 as c

    generator = c.Generator(
        str(folder), device="cpu", compute_type="int8", intra_threads=threads, inter_threads=1
    )
    tokens = [[f"t{i}" for i in prompt]]

    def write(length: int) -> float:
        began = time.perf_counter()
        generator.generate_batch(
            tokens, max_length=length, min_length=length, sampling_topk=1, beam_size=1,
            include_prompt_in_result=False,
        )  # fmt: skip
        return time.perf_counter() - began

    write(4)
    few = 4
    return (write(few + count) - write(few)) / count


def transformers(folder: Path, prompt: list[int], count: int, threads: int) -> float:
    """transformers' network and its cache, without the overhead of `generate`."""
    import torch
    from transformers import GPT2LMHeadModel

    torch.set_num_threads(threads)
    model = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.bfloat16).eval()
    with torch.inference_mode():
        out = model(torch.tensor([prompt[:-1]]), use_cache=True)
        past, token = out.past_key_values, torch.tensor([[prompt[-1]]])

        def step() -> None:
            nonlocal past, token
            out = model(token, past_key_values=past, use_cache=True)
            past, token = out.past_key_values, out.logits[:, -1:].argmax(-1)

        return timed(step, count)


def memory(threads: int) -> float:
    """Seconds to read a gigabyte, all threads together: the limit that the machine sets."""
    arrays = [np.random.default_rng(0).integers(0, 9, 2**26) for _ in range(threads)]
    best = []
    for _ in range(7):
        workers = [threading.Thread(target=array.max) for array in arrays]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        best.append((time.perf_counter() - began) / (threads * arrays[0].nbytes / 1e9))
    return statistics.median(best)


def timed(step: Callable[[], None], count: int) -> float:
    """Seconds a step, after three that are not counted."""
    for _ in range(3):
        step()
    began = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - began) / count


def measure(side: str, args: argparse.Namespace) -> float:
    """Seconds a token of one side, in this process."""
    if side == READ:
        return memory(args.threads)
    prompt = prompt_of(args.shape, args.context)
    path = prepare(args.folder, args.shape, side)
    name, kind = side.split()
    if path is None:
        return hallmark(args.shape, kind, prompt, args.tokens, args.threads)
    run = {"llama.cpp": llama, "CTranslate2": ctranslate2, "transformers": transformers}[name]
    return run(path, prompt, args.tokens, args.threads)


def weight_bytes(shape: str, side: str) -> float:
    """Bytes that one token reads of the first side's matrices."""
    config = config_of(shape)
    matrices = config.parameters - config.n_ctx * config.n_embd
    return matrices * {"float32": 4, "bf16": 2, "int8": 1, "int4": 0.53}.get(side.split()[1], 1)


def report(args: argparse.Namespace, seconds: dict[str, list[float]], failed: dict) -> None:
    """Medians, ratios and the limit."""
    middle = {side: statistics.median(times) for side, times in seconds.items()}
    ran = [side for side in args.sides if side in middle and side not in failed]
    if not ran:
        sys.exit(f"decode: no side ran: {failed}")
    first = ran[0]
    print(f"\n{args.shape}, context {args.context}, {args.tokens} tokens, {args.threads} threads")
    print("| side | tokens/s (all runs) | x of it: the first is |")
    print("|---|---|---|")
    for side in args.sides:
        if side in failed:
            print(f"| {side} | did not run: {failed[side]} | |")
            continue
        runs = " ".join(f"{1 / s:.1f}" for s in seconds[side])
        print(f"| {side} | {1 / middle[side]:.1f} ({runs}) | {middle[side] / middle[first]:.2f} |")
    limit = 1e9 / middle[READ] / weight_bytes(args.shape, first)
    share = middle[first] and 1 / middle[first] / limit
    print(
        f"| memory: {1 / middle[READ]:.1f} GB/s read | {limit:.1f} is the limit of {first}; "
        f"it reaches {share:.0%} | |"
    )


def versions(sides: list[str]) -> str:
    """Which versions were compared."""
    found = []
    for package in dict.fromkeys(PACKAGES[side.split()[0]] for side in sides):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} is not installed")
    return ", ".join([*found, f"torch {version('torch')}", f"numba {version('numba')}"])


def reason(done: subprocess.CompletedProcess[str]) -> str:
    """Why a process failed, in a few words."""
    lines = done.stderr.strip().splitlines()
    last = lines[-1][:120] if lines else f"it ended with {done.returncode}"
    return last + "; pip install 'hallmark[bench]'" * last.startswith("ModuleNotFoundError")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", default="124M")
    parser.add_argument("--context", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=64)
    add_options(parser, SIDES, runs=5)
    return parser.parse_args()


def main() -> None:
    args = parse()
    if args.side:
        print(json.dumps(measure(args.side, args)))
        return
    print(versions(args.sides))
    seconds: dict[str, list[float]] = {}
    failed: dict[str, str] = {}
    for side in args.sides:  # what the sides need is made before anything is timed
        command = [sys.executable, "-W", "ignore", "-c", "import sys, peers, pathlib; "
                   "peers.prepare(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3])",
                   str(args.folder), args.shape, side]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=Path(__file__).parent, check=False
        )
        if done.returncode:
            failed[side] = reason(done)
    for _ in range(args.runs):
        for side in (READ, *args.sides):
            if side in failed:
                continue
            own = ["--side", side, "--shape", args.shape, "--context", str(args.context)]
            own += ["--tokens", str(args.tokens), "--threads", str(args.threads)]
            own += ["--folder", str(args.folder)]
            command = [sys.executable, "-W", "ignore", __file__, *own]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                failed[side] = reason(done)
                continue
            seconds.setdefault(side, []).append(float(done.stdout.splitlines()[-1]))
    report(args, seconds, failed)


if __name__ == "__main__":
    main()
