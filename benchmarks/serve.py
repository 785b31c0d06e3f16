"""The service under load: four times its capacity, and many completions beside one at a time.

    python benchmarks/serve.py load --seconds 60
    python benchmarks/serve.py throughput --shape 124M --peer

`load`: 64 clients that ask again at once, at a service with room for 16 texts. `throughput`: the
same requests one after another and 16 together, at `hallmark serve` and (`--peer`) at
`transformers serve` with continuous batching; random weights of one shape, or a bundled model.
Every server is a process of its own, asked over HTTP. Latencies are those of whole answers.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import httpx
from peers import config_of, random_network, words, write_transformers

CLIENTS, SLOTS, QUEUE = 64, 8, 8
TOGETHER, TOKENS, PROMPT = 16, 128, 8
PAUSE = 0.1  # seconds that a refused client waits: far less than it is told


def resident(pid: int) -> float:
    """MB of memory that a process holds."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def started(command: list[str], port: int, *, ready: str) -> Iterator[tuple[str, int]]:
    """A server's address and process, once it answers at `ready`."""
    url = f"http://127.0.0.1:{port}"
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            for _ in range(600):
                if process.poll() is not None:
                    log.seek(0)
                    raise RuntimeError(log.read().decode(errors="replace")[-300:])
                try:
                    if httpx.get(url + ready, timeout=2).status_code == 200:
                        break
                except httpx.HTTPError:
                    time.sleep(0.2)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait(60)


def hallmark(model: str, port: int, *, slots: int, queue: int) -> list[str]:
    """Our command."""
    run = "from hallmark.cli.main import run; run()"
    options = ["--model", model, "--port", str(port), "--slots", str(slots), "--queue", str(queue)]
    return [sys.executable, "-c", run, "serve", "--quiet", *options]


async def load(url: str, pid: int, seconds: float) -> dict[str, object]:
    """Ask with all clients for so long; what came back, and the server's memory meanwhile."""
    codes: collections.Counter[int] = collections.Counter()
    times: list[float] = []
    untold, end = 0, time.perf_counter() + seconds
    limits = httpx.Limits(max_connections=CLIENTS)

    async def client(http: httpx.AsyncClient, number: int) -> None:
        nonlocal untold
        turn = 0
        while time.perf_counter() < end:
            turn += 1
            body = {
                "prompt": f"Client {number} asks",
                "max_tokens": 64,
                "seed": number * 997 + turn,
            }
            began = time.perf_counter()
            answer = await http.post(f"{url}/v1/completions", json=body)
            codes[answer.status_code] += 1
            if answer.status_code == 200:
                times.append(time.perf_counter() - began)
            else:
                untold += "retry-after" not in answer.headers
                await asyncio.sleep(PAUSE)

    async def watch() -> list[float]:
        sizes = []
        while time.perf_counter() < end:
            await asyncio.sleep(1)
            sizes.append(resident(pid))
        return sizes

    async with httpx.AsyncClient(timeout=120, limits=limits) as http:
        sizes, *_ = await asyncio.gather(watch(), *(client(http, i) for i in range(CLIENTS)))
    times.sort()
    return {
        "codes": dict(codes), "refused without Retry-After": untold,
        "p50": statistics.median(times), "p99": times[int(0.99 * len(times))], "sizes": sizes,
    }  # fmt: skip


def measure_load(args: argparse.Namespace) -> None:
    command = hallmark("ladder-7M", args.port, slots=SLOTS, queue=QUEUE)
    with started(command, args.port, ready="/readyz") as (url, pid):
        asyncio.run(load(url, pid, 5))  # the first seconds fill caches that are kept
        before = resident(pid)
        found = asyncio.run(load(url, pid, args.seconds))
    print(json.dumps({k: v for k, v in found.items() if k != "sizes"}))
    sizes = found["sizes"]
    print(f"memory: {before:.0f} MB before, at most {max(sizes):.0f}, {sizes[-1]:.0f} at the end")


def ours_on_disk(folder: Path, shape: str) -> str:
    """A folder with random int8 weights and a made-up vocabulary of the shape's size."""
    from hallmark.models.checkpoint import save_quantised
    from hallmark.models.tokenizer import Tokenizer

    count = config_of(shape).vocab_size - 257
    merges = [(bytes([i // 256]), bytes([i % 256])) for i in range(count)]
    save_quantised(folder, random_network(shape), Tokenizer(merges))
    return str(folder)


async def write(url: str, requests: list[dict[str, object]], *, together: int) -> float:
    """Tokens a second of all requests, so many at a time."""
    places = asyncio.Semaphore(together)

    async def one(http: httpx.AsyncClient, body: dict[str, object]) -> int:
        async with places:
            answer = await http.post(f"{url}/v1/completions", json=body)
            answer.raise_for_status()
            return int(answer.json()["usage"]["completion_tokens"])

    async with httpx.AsyncClient(timeout=600) as http:
        began = time.perf_counter()
        counts = await asyncio.gather(*(one(http, body) for body in requests))
    return sum(counts) / (time.perf_counter() - began)


def compare(
    name: str, url: str, body: dict[str, object], *, few: int, many: int, runs: int
) -> None:
    """One line of the table: medians of one at a time and of 16 together, and their ratio.

    Texts end where they end, so that the last of `many` requests are fewer than 16 together.
    """
    requests = [body | {"seed": i, "max_tokens": TOKENS} for i in range(many)]
    asyncio.run(write(url, requests[:TOGETHER], together=TOGETHER))
    alone, crowd = [], []
    for _ in range(runs):
        alone.append(asyncio.run(write(url, requests[:few], together=1)))
        crowd.append(asyncio.run(write(url, requests, together=TOGETHER)))
    one, all_ = statistics.median(alone), statistics.median(crowd)
    shown = " ".join(f"{m:.0f}" for m in crowd)
    print(f"| {name} | {one:.0f} | {all_:.0f} ({shown}) | {all_ / one:.2f} |", flush=True)


def measure_throughput(args: argparse.Namespace) -> None:
    print("| side | one at a time, tokens/s | 16 together (all runs) | x |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        bundled = args.shape.startswith("ladder")
        model = args.shape if bundled else ours_on_disk(Path(scratch) / "ours", args.shape)
        command = hallmark(model, args.port, slots=TOGETHER, queue=TOGETHER)
        with started(command, args.port, ready="/readyz") as (url, _):
            body: dict[str, object] = {"prompt": "The city", "temperature": 1}
            compare(
                f"hallmark, {args.shape}", url, body, few=args.few, many=args.many, runs=args.runs
            )
        if args.peer:
            transformers(args, Path(scratch))


def transformers(args: argparse.Namespace, scratch: Path) -> None:
    """transformers' own server over the same shape in bf16."""
    folder = write_transformers(scratch / "peer", args.shape, lambda: words(args.shape))
    program = str(Path(sys.executable).parent / "transformers")
    command = [program, "serve", str(folder), "--device", "cpu", "--port", str(args.port + 1),
               "--continuous-batching", "--dtype", "bfloat16"]  # fmt: skip
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        with started(command, args.port + 1, ready="/health") as (url, _):
            prompt = " ".join(words(args.shape)[100 : 100 + PROMPT])
            body: dict[str, object] = {"model": str(folder), "prompt": prompt, "temperature": 1}
            name, few = f"transformers serve, {args.shape}", min(2, args.few)
            compare(name, url, body, few=few, many=args.many, runs=args.runs)
    except (RuntimeError, httpx.HTTPError, KeyError) as error:
        print(f"transformers serve did not run: {type(error).__name__}: {str(error)[-200:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("load", "throughput"))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--shape", default="ladder-7M")
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--few", type=int, default=8)
    parser.add_argument("--many", type=int, default=4 * TOGETHER)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--port", type=int, default=8190)
    args = parser.parse_args()
    print(
        ", ".join(
            [f"Python {platform.python_version()}"]
            + [
                f"{name} {version(name)}"
                for name in ("torch", "transformers", "uvicorn")
                if find_spec(name)
            ]
        ),
        end="\n\n",
        flush=True,
    )
    (measure_load if args.what == "load" else measure_throughput)(args)


if __name__ == "__main__":
    main()
