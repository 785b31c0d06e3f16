"""TF-IDF and logistic regression: ours beside the release's recipe on scikit-learn, end to end.

    python benchmarks/tfidf.py --documents 20000
    python benchmarks/tfidf.py --human webtext.jsonl --synthetic xl-1542M-k40.jsonl

Both read the same JSON lines, learn 1-2-grams (at least 5 documents, at most 2^21), fit 13 values
of C, choose one on the validation documents and are judged on the test documents. Each side of
each run is a process of its own, so that its peak memory is its own. `reference` is what
gpt-2-output-dataset's baseline.py does (TfidfVectorizer, LogisticRegressionCV with liblinear),
`hallmark` is `hallmark.detect.tfidf.Tfidf`. Without files, documents of WebText's length are made
of words that follow Zipf's law and of word pairs that recur; half of them lean to other words.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from hallmark.data import read_jsonl

SIDES = ("hallmark", "reference")
C_VALUES = [2.0**k for k in range(-6, 7)]
VOCABULARY, FOLLOWERS, BATCH = 400_000, 60, 1000
SHARES = (0.8, 0.1, 0.1)  # of the documents: training, validation, test
MOST_HELD = 10_000  # documents for validation and for the test, as in the release


def write_documents(path: Path, count: int, *, synthetic: bool) -> None:
    """Made-up documents, the same every time."""
    rng = np.random.default_rng(int(synthetic))
    rank = np.arange(1, VOCABULARY + 1)
    weights = (rank + 2.7) ** -1.08
    lean = np.random.default_rng(2).normal(0, 0.1, VOCABULARY)
    share = np.cumsum(weights * np.exp(lean * (1 if synthetic else -1)))
    plain = np.cumsum(weights)
    words = np.array([spell(r) for r in range(VOCABULARY)], dtype=object)

    def draw(cumulative: np.ndarray, at: np.ndarray) -> np.ndarray:
        return np.minimum(np.searchsorted(cumulative, at * cumulative[-1]), VOCABULARY - 1)

    with path.open("w", encoding="utf-8") as file:
        for first in range(0, count, BATCH):
            size = min(BATCH, count - first)
            lengths = np.clip(rng.lognormal(5.85, 0.7, size), 40, 800).astype(int)
            ids = draw(share, rng.random((lengths.max(), size)))
            follows = rng.random(ids.shape) < 0.5
            follower = (FOLLOWERS ** rng.random(ids.shape)).astype(np.int64)
            for t in range(1, len(ids)):  # a word's usual followers are a function of the word
                mixed = (ids[t - 1] * 2654435761 + follower[t] * 40503) % 2**32
                mixed = (mixed * 2246822519 + 1013904223) % 2**32 / 2**32
                ids[t] = np.where(follows[t], draw(plain, mixed), ids[t])
            for column, length in enumerate(lengths):
                file.write(json.dumps({"text": " ".join(words[ids[:length, column]])}) + "\n")


def spell(number: int) -> str:
    """A made-up word; short where it is frequent."""
    out = "th"[number % 2]
    number += 10
    while number:
        number, syllable = divmod(number, 64)
        out += "bdfgklmnprstvwz "[syllable // 5].strip() + "aeiou"[syllable % 5]
    return out


def texts_of(path: Path, part: str, documents: int) -> Iterator[str]:
    """A part of the first `documents` texts of a file."""
    sizes = part_sizes(documents)
    first = sum(sizes[: ("train", "valid", "test").index(part)])
    with path.open("rb") as file:
        lines = islice(file, first, first + sizes[("train", "valid", "test").index(part)])
        yield from (record["text"] for record in read_jsonl(lines, name=str(path)))


def part_sizes(documents: int) -> tuple[int, int, int]:
    """Documents of one class in training, validation and test."""
    held = min(int(documents * SHARES[1]), MOST_HELD // 2)
    return documents - 2 * held, held, held


def load(args: argparse.Namespace, part: str) -> tuple[list[str], list[int]]:
    """Texts and labels of both classes."""
    human, synthetic = (
        list(texts_of(path, part, args.documents // 2)) for path in (args.human, args.synthetic)
    )
    return human + synthetic, [0] * len(human) + [1] * len(synthetic)


def run_hallmark(args: argparse.Namespace) -> dict[str, Any]:
    from hallmark.detect.tfidf import Tfidf

    detector = Tfidf()
    detector.fit(*load(args, "train"), validation=load(args, "valid"))
    texts, labels = load(args, "test")
    right = (detector.score(texts) > 0) == np.array(labels)
    return {"c": detector.c, "valid": max(detector.accuracies), "right": right.tolist()}


def run_reference(args: argparse.Namespace) -> dict[str, Any]:
    import warnings

    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import PredefinedSplit

    warnings.simplefilter("ignore", FutureWarning)
    train, train_labels = load(args, "train")
    valid, valid_labels = load(args, "valid")
    vectoriser = TfidfVectorizer(ngram_range=(1, 2), min_df=5, max_features=2**21)
    train_features = vectoriser.fit_transform(train)
    valid_features = vectoriser.transform(valid)
    split = PredefinedSplit([-1] * len(train) + [0] * len(valid))
    model = LogisticRegressionCV(Cs=C_VALUES, cv=split, solver="liblinear", refit=False)
    model.fit(sparse.vstack([train_features, valid_features]), train_labels + valid_labels)
    texts, labels = load(args, "test")
    right = model.predict(vectoriser.transform(texts)) == np.array(labels)
    valid_accuracy = float(model.score(valid_features, valid_labels))
    return {"c": float(np.ravel(model.C_)[0]), "valid": valid_accuracy, "right": right.tolist()}


def measure(args: argparse.Namespace) -> None:
    """One process's whole life."""
    began, worked = time.perf_counter(), time.process_time()
    found = {"hallmark": run_hallmark, "reference": run_reference}[args.side](args)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak, **found}))


def report(results: dict[str, list[dict[str, Any]]]) -> None:
    """Medians, the ratio to ours, and how far the two agree on the test documents."""
    from hallmark.stats import wilson

    print("| side | seconds (all runs) | CPU s | peak MB | C | test accuracy | time x | memory x |")
    print("|---|---|---|---|---|---|---|---|")
    middle = {
        side: {k: statistics.median(r[k] for r in runs) for k in ("seconds", "cpu", "peak", "c")}
        for side, runs in results.items()
    }
    ours = middle["hallmark"]
    for side, m in middle.items():
        right = results[side][0]["right"]
        runs = " ".join(f"{r['seconds']:.1f}" for r in results[side])
        print(
            f"| {side} | {m['seconds']:.1f} ({runs}) "
            f"| {m['cpu']:.1f} | {m['peak']:.0f} | {m['c']:g} | {wilson(sum(right), len(right))} "
            f"| {m['seconds'] / ours['seconds']:.2f} | {m['peak'] / ours['peak']:.2f} |"
        )
    if "reference" in results:
        a, b = (np.array(results[side][0]["right"]) for side in SIDES)
        print(
            f"accuracy, ours minus the reference's: {100 * (a.mean() - b.mean()):+.2f} points; "
            f"the two differ on {int((a != b).sum())} of {len(a)} test documents"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=20_000, help="of both classes in all")
    parser.add_argument("--human", type=Path, help="JSON lines with `text`")
    parser.add_argument("--synthetic", type=Path, help="JSON lines with `text`")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        measure(args)
        return
    if (args.human is None) != (args.synthetic is None):
        parser.error("give both --human and --synthetic, or neither")
    with tempfile.TemporaryDirectory() as name:
        if args.human is None:
            args.human, args.synthetic = Path(name) / "human", Path(name) / "synthetic"
            write_documents(args.human, args.documents // 2, synthetic=False)
            write_documents(args.synthetic, args.documents // 2, synthetic=True)
        train, valid, test = (2 * size for size in part_sizes(args.documents // 2))
        print(
            f"{train} + {valid} + {test} documents, {platform.machine()}, "
            f"Python {platform.python_version()}, both as many threads as they take"
        )
        own = ["--documents", str(args.documents), "--human", str(args.human)]
        own += ["--synthetic", str(args.synthetic)]
        results: dict[str, list[dict[str, Any]]] = {
            side: [] for side in dict.fromkeys(["hallmark", *args.sides])
        }
        for _ in range(args.runs):
            for side in results:
                command = [sys.executable, __file__, *own, "--side", side]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                results[side].append(json.loads(done.stdout.splitlines()[-1]))
        report(results)


if __name__ == "__main__":
    main()
