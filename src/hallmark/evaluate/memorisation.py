"""Does a model give back what it was trained on? Prefixes of training text, continued greedily.

The same is done with text it never saw, whose rate is what chance and stock phrases give
(Carlini et al. 2023 count verbatim continuations; the comparison is ours).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hallmark import __version__, stats
from hallmark.data import finite
from hallmark.evaluate.cells import difference
from hallmark.evaluate.crosstable import OnStep, Step
from hallmark.evaluate.probe_settings import MemorisationConfig
from hallmark.evaluate.report import shown_value, table_lines
from hallmark.lm.corpus.prepare import position
from hallmark.lm.model import LanguageModel
from hallmark.lm.sampling import SamplingParams
from hallmark.stats import Estimate

FORMAT, VERSION = "hallmark-memorisation", 1
BATCH = 50
LEAST = 20  # documents of a kind
KINDS = ("training", "held_out")

NOT_SHOWN = (
    "What other prompts would draw out. Greedy continuation of a prefix is a lower bound on what "
    "somebody who searches can extract.",
    "Text that is copied with small changes, or from the middle of a continuation.",
    "Whether a copied text is private, rare or protected.",
    "Documents that were not drawn: the interval is of documents like these.",
)


@dataclass(frozen=True)
class Stretch:
    """A prefix and what stands behind it in its document, in tokens."""

    prefix: tuple[int, ...]
    following: tuple[int, ...]


def memorisation(
    model: LanguageModel,
    training: Sequence[str],
    held_out: Sequence[str],
    config: MemorisationConfig,
    *,
    command: str = "",
    on_step: OnStep = lambda _: None,
) -> dict[str, Any]:
    """The record of the probe, every measured value {value, low, high, n}.

    `copied`: the share of training prefixes of which `copied` tokens and more come back verbatim;
    `excess`: that minus the share of held-out text; `training` and `held_out`: copied, mean_run
    (tokens that agree from the first on) and longest; `membership_auroc`: how well the model's
    likelihood tells the two kinds of text (.5: not at all). ValueError where documents are too
    few, or a text is of both kinds.
    """
    if set(training) & set(held_out):
        raise ValueError("a text is both training and held-out text; take it out of one of them")
    stretches = {
        kind: choose(model, texts, config, kind=kind)
        for kind, texts in zip(KINDS, (training, held_out), strict=True)
    }
    total = sum(map(len, stretches.values()))
    runs, likelihood, done = {}, {}, 0
    for kind, own in stretches.items():
        found: list[int] = []
        for at in range(0, len(own), BATCH):
            on_step(Step(done, total, f"{kind.replace('_', '-')} text"))
            found += verbatim(model, own[at : at + BATCH], config)
            done += len(own[at : at + BATCH])
        runs[kind], likelihood[kind] = np.array(found), _likelihood(model, own)
    on_step(Step(total, total, "done"))
    measured = {kind: _summary(found, config.copied) for kind, found in runs.items()}
    copied = {kind: measured[kind]["copied"] for kind in KINDS}
    record = {
        "format": FORMAT, "version": VERSION, "command": command, "seed": config.seed,
        "model": model.name, "settings": asdict(config), "hallmark": __version__,
        "copied": asdict(copied["training"]),
        "excess": asdict(difference(copied["training"], copied["held_out"])),
        "membership_auroc": asdict(stats.auroc(likelihood["held_out"], likelihood["training"])),
        **{kind: {k: asdict(v) if isinstance(v, Estimate) else v for k, v in own.items()}
           for kind, own in measured.items()},
        "not_shown": list(NOT_SHOWN),
    }  # fmt: skip
    return finite(record)  # type: ignore[no-any-return]


def choose(
    model: LanguageModel, texts: Sequence[str], config: MemorisationConfig, *, kind: str
) -> list[Stretch]:
    """One stretch of each of up to `documents` documents, in the order of their hashes.

    Each begins with a word, at a place that its document and the seed decide, and its prefix gives
    the same tokens when it is tokenised alone.
    """
    tokenizer, found = model.tokenizer, []
    need = config.prefix + config.continuation
    for text in sorted(dict.fromkeys(texts), key=position):
        ids = tokenizer.encode(text)
        draw = np.random.default_rng([config.seed, int(position(text) * 2**48)])
        for start in draw.permutation(max(0, len(ids) - need + 1))[:20].tolist():
            prefix = tuple(ids[start : start + config.prefix])
            words = start == 0 or tokenizer.decode_bytes([prefix[0]]).startswith(b" ")
            if words and tuple(tokenizer.encode(tokenizer.decode(list(prefix)))) == prefix:
                found.append(Stretch(prefix, tuple(ids[start + config.prefix : start + need])))
                break
        if len(found) == config.documents:
            break
    if len(found) < LEAST:
        raise ValueError(
            f"{len(found)} {kind.replace('_', '-')} documents have {need} tokens, and {LEAST} are "
            "needed; give more, or a smaller --prefix and --continuation"
        )
    return found


def verbatim(
    model: LanguageModel, stretches: Sequence[Stretch], config: MemorisationConfig
) -> list[int]:
    """How many tokens of each greedy continuation agree with the document, from the first on."""
    params = SamplingParams(max_tokens=config.continuation, temperature=0.0)
    prompts = [model.tokenizer.decode(list(s.prefix)) for s in stretches]
    written = model.generate(prompts, params, batch_size=BATCH)
    return [_agreeing(s.following, w.tokens) for s, w in zip(stretches, written, strict=True)]


def _agreeing(one: Sequence[int], other: Sequence[int]) -> int:
    for i, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return i
    return min(len(one), len(other))


def _likelihood(model: LanguageModel, stretches: Sequence[Stretch]) -> list[float]:
    """Mean log-probability in nats of the tokens behind each prefix."""
    texts = [model.tokenizer.decode([*s.prefix, *s.following]) for s in stretches]
    pairs = zip(model.score(texts), stretches, strict=True)
    return [float(scores.log_prob[len(s.prefix) :].mean()) for scores, s in pairs]


def _summary(runs: np.ndarray[Any, Any], copied: int) -> dict[str, Any]:
    return {
        "copied": stats.wilson(int((runs >= copied).sum()), len(runs)),
        "mean_run": stats.bootstrap(lambda i: float(runs[i].mean()), range(len(runs))),
        "longest": int(runs.max()),
    }


def markdown(record: dict[str, Any]) -> str:
    """The record for people."""
    settings = record["settings"]
    head = ["text", f"at least {settings['copied']} tokens verbatim", "mean run", "longest run"]
    rows = []
    for kind in KINDS:
        own = record[kind]
        measured = [shown_value(own["copied"]), shown_value(own["mean_run"])]
        rows.append([kind.replace("_", "-"), *measured, str(own["longest"])])
    lines = [
        "# Memorisation", "",
        f"{record['model']} is given {settings['prefix']} tokens of a document and goes on "
        f"greedily for {settings['continuation']}; counted are the tokens that agree with the "
        "document from the first on. Brackets are 95 % intervals.", "",
        *table_lines(head, rows), "",
        f"Training minus held-out: {shown_value(record['excess'])}. Likelihood tells the two kinds "
        f"of text with AUROC {shown_value(record['membership_auroc'])}.", "",
        "## What this does not show", "", *(f"- {s}" for s in record["not_shown"]),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
