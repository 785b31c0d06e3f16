"""The bundled detector's recipe, from background to fit. Run by `recipes/detector.sh`."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from itertools import islice, pairwise
from pathlib import Path

import discriminator
import measure
import numpy as np
import verdicts
from ladder import SHARES, held_out
from threadpoolctl import threadpool_limits

from hallmark.data import read_jsonl_file
from hallmark.detect.background import Background, count_bigrams, fit_weights
from hallmark.detect.combination import DISCRIMINATOR, Combination
from hallmark.detect.discriminator import Discriminator
from hallmark.detect.fitting import LENGTHS, Example, Table, fit, tabulate
from hallmark.detect.normalise import normalise
from hallmark.detect.reading import Reader, Reading
from hallmark.lm import score as scoring
from hallmark.lm.model import LanguageModel
from hallmark.lm.score import TokenScores
from hallmark.models.sizes import BUNDLED
from hallmark.models.tokenizer import Tokenizer

MODEL, OBSERVER = "ladder-7M", "ladder-3M"
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
WORDS_KEPT = 60_000
MOST = {"un-general-debates": 450, "medquad": 1800}  # documents: sets that would drown the rest
BAD = "data/small-117M-k40.train.jsonl"  # word salad, not top-k samples: see docs/detectors.md
SHORT_TEXTS = 1000  # those behind them teach the discriminator
FAMILY = {  # all others are human
    "xl-1542M": "pure", "xl-1542M-k40": "truncated", "small-117M-k40": "truncated",
    "writing-xl": "truncated",
}  # fmt: skip
WEIGHT = {"writing-human": 0.5, "writing-xl": 0.5, "short-webtext": 0.3}
GENRES = {
    "fiction": ("standardebooks",),
    "medical pages": ("medquad",),
    "film reviews": ("nltk-movie-reviews",),
    "speeches": ("un-general-debates", "us-presidential-speeches"),
    "news": ("wikinews-2000",),
    "government": ("digitalgov", "18f-blog", "us-gov-sites-2", "cia-factbook"),
    "textbooks": ("openstax", "openstax-2", "d2l-book"),
    "technical": ("ropensci-blog", "rust-blog", "go-website", "opensuse-news", "python-peps"),
}  # of the corpora's held-out tenth: each bounds false positives on its own
GENRE_TEXTS, GENRE_WEIGHT = 240, 0.05


def make_background(data: Path, ladder: Path, out: Path) -> None:
    """Count words and bigrams of the corpora's training documents; fit the mixture weights."""
    tokenizer = Tokenizer.load(ladder)
    words: Counter[str] = Counter()
    stream: list[int] = []
    for name, share in SHARES.items():
        texts = [str(r["text"]) for r in read_jsonl_file(data / "corpora" / f"{name}.jsonl.gz")]
        texts = [normalise(t) for t in texts[: MOST.get(name)] if not held_out(t)]
        counted = Counter(w for t in texts for w in WORD.findall(t.lower()))
        for word, count in counted.items():
            words[word] += count / counted.total() * share * 1e8
        for text in texts:
            stream += [tokenizer.eot, *tokenizer.encode(text)]
    ids = np.array(stream, dtype=np.uint16)
    starts, followers, counts = count_bigrams(ids, vocab_size=tokenizer.n_vocab)
    frequency = np.bincount(ids, minlength=tokenizer.n_vocab) + 0.5
    background = Background(
        words=dict(words.most_common(WORDS_KEPT)),
        unigram=np.log(frequency / frequency.sum()),
        starts=starts, followers=followers, counts=counts, weights=np.full((5, 7), 1 / 7),
    )  # fmt: skip
    held = [json.loads(line)["text"] for line in (ladder / "valid.jsonl").open(encoding="utf-8")]
    encoded = [tokenizer.encode(normalise(t))[:1024] for t in held]
    background.weights = fit_weights(background.score(i, eot=tokenizer.eot) for i in encoded)
    (out / "background").mkdir(parents=True, exist_ok=True)
    background.save(out / "background")
    print(f"{len(ids)} tokens, {len(followers)} bigrams; weights\n{background.weights.round(3)}")


def documents(data: Path, ladder: Path) -> list[tuple[str, str, str]]:
    """(source, group, text) of every labelled text; a group never straddles two folds."""
    folder, found = data / "gpt2-outputs", []
    for source, name in (
        ("webtext", "webtext"), ("xl-1542M", "xl-1542M-pure"),
        ("xl-1542M-k40", "xl-1542M-k40"), ("small-117M-k40", "small-117M-k40"),
    ):  # fmt: skip
        for i, r in enumerate(read_jsonl_file(folder / f"{name}.jsonl.gz")):
            if BAD not in str(r.get("source")):
                found.append((source, f"{source}:{r.get('window', i)}", str(r["text"])))
    for r in read_jsonl_file(folder / "pairs-writing.jsonl.gz"):
        source = "writing-human" if r["label"] == "human" else "writing-xl"
        found.append((source, f"writing:{r['pair_id']}", str(r["text"])))
    short = islice(read_jsonl_file(folder / "short-webtext.jsonl.gz"), SHORT_TEXTS)
    found += [("short-webtext", f"short:{i}", str(r["text"])) for i, r in enumerate(short)]
    return found + list(genres(data, ladder))


def genres(data: Path, ladder: Path) -> Iterator[tuple[str, str, str]]:
    """(genre, group, text) of held-out documents that the background's weights did not see."""
    with (ladder / "valid.jsonl").open(encoding="utf-8") as file:
        seen = {json.loads(line)["text"] for line in file}
    for genre, names in GENRES.items():
        for name in names:
            records = read_jsonl_file(data / "corpora" / f"{name}.jsonl.gz")
            texts = (str(r["text"]) for r in records)
            chosen = (text for text in texts if held_out(text) and text not in seen)
            for i, text in enumerate(islice(chosen, GENRE_TEXTS // len(names))):
                yield genre, f"{name}:{i}", text


def reader(out: Path) -> Reader:
    """The model, background and discriminator that the detector reads with."""
    model = LanguageModel.load(BUNDLED / MODEL, name=MODEL)
    return Reader(
        model, Background.load(out / "background"), Discriminator.load(out / DISCRIMINATOR)
    )


def read(data: Path, ladder: Path, out: Path) -> None:
    """Read every text once and keep what the networks found."""
    own = reader(out)
    columns: dict[str, list[np.ndarray]] = {}
    found = documents(data, ladder)
    for at in range(0, len(found), 64):
        for reading in own.read([text for _, _, text in found[at : at + 64]]):
            for name in ("tokens", "log_prob", "rank", "entropy", "variance"):
                columns.setdefault(name, []).append(getattr(reading.network, name))
            columns.setdefault("log_odds", []).append(np.asarray(reading.log_odds))
        print(f"read {at + 64} of {len(found)}", flush=True)
    sizes = np.array([len(a) for a in columns["tokens"]])
    arrays = {name: np.concatenate(parts) for name, parts in columns.items()}
    for stale in ("table.npz", "crossed.npz"):
        (out / stale).unlink(missing_ok=True)
    np.savez(out / "readings.npz", sizes=sizes, **arrays)


def examples(data: Path, ladder: Path, out: Path, own: Reader) -> list[Example]:
    """The labelled readings that `read` kept."""
    kept = np.load(out / "readings.npz")
    tokenizer = own.model.tokenizer
    columns = {name: np.split(kept[name], np.cumsum(kept["sizes"])[:-1]) for name in kept.files[1:]}
    made = []
    for i, (source, group, _) in enumerate(documents(data, ladder)):
        found = {name: column[i] for name, column in columns.items()}
        odds = found.pop("log_odds")
        scores = TokenScores(**found, tokens_total=int(kept["sizes"][i]))
        if len(scores) < LENGTHS[0] * 0.9:
            continue
        ids = scores.tokens.tolist()
        adaptive = own.background.score(ids, eot=tokenizer.eot)
        text = tokenizer.decode(ids).rstrip("\ufffd")
        reading = Reading(text, adaptive, scores, len(scores), odds)
        weight = GENRE_WEIGHT if source in GENRES else WEIGHT.get(source, 1.0)
        made.append(Example(reading, FAMILY.get(source, "human"), source, group, weight))
    return made


def cross(data: Path, ladder: Path, out: Path) -> None:
    """Cross-entropy of an observer with the model, token by token, for Binoculars' row."""
    own, observer = reader(out), LanguageModel.load(BUNDLED / OBSERVER)
    found = [e for e in examples(data, ladder, out, own) if measure.is_measured(e)]
    ids = [e.reading.adaptive.ids.tolist() for e in found]
    eot = own.model.tokenizer.eot
    crossed = scoring.cross_entropy(observer.network, own.model.network, ids, eot=eot)
    np.savez(out / "crossed.npz", sizes=[len(c) for c in crossed], crossed=np.concatenate(crossed))


def tabulated(own: Reader, found: list[Example], path: Path) -> Table:
    """The table of all examples, made by every core at hand and kept in `path`."""
    if not path.exists():
        ends = np.linspace(0, len(found), (os.cpu_count() or 1) + 1).astype(int).tolist()
        with multiprocessing.get_context("fork").Pool() as pool:
            parts = pool.starmap(tabulate, [(own, found[a:b]) for a, b in pairwise(ends)])
        columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts])
                   for f in fields(Table) if f.name != "names"}  # fmt: skip
        np.savez(path, names=np.array(parts[0].names), **columns)
    kept = np.load(path)
    return Table(tuple(kept["names"].tolist()), **{n: kept[n] for n in kept.files if n != "names"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    steps = ["background", "discriminator", "read", "fit", "cross", "measure", "verdicts"]
    parser.add_argument("step", choices=steps)
    for name in ("data", "ladder", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    if args.step == "background":
        make_background(args.data, args.ladder, args.out)
    elif args.step == "discriminator":
        discriminator.make(args.data, args.out / DISCRIMINATOR, fitted_on=SHORT_TEXTS)
    elif args.step == "read":
        read(args.data, args.ladder, args.out)
    elif args.step == "cross":
        cross(args.data, args.ladder, args.out)
    else:
        own = reader(args.out)
        found = examples(args.data, args.ladder, args.out, own)
        table = tabulated(own, found, args.out / "table.npz")
        if args.step == "measure":
            measure.report(own, found, table, data=args.data, out=args.out)
            return
        if args.step == "verdicts":
            verdicts.report(own, found, table, data=args.data, out=args.out)
            return
        with threadpool_limits(1):  # as the halves are fitted
            experts, calibration = fit(table)
        count = Counter(e.source for e in found)
        facts = {"texts": dict(count), "by": "recipes/detector.sh"}
        Combination(own, experts, calibration).save(BUNDLED / "detector", facts=facts)
        print(f"fitted on {dict(count)}, {len(table.names)} features")


if __name__ == "__main__":
    main()
