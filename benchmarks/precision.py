"""What each precision costs in quality: KL divergence, bits per byte, the detector's scores.

On the bundled rungs and the bundled human text, or the texts (*.txt, *.jsonl with "text") in a
folder, each cut to the context:

    python benchmarks/precision.py
    python benchmarks/precision.py --data FOLDER --texts 200

KL is from float32 to the precision, in nats a token, with a 95 % interval over texts' tokens; bits
per byte say what the text loses. A rung whose width does not fit a precision is named.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from hallmark.detect.judge import load_detector
from hallmark.lm.model import LanguageModel
from hallmark.models.precision import Precision
from hallmark.models.sizes import BUNDLED, SIZES, find_model

LOW = [p for p in Precision if p != Precision.FLOAT32]


def texts_of(folder: Path | None, count: int) -> list[str]:
    """The texts to read."""
    if folder is None:
        return [(BUNDLED / "texts" / "human.txt").read_text(encoding="utf-8")]

    def all_texts() -> Iterator[str]:
        for file in sorted(folder.rglob("*")):
            if file.suffix == ".txt":
                yield file.read_text(encoding="utf-8")
            elif file.suffix == ".jsonl":
                for line in file.read_text(encoding="utf-8").splitlines():
                    yield json.loads(line)["text"]

    return [text for text, _ in zip(all_texts(), range(count), strict=False)]


@torch.inference_mode()
def log_probs(model: LanguageModel, ids: list[int]) -> torch.Tensor:
    """(T, V) of each token's distribution."""
    inputs = torch.tensor([[model.tokenizer.eot, *ids[:-1]]])
    return model.network.logits(model.network(inputs)[0]).float().log_softmax(-1)


def compare(name: str, precision: Precision, texts: list[str]) -> str:
    """A row of the table."""
    folder = find_model(name, home=Path("none"))
    exact = LanguageModel.load(folder)
    try:
        low = LanguageModel.load(folder, precision=precision)
    except ValueError as error:
        return f"| {name} | {precision} | {error} | | | |"
    divergence, agree, nats, exact_nats, size = [], [], 0.0, 0.0, 0
    for text in texts:
        ids = exact.tokenizer.encode(text)[: exact.network.config.n_ctx]
        p, q = log_probs(exact, ids), log_probs(low, ids)
        divergence.append((p.exp() * (p - q)).sum(-1).numpy())
        agree.append((p.argmax(-1) == q.argmax(-1)).numpy())
        target = torch.tensor(ids)[:, None]
        exact_nats -= float(p.gather(1, target).sum())
        nats -= float(q.gather(1, target).sum())
        size += len(exact.tokenizer.decode_bytes(ids))
    kl = np.concatenate(divergence)
    half = 1.96 * kl.std() / math.sqrt(len(kl))
    before, after = (n / math.log(2) / size for n in (exact_nats, nats))
    same = np.concatenate(agree).mean()
    return (
        f"| {name} | {precision} | {kl.mean():.5f} ± {half:.5f} (n {len(kl)}) | {before:.4f} | "
        f"{after - before:+.4f} | {same:.1%} |"
    )


def detector(texts: list[str]) -> Iterator[str]:
    """Rows of the detector's scores, on each text and its quarters."""
    parts = [t[i * len(t) // 4 : (i + 1) * len(t) // 4] for t in texts for i in range(4)]
    asked = [*texts, *parts]
    exact = load_detector("bundled", home=Path("none")).detector.examine(asked)
    reference = np.array([e.score for e in exact])
    known = np.isfinite(reference)
    for precision in LOW:
        judge = load_detector("bundled", home=Path("none"), precision=precision)
        scores = np.array([e.score for e in judge.detector.examine(asked)])
        change = np.abs(scores - reference)[known]
        yield (
            f"| {precision} | {change.mean():.4f} | {change.max():.4f} | "
            f"{reference[known].std():.3f} | {known.sum()} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--texts", type=int, default=100)
    args = parser.parse_args()
    texts = texts_of(args.data, args.texts)
    print(f"{len(texts)} texts")
    print(
        "| model | precision | KL to float32, nats a token | bits per byte | change | same best |"
    )
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        if size.bundled:
            for precision in LOW:
                print(compare(size.name, precision, texts), flush=True)
    print("\n| precision | score changes by, mean | at most | spread of scores | n |")
    print("|---|---|---|---|---|")
    for row in detector(texts):
        print(row, flush=True)


if __name__ == "__main__":
    main()
