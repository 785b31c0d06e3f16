"""What the bundled detector's recipe says of texts: bands on held-out halves, scope, words a token.

Halves and cuts are those of `measure.py`. Each text is judged by experts and a calibration that
were fitted on the other half, so the bounds come from half as many texts as the shipped ones do.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from measure import CUTS, SEEDS, Fitted, Shortened, fit_halves, shorten_all

from hallmark import stats
from hallmark.detect.fitting import HUMAN, Example, Table
from hallmark.detect.judge import decide
from hallmark.detect.normalise import normalise
from hallmark.detect.reading import Reader
from hallmark.detect.scope import out_of_scope
from hallmark.detect.verdict import Band
from hallmark.models.tokenizer import Tokenizer

SPLITS = SEEDS[:2]
LEAST = 100  # texts of a source at a length, for a row
CODE_TOKENS = 256


def report(
    reader: Reader, examples: Sequence[Example], table: Table, *, data: Path, out: Path
) -> None:
    """Write OUT/verdicts.md: bands by length and source, scope, words in a token."""
    gpt2 = Tokenizer.load(data / "tokenizer-gpt2")
    halves, fitted = fit_halves(examples, table, SPLITS)
    bands = ["| GPT-2 tokens | text | n | right | wrong | cannot tell |", "|---" * 6 + "|"]
    scope = ["| GPT-2 tokens | text | n | turned away |", "|---" * 4 + "|"]
    for cut in CUTS:
        texts = shorten_all(examples, cut, gpt2, reader, table.names)
        why = [out_of_scope(r.text, reader.background.words) for r in texts.readings]
        runs = []
        for seed, groups in halves.items():
            half = np.array([int(e.group in groups[1]) for e in texts.examples])
            runs.append(judged(texts, why, half, fitted, seed))
        bands += band_rows(cut, texts, runs)
        scope += scope_rows(cut, texts, why)
        print(*(row for row in bands + scope if row.startswith(f"| {cut} ")), sep="\n", flush=True)
    scope.append(code_row(gpt2, reader))
    words = ["| text | tokens of the detector | words | words a token |", "|---" * 4 + "|"]
    words += word_rows(examples)
    text = "\n\n".join("\n".join(part) for part in (bands, scope, words))
    (out / "verdicts.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def judged(
    texts: Shortened,
    why: Sequence[str],
    half: np.ndarray,
    fitted: Mapping[tuple[int, int], Fitted],
    seed: int,
) -> np.ndarray:
    """The band of every text, by what was fitted on the other half."""
    out = np.full(len(half), str(Band.CANNOT_TELL), dtype=object)
    for h in (0, 1):
        experts, calibration = fitted[seed, 1 - h]
        mine = np.flatnonzero(half == h)
        scores = experts.score(texts.features[mine], texts.tokens[mine])
        for i, score in zip(mine, scores.tolist(), strict=True):
            tokens = int(texts.tokens[i])
            if not why[i] and tokens >= calibration.shortest:
                band, _ = decide(
                    calibration.log_ratio(score, tokens),
                    calibration.false_positives(score, tokens),
                    calibration.false_negatives(score, tokens),
                )
                out[i] = str(band)
    return out


def band_rows(cut: int, texts: Shortened, runs: Sequence[np.ndarray]) -> Iterator[str]:
    """Shares of bands that are right, wrong, absent: means of the splits, with their interval."""
    for source, mine, human in sources(texts):
        right, wrong = Band.LIKELY_HUMAN, Band.LIKELY_SYNTHETIC
        if not human:
            right, wrong = wrong, right
        shown = []
        for band in (right, wrong, Band.CANNOT_TELL):
            count = float(np.mean([(bands[mine] == str(band)).sum() for bands in runs]))
            found = stats.wilson(round(count), int(mine.sum()))
            shown.append(f"{count / mine.sum():.3f} [{found.low:.3f}, {found.high:.3f}]")
        kind = "human" if human else "synthetic"
        yield f"| {cut} | {source} ({kind}) | {mine.sum()} | " + " | ".join(shown) + " |"


def scope_rows(cut: int, texts: Shortened, why: Sequence[str]) -> Iterator[str]:
    """How many texts of each source are turned away, with an interval."""
    away = np.array([bool(reason) for reason in why])
    for source, mine, _ in sources(texts):
        yield scope_row(cut, source, away[mine])


def scope_row(cut: int, name: str, away: np.ndarray) -> str:
    k, n = int(away.sum()), len(away)
    rate = stats.wilson(k, n)
    return f"| {cut} | {name} | {n} | {k}: {rate.value:.3f} [{rate.low:.3f}, {rate.high:.3f}] |"


def sources(texts: Shortened) -> Iterator[tuple[str, np.ndarray, bool]]:
    """Each source with enough texts: its name, where its texts are, whether they are human."""
    for source in dict.fromkeys(e.source for e in texts.examples):
        mine = texts.source == source
        if mine.sum() >= LEAST:
            family = next(e.family for e in texts.examples if e.source == source)
            yield source, mine, family == HUMAN


def code_row(gpt2: Tokenizer, reader: Reader) -> str:
    """How much of Python's own library is turned away: the middle of each module, its docs too."""
    away = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" in path.parts or "dist-packages" in path.parts:
            continue
        source = path.read_text(encoding="utf-8", errors="replace")
        ids = gpt2.encode(normalise(source[len(source) // 3 :][:20_000]))
        if len(ids) >= CODE_TOKENS:
            text = gpt2.decode(ids[:CODE_TOKENS]).rstrip("\ufffd")
            away.append(bool(out_of_scope(text, reader.background.words)))
    return scope_row(CODE_TOKENS, "Python's standard library", np.array(away))


def word_rows(examples: Sequence[Example]) -> Iterator[str]:
    """How many words (between blanks) a token of the detector's model is."""
    for source in dict.fromkeys(e.source for e in examples):
        mine = [e.reading for e in examples if e.source == source]
        tokens, words = sum(map(len, mine)), sum(len(r.text.split()) for r in mine)
        yield f"| {source} | {tokens} | {words} | {words / tokens:.2f} |"
