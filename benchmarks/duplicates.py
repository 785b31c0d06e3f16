"""Near-duplicate clustering of many short posts: ours, datasketch's MinHash LSH, pandas' grouping.

    python benchmarks/duplicates.py [--posts 1000000] [--peer-posts 20000] [--seed 0]

Posts are made of random words of a vocabulary with Zipf's frequencies; one in ten is planted as a
near-duplicate of an earlier one (words replaced until the exact Jaccard similarity of the sets of
five characters lies between .8 and .9), one in twenty as an exact copy. Each side runs in a process
of its own; recall is of the planted near-duplicates. pandas groups what is equal after `plain`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from hallmark.evidence.shingles import BANDS, GRAM, ROWS, plain

LEAST, MOST = 0.8, 0.9
WORDS, VOCABULARY = 25, 50_000
Side = Callable[[list[str]], np.ndarray]


def grams(text: str) -> set[str]:
    return {text[i : i + GRAM] for i in range(max(1, len(text) - GRAM + 1))}


def make(count: int, *, seed: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Posts, and pairs (P, 2) of planted near-duplicates and of copies."""
    generator = np.random.default_rng(seed)
    letters = generator.integers(97, 123, (VOCABULARY, 8)).astype(np.uint8)
    lengths = generator.integers(2, 9, VOCABULARY)
    vocabulary = [bytes(w[:n]).decode() for w, n in zip(letters, lengths, strict=True)]
    odds = np.cumsum(1 / np.arange(10, VOCABULARY + 10))
    drawn = np.searchsorted(odds / odds[-1], generator.random((count, WORDS)))
    roles = generator.random(count)
    posts: list[str] = []
    near, copies = [], []
    for i in range(count):
        role = roles[i] if i > 100 else 1.0
        other = int(generator.integers(0, max(1, i)))
        if role < 0.10 and (found := altered(posts[other], vocabulary, generator)):
            posts.append(found)
            near.append((other, i))
        elif 0.10 < role < 0.15:
            posts.append(posts[other])
            copies.append((other, i))
        else:
            posts.append(" ".join(vocabulary[w] for w in drawn[i]))
    return posts, np.array(near), np.array(copies)


def altered(text: str, vocabulary: list[str], generator: np.random.Generator) -> str | None:
    """The text with words replaced until it is as alike as wanted; None where no number does it."""
    words, before = text.split(), grams(text)
    for place in generator.permutation(len(words))[:6]:
        words[place] = vocabulary[int(generator.integers(0, VOCABULARY))]
        after = grams(" ".join(words))
        alike = len(before & after) / len(before | after)
        if LEAST <= alike <= MOST:
            return " ".join(words)
    return None


def hallmark(posts: list[str]) -> np.ndarray:
    from hallmark.evidence.clusters import cluster

    return cluster(posts, similar=LEAST)


def datasketch(posts: list[str]) -> np.ndarray:
    """The documented way: one MinHash a text, as many bands and rows as ours, exact check by sets.

    A text joins the first one that it is alike.
    """
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    sets = [grams(plain(text)) for text in posts]
    found = np.arange(len(posts))
    encoded = ([g.encode() for g in own] for own in sets)
    for i, sketch in enumerate(MinHash.generator(encoded, num_perm=BANDS * ROWS)):
        for j in sorted(index.query(sketch)):
            if len(sets[i] & sets[j]) / len(sets[i] | sets[j]) >= LEAST:
                found[i] = found[j]
                break
        index.insert(i, sketch)
    return found


def pandas(posts: list[str]) -> np.ndarray:
    import pandas as pd

    return pd.factorize(pd.Series([plain(text) for text in posts]))[0]


SIDES: dict[str, Side] = {"hallmark": hallmark, "datasketch": datasketch, "pandas": pandas}


def measure(side: str, count: int, *, seed: int) -> dict[str, float]:
    """Seconds, peak MB and recall of one side; compiling and imports are not counted."""
    posts, near, copies = make(count, seed=seed)
    SIDES[side](posts[:50])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.perf_counter()
    found = SIDES[side](posts)
    return {
        "seconds": time.perf_counter() - began,
        "before": before,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "near": len(near),
        "found": int((found[near[:, 0]] == found[near[:, 1]]).sum()),
        "copies": float((found[copies[:, 0]] == found[copies[:, 1]]).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--peer-posts", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", choices=SIDES, help="measure this one here, as JSON")
    args = parser.parse_args()
    if args.side:
        print(json.dumps(measure(args.side, args.posts, seed=args.seed)))
        return
    print("| side | posts | seconds | peak MB (of these before) | near-duplicates found | copies |")
    print("|---|---|---|---|---|---|")
    for side, count in [*((s, args.peer_posts) for s in SIDES), ("hallmark", args.posts)]:
        command = [sys.executable, __file__, "--side", side, "--posts", str(count)]
        command += ["--seed", str(args.seed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            print(f"| {side} | {count} | did not run: {reason:.80} | | | |", flush=True)
            continue
        r = json.loads(done.stdout)
        rate = f"{100 * r['found'] / r['near']:.2f}% of {r['near']:.0f}"
        memory = f"{r['peak']:.0f} ({r['before']:.0f})"
        cells = f"{r['seconds']:.2f} | {memory} | {rate} | {100 * r['copies']:.1f}%"
        print(f"| {side} | {count} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
