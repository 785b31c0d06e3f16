"""How long a command takes from pressing return: the first word written, and one page judged.

    python benchmarks/cold.py [--runs 7]

`hallmark generate` on the largest bundled rung, to the first byte on standard output; transformers
with the same weights, prompt and sampling, to the same; `hallmark detect` of the bundled page of
417 words and `hallmark --help`, to the end of the process. Each is a process of its own, in turn,
after one run of each that counts for nothing, so that the files are in memory. The limits are the
start of Python with PyTorch, and without.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hallmark.models.sizes import BUNDLED

PAGE = BUNDLED / "texts" / "human.txt"
RUNG, PROMPT, TOKENS = "ladder-7M", "The history of the city", 60
PEER = f"""
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer, TextStreamer
network = AutoModelForCausalLM.from_pretrained(sys.argv[1])
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
network.generate(
    **tokenizer({PROMPT!r}, return_tensors="pt"), do_sample=True, top_k=40,
    max_new_tokens={TOKENS}, streamer=TextStreamer(tokenizer, skip_prompt=True),
)
"""


def hallmark(*words: str) -> list[str]:
    return [sys.executable, "-c", "from hallmark.cli.main import run; run()", *words]


def first_byte(command: list[str]) -> float:
    """Seconds until the process writes anything; ValueError where it does not, or fails."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        some = os.read(process.stdout.fileno(), 1)
        took = time.perf_counter() - began
        process.stdout.read()
    if process.returncode or not some:
        raise ValueError(f"{' '.join(command[:4])} ended with {process.returncode}")
    return took


def whole(command: list[str]) -> float:
    """Seconds until the process has ended."""
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - began


def sides(folder: Path) -> dict[str, tuple[str, float | None, list[str]]]:
    """By name: what is timed, what is asked, and the command."""
    generate = ["generate", PROMPT, "--model", RUNG, "--top-k", "40", "--seed", "1"]
    found: dict[str, tuple[str, float | None, list[str]]] = {
        "hallmark generate": ("first word", 2.5, hallmark(*generate, "--max-tokens", str(TOKENS))),
        "hallmark detect": ("end", 3.0, hallmark("detect", str(PAGE))),
        "hallmark --help": ("end", 0.3, hallmark("--help")),
        "import torch": ("end", None, [sys.executable, "-c", "import torch"]),
        "python": ("end", None, [sys.executable, "-c", ""]),
    }
    try:
        version("transformers")
    except PackageNotFoundError:
        print("cold: transformers is not installed; pip install -e '.[bench]' for that side\n")
    else:
        export = hallmark("export", RUNG, str(folder), "--precision", "float32", "--quiet")
        subprocess.run(export, stdout=subprocess.DEVNULL, check=True)
        peer = [sys.executable, "-W", "ignore", "-c", PEER, str(folder)]
        found["transformers"] = ("first word", None, peer)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=7, help="timed runs of each (default: 7)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        known = sides(Path(scratch) / "rung")
        times: dict[str, list[float]] = {name: [] for name in known}
        for _ in range(1 + args.runs):
            for name, (what, _, command) in known.items():
                times[name].append((first_byte if what == "first word" else whole)(command))
    print("| command | to | seconds, median (all) | asked |\n|---|---|---|---|")
    for name, (what, asked, _) in known.items():
        timed = sorted(times[name][1:])
        shown = " ".join(f"{t:.2f}" for t in timed)
        limit = "" if asked is None else f"{asked}"
        print(f"| {name} | {what} | {statistics.median(timed):.2f} ({shown}) | {limit} |")
    versions = f"Python {sys.version.split()[0]}, torch {version('torch')}"
    if "transformers" in known:
        ratio = statistics.median(times["transformers"][1:]) / statistics.median(
            times["hallmark generate"][1:]
        )
        print(f"\nThe first word comes {ratio:.1f} times as soon as transformers'.", end=" ")
        versions += f", transformers {version('transformers')}"
    print(f"{versions}.")


if __name__ == "__main__":
    main()
