"""What a post costs: score, detect, signals and the join of a corpus, at two sizes, beside a plain
loop in one process that reads no file and writes none.

    python benchmarks/shards.py DATA [--runs 3] [--verbs score detect signals cluster]

Posts are real texts of at most 64 tokens (DATA/gpt2-outputs/short-*), spread over accounts and
hours; where there are more posts than texts, numbers are added so that no two are copies. CPU
seconds are this process's own, in all its threads, and do not notice what else runs; seconds of two
workers are by the clock, their start and what follows the shards included. Models are loaded and
code is compiled before the clock runs. `cluster` is the join of what `signals` left, in a process
of its own for its peak memory.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from hallmark.data import read_jsonl_file
from hallmark.evidence.accounts import facts_of
from hallmark.evidence.clusters import cluster
from hallmark.evidence.posts import Post, template
from hallmark.evidence.shingles import shingle
from hallmark.lm.device import limit_threads
from hallmark.scale.inputs import list_shards
from hallmark.scale.run import run
from hallmark.scale.shards import Stage, Task, run_shard
from hallmark.scale.stages import Detect, Score
from hallmark.scale.traces import Traces, join_traces
from hallmark.scale.workers import Crew

SIZES = {
    "score": (200, 800), "detect": (100, 400), "signals": (25_000, 100_000),
    "cluster": (25_000, 100_000),
}  # fmt: skip
SHARDS, TEXTS = 8, ("short-webtext", "short-small-117M-p0.99")
HOME = Path("none")
STAGES: dict[str, Stage] = {
    "score": Score(HOME, "ladder-7M"), "detect": Detect(HOME), "signals": Traces(HOME),
}  # fmt: skip


def posts(data: Path, count: int) -> Iterator[Post]:
    """Posts of 24 an account, a minute apart."""
    files = [data / "gpt2-outputs" / f"{name}.jsonl.gz" for name in TEXTS]
    texts = [str(row["text"]) for file in files for row in read_jsonl_file(file)]
    for i, text in enumerate(islice(cycle(texts), count)):
        if again := i // len(texts):
            text = f"{again * i} {text} {again} {i}"
        yield Post(str(i), f"a{i // 24}", 60.0 * i, text)


def write(found: list[Post], folder: Path) -> None:
    """SHARDS files of them."""
    folder.mkdir()
    size = -(-len(found) // SHARDS)
    for number in range(SHARDS):
        with (folder / f"{number}.jsonl").open("w", encoding="utf-8") as file:
            for p in found[number * size : (number + 1) * size]:
                row = {"id": p.id, "account": p.account, "time": p.time, "text": p.text}
                file.write(json.dumps(row) + "\n")


def plain(verb: str, found: list[Post]) -> Callable[[], object]:
    """The library called on all texts at once, what it needs loaded before."""
    texts = [p.text for p in found]
    opened: Any = STAGES[verb].open()
    if verb == "score":
        return lambda: opened.model.score(texts, max_tokens=1024)
    if verb == "detect":
        return lambda: opened.judge.judge(texts)
    forms = [template(text) for text in texts]
    return lambda: (facts_of(found), shingle(texts), shingle(forms))


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of a call, on one thread."""
    with limit_threads(1):
        began = time.process_time()
        work()
        return time.process_time() - began


def sharded(stage: Stage, inputs: Path, out: Path) -> Callable[[], object]:
    """Every shard by one process, its stage loaded before."""
    opened = stage.open()
    out.mkdir()
    tasks = [Task(shard, out, "{}") for shard in list_shards([inputs])]
    return lambda: [run_shard(stage, opened, task) for task in tasks]


def size_of(folder: Path) -> int:
    """Bytes of the parts."""
    return sum(path.stat().st_size for path in folder.glob("part-*.parquet"))


def measure(verb: str, found: list[Post], folder: Path, divide: int) -> dict[str, float]:
    """Seconds of one run of each way."""
    inputs, one, two = (folder / name for name in ("in", "one", "two"))
    write(found, inputs)
    stage = STAGES["signals" if verb == "cluster" else verb]
    n = len(found)
    if verb == "cluster":
        sharded(stage, inputs, one)()
        command = [sys.executable, __file__, "-", "--join", str(one)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        own = json.loads(done.stdout)
        return {"one": own["cpu"] / n, "memory": own["bytes"] / n, "bytes": own["written"] / n}
    plain(verb, found[:64])()
    result = {"plain": cpu(plain(verb, found)) / n, "one": cpu(sharded(stage, inputs, one)) / n}
    result["bytes"] = size_of(one) / n
    if n == max(SIZES[verb]) // divide:
        began = time.perf_counter()
        run(stage, list_shards([inputs]), two, mapped=Crew(2).map)
        result["two"] = time.perf_counter() - began
    return result


def join(folder: Path) -> dict[str, float]:
    """The join alone: CPU seconds, bytes of memory above what was there, bytes written."""
    cluster(["these two are here", "so that the code is compiled"])
    with tempfile.TemporaryDirectory() as name:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before, began = peak(), time.process_time()
        join_traces(Path(name), sorted(folder.glob("part-*.parquet")), content=False)
        seconds = time.process_time() - began
        written = sum(path.stat().st_size for path in Path(name).iterdir())
        return {"cpu": seconds, "bytes": peak() - before, "written": written}


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(x.split()[1]) for x in lines if x.startswith("VmHWM"))


def worker(verb: str, data: Path) -> None:
    """The peak memory of a process that does shards of some hundred posts."""
    with tempfile.TemporaryDirectory() as name:
        write(list(posts(data, 300)), Path(name) / "in")
        sharded(STAGES[verb], Path(name) / "in", Path(name) / "out")()
    print(f"{verb}: a worker had {peak() / 1e6:.0f} MB at its peak")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--verbs", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--divide", type=int, default=1, help="sizes by this, to try it")
    parser.add_argument("--worker", choices=list(STAGES), help="measure its memory alone")
    parser.add_argument("--join", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(args.worker, args.data)
        return
    if args.join:
        print(json.dumps(join(args.join)))
        return
    print(f"{platform.machine()}, Python {platform.python_version()}, runs: {args.runs}, medians\n")
    print("| verb | posts | CPU ms a post, plain | by shards | ratio | two workers, s (all runs) "
          "| bytes out a post | memory a post |\n|---|---|---|---|---|---|---|---|")  # fmt: skip
    for verb in args.verbs:
        for count in SIZES[verb]:
            count //= args.divide
            found = list(posts(args.data, count))
            results = []
            for _ in range(args.runs):
                with tempfile.TemporaryDirectory() as name:
                    results.append(measure(verb, found, Path(name), args.divide))
            print(row(verb, count, results), flush=True)


def row(verb: str, count: int, results: list[dict[str, float]]) -> str:
    """A line of the table."""
    middle = {key: statistics.median(r[key] for r in results) for key in results[0]}
    spread = [r["one"] * 1e3 for r in results]
    ours = f"{middle['one'] * 1e3:.3f} ({min(spread):.3f} to {max(spread):.3f})"
    cells = [verb, f"{count:,}", "-", ours, "-", "-", f"{middle['bytes']:.0f}", "-"]
    if "plain" in middle:
        cells[2] = f"{middle['plain'] * 1e3:.3f}"
        cells[4] = f"{statistics.median(r['one'] / r['plain'] for r in results):.2f}"
    if "two" in middle:
        cells[5] = " ".join(f"{r['two']:.1f}" for r in results)
    if "memory" in middle:
        cells[7] = f"{middle['memory']:.0f} B"
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
