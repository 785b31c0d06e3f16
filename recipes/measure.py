"""Measure the bundled detector's recipe on held-out halves, beside its baselines.

Groups are split in two at random; each half is scored by detectors fitted on the other, with
the sampling method unknown to them. Texts are compared cut to the same number of GPT-2 tokens.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from hallmark import stats
from hallmark.detect.calibration import Calibration
from hallmark.detect.experts import Experts
from hallmark.detect.fitting import HUMAN, Example, Table, fit
from hallmark.detect.normalise import normalise
from hallmark.detect.reading import Reader, Reading
from hallmark.detect.statistics import STATISTICS, binoculars
from hallmark.detect.tfidf import Tfidf
from hallmark.models.tokenizer import Tokenizer

CUTS = (64, 128, 256, 512)
TARGETS = {
    "xl-1542M": "webtext", "xl-1542M-k40": "webtext", "small-117M-k40": "webtext",
    "writing-xl": "writing-human",
}  # fmt: skip
SEEDS = (0, 1, 2, 3)
Fitted = tuple[Experts, Calibration]
Halves = tuple[set[str], set[str]]  # of groups


@dataclass(frozen=True)
class Shortened:
    """The examples that reach one length, cut to it; all in one order."""

    examples: list[Example]
    readings: list[Reading]
    features: np.ndarray

    @property
    def source(self) -> np.ndarray:
        return np.array([e.source for e in self.examples])

    @property
    def tokens(self) -> np.ndarray:
        return np.array([len(r) for r in self.readings])


Run = tuple[np.ndarray, np.ndarray]  # scores, and which half each text was in


def report(
    reader: Reader, examples: Sequence[Example], table: Table, *, data: Path, out: Path
) -> None:
    """Write OUT/measured.json and OUT/measured.md."""
    gpt2 = Tokenizer.load(data / "tokenizer-gpt2")
    used = [e for e in examples if is_measured(e)]
    kept = np.load(out / "crossed.npz")
    crossed = dict(
        zip(map(id, used), np.split(kept["crossed"], kept["sizes"].cumsum()[:-1]), strict=True)
    )
    halves, fitted = fit_halves(examples, table, SEEDS)
    rows: list[dict[str, Any]] = []
    for cut in CUTS:
        shortened = shorten_all(used, cut, gpt2, reader, table.names)
        scores: dict[str, list[Run]] = {"combination": [], "TF-IDF": []}
        for seed, groups in halves.items():
            half = np.array([int(e.group in groups[1]) for e in shortened.examples])
            scores["combination"].append((combined(shortened, half, fitted, seed), half))
            scores["TF-IDF"].append((counted(shortened, half), half))
        scores |= baselines(shortened, [crossed[id(e)] for e in shortened.examples])
        for name, runs in scores.items():
            rows += [{"cut": cut, "detector": name, **c} for c in cells(runs, shortened.source)]
        print(f"{cut} tokens done", flush=True)
    (out / "measured.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    text = markdown(rows)
    (out / "measured.md").write_text(text, encoding="utf-8")
    print(text)


def fit_halves(
    examples: Sequence[Example], table: Table, seeds: Sequence[int]
) -> tuple[dict[int, Halves], dict[tuple[int, int], Fitted]]:
    """The halves of every split, and what is fitted on each of them, on every core at hand."""
    halves = {seed: split([e.group for e in examples], seed) for seed in seeds}
    parts = {
        (seed, h): table.chosen(np.isin(table.group, sorted(groups[h])))
        for seed, groups in halves.items()
        for h in (0, 1)
    }
    with (
        threadpool_limits(1),  # threads would not survive the fork
        multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool,
    ):
        return halves, dict(zip(parts, pool.map(fit, parts.values(), chunksize=1), strict=True))


def combined(
    texts: Shortened, half: np.ndarray, fitted: Mapping[tuple[int, int], Fitted], seed: int
) -> np.ndarray:
    """Log-likelihood ratios, each by the combination fitted on the other half."""
    out = np.zeros(len(half))
    for h in (0, 1):
        test = half == h
        experts, calibration = fitted[seed, 1 - h]
        raw = experts.score(texts.features[test], texts.tokens[test])
        pairs = zip(raw, texts.tokens[test], strict=True)
        out[test] = [calibration.fitted_log_ratio(score, n) for score, n in pairs]
    return out


def counted(texts: Shortened, half: np.ndarray) -> np.ndarray:
    """TF-IDF's log-odds, each by the baseline fitted on the other half, cut to this length."""
    text = np.array([r.text for r in texts.readings], dtype=object)
    label = np.array([int(e.family != HUMAN) for e in texts.examples])
    out = np.zeros(len(half))
    for h in (0, 1):
        baseline = Tfidf()
        baseline.fit(text[half != h].tolist(), label[half != h].tolist())
        out[half == h] = baseline.score(text[half == h].tolist())
    return out


def baselines(texts: Shortened, crossed: Sequence[np.ndarray]) -> dict[str, list[Run]]:
    """Each zero-shot statistic alone, and the length of the whole text (capped by reading)."""
    whole = np.zeros(len(texts.examples), dtype=np.int64)
    made = {
        name: np.array([statistic(r.network) for r in texts.readings])
        for name, statistic in STATISTICS.items()
    }
    pairs = zip(texts.readings, crossed, strict=True)
    made["binoculars"] = np.array([binoculars(r.network, c[: len(r)]) for r, c in pairs])
    made["length of the whole text"] = np.array([float(len(e.reading)) for e in texts.examples])
    return {name: [(scores, whole)] for name, scores in made.items()}


def is_measured(example: Example) -> bool:
    """Whether the tables have a column for its source."""
    return example.source in {*TARGETS, *TARGETS.values()}


def shorten_all(
    examples: Sequence[Example], cut: int, gpt2: Tokenizer, reader: Reader, names: Sequence[str]
) -> Shortened:
    """The examples that reach `cut` GPT-2 tokens, cut to them."""
    sized = [(e, shorten(e, cut, gpt2, reader)) for e in examples]
    kept = [(e, n) for e, n in sized if n]
    readings = [e.reading.prefix(n, reader.model.tokenizer) for e, n in kept]
    made = [reader.features(r) for r in readings]
    features = np.array([[row[name] for name in names] for row in made])
    return Shortened([e for e, _ in kept], readings, features)


def split(groups: Sequence[str], seed: int) -> Halves:
    """Two halves of the groups, drawn by `seed`."""
    names = sorted(set(groups))
    order = np.random.default_rng(seed).permutation(len(names))
    return ({names[i] for i in order[::2]}, {names[i] for i in order[1::2]})


def shorten(example: Example, cut: int, gpt2: Tokenizer, reader: Reader) -> int:
    """How many of the reading's tokens `cut` GPT-2 tokens are; 0 where the text is shorter."""
    text = normalise(example.reading.text)
    ids = gpt2.encode(text)
    if len(ids) < cut * (0.94 if cut == 128 and "writing" in example.source else 1):
        return 0
    size = len(gpt2.decode(ids[:cut]).rstrip("\ufffd").encode())
    tokens = example.reading.adaptive.ids.tolist()
    ends = np.cumsum([len(reader.model.tokenizer.decode_bytes([i])) for i in tokens])
    return int((ends <= size).sum())


def cells(
    runs: Sequence[tuple[np.ndarray, np.ndarray]], source: np.ndarray
) -> list[dict[str, Any]]:
    """AUROC, rates at the 5 % threshold and balanced accuracy of each target.

    Values are means over the splits. The interval is that of the first, whose scores of both
    halves are pooled.
    """
    out: list[dict[str, Any]] = []
    for target, against in TARGETS.items():
        human, synthetic = source == against, source == target
        if min(human.sum(), synthetic.sum()) < 30:
            continue
        areas = [stats.auroc(s[human], s[synthetic]) for s, _ in runs]
        caught = [caught_and_flagged(s, half, human, synthetic) for s, half in runs]
        right = [stats.balanced_accuracy(s[human], s[synthetic], threshold=0.0) for s, _ in runs]
        out.append({
            "target": target, "human": against, "n_synthetic": int(synthetic.sum()),
            "n_human": int(human.sum()), "auroc": float(np.mean([a.value for a in areas])),
            "low": areas[0].low, "high": areas[0].high,
            "tpr_at_5": pooled([c for c, _ in caught]), "fpr_at_5": pooled([f for _, f in caught]),
            "balanced_at_0": pooled(right),
        })  # fmt: skip
    return out


def caught_and_flagged(
    scores: np.ndarray, half: np.ndarray, human: np.ndarray, synthetic: np.ndarray
) -> tuple[stats.Estimate, stats.Estimate]:
    """True- and false-positive rate at each half's 5 % threshold, which the other half sets."""
    limit = np.zeros(len(scores))
    for h in (0, 1):
        other = scores[human & (half != h)]
        limit[half == h] = stats.threshold_at_fpr(other if len(other) else scores[human], fpr=0.05)
    above = scores > limit
    return (
        stats.wilson(int(above[synthetic].sum()), int(synthetic.sum())),
        stats.wilson(int(above[human].sum()), int(human.sum())),
    )


def pooled(found: Sequence[stats.Estimate]) -> list[float]:
    """Mean over the splits, and the interval of the first."""
    return [float(np.mean([e.value for e in found])), found[0].low, found[0].high]


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """One table a length: rows are detectors, columns are targets."""
    lines: list[str] = []
    for cut in CUTS:
        here = [r for r in rows if r["cut"] == cut]
        targets = [t for t in TARGETS if any(r["target"] == t for r in here)]
        sizes = {r["target"]: (r["n_synthetic"], r["n_human"]) for r in here}
        head = [f"{t} (n {sizes[t][0]}, human {sizes[t][1]})" for t in targets]
        lines += [f"\n### {cut} GPT-2 tokens\n", "| detector | " + " | ".join(head) + " |"]
        lines.append("|---" * (len(targets) + 1) + "|")
        for name in dict.fromkeys(r["detector"] for r in here):
            found = {r["target"]: r for r in here if r["detector"] == name}
            shown = [
                f"{found[t]['auroc']:.3f} [{found[t]['low']:.3f}, {found[t]['high']:.3f}]"
                for t in targets
            ]
            lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return "\n".join(lines + thresholds(rows)) + "\n"


def thresholds(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The combination at its thresholds: one row a length and target."""
    lines = [
        "\n### The combination at its own thresholds\n",
        "| GPT-2 tokens | text | n | TPR | FPR | balanced accuracy |",
        "|---" * 6 + "|",
    ]
    for r in rows:
        if r["detector"] == "combination":
            shown = [
                "{:.3f} [{:.3f}, {:.3f}]".format(*r[name])
                for name in ("tpr_at_5", "fpr_at_5", "balanced_at_0")
            ]
            n = f"{r['n_synthetic']} + {r['n_human']}"
            lines.append(f"| {r['cut']} | {r['target']} | {n} | " + " | ".join(shown) + " |")
    return lines
