"""The ladder's table: parameters, held-out bits per byte, detectability of its own samples.

Unconditional samples of every rung, pure and top-k 40, against human documents that no rung
was trained on, all cut to the same number of tokens. Two detectors fitted by cross-halves on
exactly that pair: the combination's features under a ridge logistic regression, and TF-IDF;
beside them the rung's own mean log-probability, which needs no training.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from hallmark import stats
from hallmark.detect.background import Background
from hallmark.detect.normalise import normalise
from hallmark.detect.reading import Reader
from hallmark.detect.statistics import log_likelihood
from hallmark.detect.tfidf import Tfidf, TfidfConfig
from hallmark.lm.model import LanguageModel
from hallmark.lm.sampling import SamplingParams, document_seed
from hallmark.models.sizes import BUNDLED, SIZES

CUT = 192  # tokens of the ladder's vocabulary
WANTED = 240
READER = "ladder-7M"


def samples(model: LanguageModel, params: SamplingParams, out: Path) -> list[str]:
    """`WANTED` unconditional texts, kept in a file so that a second run goes on."""
    path = out / f"{model.name}{'-' if params.tag else ''}{params.tag}.jsonl"
    if not path.exists():
        seeds = [document_seed(params.seed, path.stem, "test", i) for i in range(WANTED)]
        made = model.generate([""] * WANTED, params, seeds=seeds, batch_size=60)
        path.write_text("".join(json.dumps({"text": g.text}) + "\n" for g in made))
    with path.open(encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


def cut(texts: list[str], model: LanguageModel) -> list[str]:
    """The texts that reach `CUT` tokens once normalised, cut to them."""
    ids = [model.tokenizer.encode(normalise(t)) for t in texts]
    return [model.tokenizer.decode(i[:CUT]).rstrip("\ufffd") for i in ids if len(i) >= CUT]


def areas(human: list[str], synthetic: list[str], reader: Reader) -> dict[str, stats.Estimate]:
    """AUROC of the detectors, each text scored by one fitted on the other half."""
    texts = human + synthetic
    labels = np.array([0] * len(human) + [1] * len(synthetic))
    half = np.random.default_rng(0).permutation(len(texts)) % 2
    rows = [list(reader.features(r).values()) for r in reader.read(texts)]
    features = np.array(rows)
    combined, counted = np.zeros(len(texts)), np.zeros(len(texts))
    for h in (0, 1):
        train, test = half == h, half != h
        scale = StandardScaler().fit(features[train])
        model = LogisticRegression(C=0.01, max_iter=1000)
        model.fit(np.clip(scale.transform(features[train]), -4, 4), labels[train])
        combined[test] = model.decision_function(np.clip(scale.transform(features[test]), -4, 4))
        tfidf = Tfidf(TfidfConfig(min_df=2))
        tfidf.fit([t for t, k in zip(texts, train, strict=True) if k], labels[train].tolist())
        counted[test] = tfidf.score([t for t, k in zip(texts, test, strict=True) if k])
    n = len(human)
    return {
        "features": stats.auroc(combined[:n], combined[n:]),
        "tf-idf": stats.auroc(counted[:n], counted[n:]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ladder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    background = Background.load(BUNDLED / "detector")
    reader = Reader(LanguageModel.load(BUNDLED / READER, name=READER), background)
    with (args.ladder / "held.jsonl").open(encoding="utf-8") as file:
        held = [json.loads(line)["text"] for line in file]
    human = cut(held, reader.model)[:WANTED]
    lines = [
        "| rung | parameters | held-out bits per byte | sampling | n | features | TF-IDF "
        "| own log-likelihood |",
        "|---" * 8 + "|",
    ]
    for size in (s for s in SIZES if s.bundled):
        model = LanguageModel.load(BUNDLED / size.name, name=size.name)
        facts = json.loads((BUNDLED / size.name / "config.json").read_text())["training"]
        low, high = facts["bits_per_byte_interval"]
        bits = f"{facts['bits_per_byte']:.3f} [{low:.3f}, {high:.3f}]"
        for params in (
            SamplingParams(max_tokens=256), SamplingParams(max_tokens=256, top_k=40),
        ):  # fmt: skip
            written = cut(samples(model, params, args.out), model)
            found = areas(human, written, reader)
            own = [[log_likelihood(s) for s in model.score(t)] for t in (human, written)]
            found["own"] = stats.auroc(*own)
            shown = [f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for e in found.values()]
            lines.append(
                f"| {size.name} | {size.config.parameters:,} | {bits} | {params.tag or 'pure'} | "
                f"{len(written)} + {len(human)} | " + " | ".join(shown) + " |"
            )
            print(lines[-1], flush=True)
    (args.out / "ladder.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
