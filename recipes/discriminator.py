"""The bundled detector's discriminator: a rung taught to tell GPT-2's short texts from people's.

Run by `recipes/detector.sh`. None of the texts that the detector is fitted, calibrated or measured
on take part: the synthetic ones are 64-token texts of the 117M model, the human ones WebText's
short texts behind the first that `detector.py` reads, and the corpora's training documents. Of both
files of short texts `UNSEEN` are kept back, for validation and for `recipes/evidence.sh`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from ladder import SHARES, held_out
from numpy.typing import NDArray
from torch.nn import functional as F

from hallmark import stats
from hallmark.data import read_jsonl_file
from hallmark.detect.discriminator import WINDOW, Discriminator
from hallmark.detect.normalise import normalise
from hallmark.lm.model import LanguageModel
from hallmark.models.sizes import BUNDLED
from hallmark.models.tokenizer import Tokenizer

RUNG = "ladder-3M"
SYNTHETIC, HUMAN = "short-small-117M-p0.99", "short-webtext"
CORPORA_TEXTS = 4000  # documents, one window of each in every epoch
EPOCHS, BATCH, RATE, WARMUP = 4, 64, 3e-4, 50
UNSEEN = 900  # texts of each file, behind those that the detector is fitted on
UNMARKED = 20  # tokens at the start of a window that teach nothing: less than that says nothing
SHORTEST = 36  # tokens of a cut text
WHOLE = 0.4  # of the short texts are read from their start
LONGEST = 60_000  # characters of a document

Ids = list[int]


def make(data: Path, out: Path, *, fitted_on: int, seed: int = 0) -> None:
    """Write `out`; the detector is fitted on the first `fitted_on` human short texts."""
    generator = np.random.default_rng(seed)
    torch.manual_seed(seed)
    model = LanguageModel.load(BUNDLED / RUNG, name=RUNG)
    human = short_texts(data, HUMAN, model.tokenizer)[fitted_on:]
    synthetic = short_texts(data, SYNTHETIC, model.tokenizer)
    kinds = human[UNSEEN:], synthetic[UNSEEN:], documents(data, model.tokenizer, generator)
    counts = dict(zip(("human", "synthetic", "pages"), map(len, kinds), strict=True))
    facts = {"model": RUNG, "texts": counts, "epochs": EPOCHS, "by": "recipes/detector.sh"}
    discriminator = Discriminator.untrained(model.network, model.tokenizer, facts=facts)
    train(discriminator, *kinds, generator)
    discriminator.save(out)
    loaded = Discriminator.load(out)
    scores = [
        np.array([found.mean() for found in loaded.log_odds(texts[:UNSEEN])])
        for texts in (human, synthetic)
    ]
    print(f"{counts}; of {UNSEEN} + {UNSEEN} others: AUROC {stats.auroc(*scores)}", flush=True)


def short_texts(data: Path, name: str, tokenizer: Tokenizer) -> list[Ids]:
    """Tokens of a file's texts, cut to a window."""
    records = read_jsonl_file(data / "gpt2-outputs" / f"{name}.jsonl.gz")
    return [tokenizer.encode(normalise(str(r["text"]).lstrip()))[:WINDOW] for r in records]


def documents(data: Path, tokenizer: Tokenizer, generator: np.random.Generator) -> list[Ids]:
    """Tokens of some of the corpora's training documents, by the ladder's shares."""
    found = []
    for name, share in SHARES.items():
        records = read_jsonl_file(data / "corpora" / f"{name}.jsonl.gz")
        texts = [t for r in records if not held_out(t := str(r["text"]))]
        order = generator.permutation(len(texts))
        for i in order[: int(np.ceil(share * CORPORA_TEXTS))]:
            found.append(tokenizer.encode(normalise(texts[i][:LONGEST].lstrip())))
    return [ids for ids in found if len(ids) > SHORTEST]


def train(
    discriminator: Discriminator,
    human: Sequence[Ids],
    synthetic: Sequence[Ids],
    pages: Sequence[Ids],
    generator: np.random.Generator,
) -> None:
    """AdamW on the mean loss of every token's log-odds; short texts count alike by class."""
    texts = [*human, *synthetic, *pages]
    label = np.repeat([0.0, 1.0, 0.0], [len(human), len(synthetic), len(pages)])
    weight = np.where(label == 1, len(human) / len(synthetic), 1.0)
    steps = EPOCHS * (len(texts) // BATCH)
    optimiser = torch.optim.AdamW(
        discriminator.parameters(), RATE, betas=(0.9, 0.98), weight_decay=0.05
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min(1.0, (s + 1) / WARMUP) * max(0.02, 1 - s / steps)
    )
    began, step = time.time(), 0
    for _ in range(EPOCHS):
        order = generator.permutation(len(texts))
        for at in range(0, len(order) - BATCH + 1, BATCH):
            rows = order[at : at + BATCH]
            some = [window(texts[i], i < len(human) + len(synthetic), generator) for i in rows]
            loss = loss_of(discriminator, some, label[rows], weight[rows])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(discriminator.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            step += 1
            if step % 50 == 0:
                minutes = (time.time() - began) / 60
                print(f"{step}/{steps} loss {loss.item():.4f} {minutes:.1f} min", flush=True)


def window(ids: Ids, short: bool, generator: np.random.Generator) -> Ids:
    """A short text from its start or from within; half the time a page's start, else any part."""
    if generator.random() < (WHOLE if short else 0.5) or len(ids) <= SHORTEST + 1:
        return ids[:WINDOW]
    start = int(generator.integers(1, max(2, len(ids) - (SHORTEST if short else WINDOW))))
    return ids[start : start + WINDOW]


def loss_of(
    discriminator: Discriminator,
    some: Sequence[Ids],
    label: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> torch.Tensor:
    """Weighted mean over texts of the mean cross-entropy of a text's tokens."""
    tokens = torch.full((len(some), WINDOW + 1), discriminator.tokenizer.eot)
    marked = torch.zeros(len(some), WINDOW)
    for row, ids in enumerate(some):
        tokens[row, 1 : len(ids) + 1] = torch.tensor(ids)
        marked[row, min(UNMARKED, len(ids) - 1) : len(ids)] = 1
    with torch.autocast("cpu", torch.bfloat16):
        odds = discriminator(tokens, dropout=0.1)[:, 1:]
    truth = torch.tensor(label, dtype=torch.float32)[:, None].expand_as(odds)
    each = F.binary_cross_entropy_with_logits(odds.float(), truth, reduction="none") * marked
    return (each.sum(1) / marked.sum(1) * torch.tensor(weight, dtype=torch.float32)).mean()
