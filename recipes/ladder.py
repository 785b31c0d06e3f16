"""The bundled ladder's recipe: corpora -> vocabulary -> token stream -> trained rungs.

Run by `recipes/ladder.sh`. Documents are split by a hash of their text: one in ten is held
out and never trained on; a source's share of the training text is fixed by `SHARES`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hallmark import stats
from hallmark.data import read_jsonl_file
from hallmark.lm.model import LanguageModel
from hallmark.lm.training import checkpoint
from hallmark.lm.training.loop import TrainData, train
from hallmark.lm.training.order import Rows
from hallmark.lm.training.parallel import World
from hallmark.lm.training.settings import TrainConfig
from hallmark.lm.training.state import Event
from hallmark.lm.training.validation import byte_lengths
from hallmark.models.checkpoint import save_quantised
from hallmark.models.folder import read_json, sha256_of
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import BUNDLED, SIZES, Size, find_size
from hallmark.models.tokenizer import Tokenizer, bytes_to_unicode

SHARES = {
    "standardebooks": 0.20, "digitalgov": 0.13, "18f-blog": 0.06, "us-gov-sites-2": 0.03,
    "cia-factbook": 0.02, "us-presidential-speeches": 0.02, "wikinews-2000": 0.09,
    "gum-open-genres": 0.01, "masc-detok": 0.05, "medquad": 0.06, "openstax": 0.08,
    "openstax-2": 0.03, "opensuse-news": 0.03, "ropensci-blog": 0.04, "rust-blog": 0.03,
    "go-website": 0.02, "gcp-community": 0.01, "knative-docs": 0.005, "opensource-guide": 0.004,
    "nodejs-org": 0.006, "creativecommons-os": 0.02, "m365-community": 0.005,
    "bitcoin-optech": 0.01, "python-peps": 0.015, "d2l-book": 0.01, "mastering-ethereum": 0.005,
    "nltk-movie-reviews": 0.03, "un-general-debates": 0.03,
}  # fmt: skip
VOCABULARY = 8192
TOKENS = 6_000_000
CONFIG = TrainConfig(
    batch_size=4, micro_batch=4, sequence_length=1024, optimiser="muon", lr=0.006, matrix_lr=0.01,
    min_lr=0.0, decay="linear", save_every=50, valid_every=1_000_000, compile=True,
)  # fmt: skip
RUNGS = [size.name for size in SIZES if size.bundled]


def held_out(text: str) -> bool:
    """Whether a document belongs to the tenth that is never trained on."""
    return hashlib.sha256(text.encode()).digest()[0] % 10 == 0


def read(corpora: Path, *, characters: int, held: bool) -> list[str]:
    """About `characters` characters of documents, by `SHARES`, in an order fixed by a seed."""
    generator = np.random.default_rng(0)
    chosen: list[str] = []
    for name, share in SHARES.items():
        records = read_jsonl_file(corpora / f"{name}.jsonl.gz")
        texts = [r["text"] for r in records if held_out(r["text"]) == held]
        room = share * characters
        for i in generator.permutation(len(texts)):
            if room <= 0:
                break
            chosen.append(texts[i])
            room -= len(texts[i])
    return [chosen[i] for i in generator.permutation(len(chosen))]


def train_vocabulary(texts: list[str]) -> Tokenizer:
    """A byte-level BPE of `VOCABULARY` entries, trained by the tokenizers library."""
    from tokenizers import ByteLevelBPETokenizer

    trainer = ByteLevelBPETokenizer()
    trainer.train_from_iterator(texts, vocab_size=VOCABULARY - 1, show_progress=False)
    byte_of = {c: bytes([b]) for b, c in bytes_to_unicode().items()}
    merges = json.loads(trainer.to_str())["model"]["merges"]
    return Tokenizer(
        [tuple(b"".join(byte_of[c] for c in side) for side in pair) for pair in merges]
    )


def encode(tokenizer: Tokenizer, texts: list[str]) -> np.ndarray:
    """One stream: `<|endoftext|>` before every document."""
    ids = [i for text in texts for i in (tokenizer.eot, *tokenizer.encode(text))]
    return np.array([*ids, tokenizer.eot], dtype=np.uint16)


def prepare(corpora: Path, out: Path, *, characters: int) -> None:
    """Write vocab.bpe, train.npy, valid.npy and held.jsonl under `out`."""
    out.mkdir(parents=True, exist_ok=True)
    texts = read(corpora, characters=characters, held=False)
    tokenizer = train_vocabulary(texts)
    held = read(corpora, characters=6_000_000, held=True)
    (out / "vocab.bpe").write_text(tokenizer.merge_lines(), encoding="utf-8")
    valid, reference = held[::4], [t for i, t in enumerate(held) if i % 4]
    np.save(out / "train.npy", encode(tokenizer, texts))
    np.save(out / "valid.npy", encode(tokenizer, valid))
    for name, documents in (("valid", valid), ("held", reference)):
        with (out / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": t}) + "\n" for t in documents)
    tokens = len(np.load(out / "train.npy", mmap_mode="r"))
    print(f"{len(texts)} documents, {tokens} tokens, {len(valid)} valid, {len(reference)} held")


@dataclass
class ArrayStream:
    """A token stream in a mapped .npy file."""

    ids: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, start: int, length: int) -> np.ndarray:
        return self.ids[start : start + length].astype(np.int64)


def train_rung(out: Path, rung: str, *, tokens: int, batch_size: int, device: str) -> None:
    """Train one rung under `out/RUNG`, going on from its last checkpoint."""
    began = time.time()
    steps = tokens // (batch_size * CONFIG.sequence_length)
    config = replace(CONFIG, steps=steps, batch_size=batch_size, micro_batch=batch_size)

    def report(event: Event) -> None:
        if event.kind == "step" and event.step % 10 == 0:
            minutes = (time.time() - began) / 60
            print(
                f"{rung} step {event.step}/{steps} loss {event.loss:.4f} "
                f"{event.tokens_per_second:.0f} tok/s {minutes:.1f} min",
                flush=True,
            )

    train_rows, valid_rows = (
        Rows(ArrayStream(np.load(out / f"{split}.npy", mmap_mode="r")), config)
        for split in ("train", "valid")
    )
    network = GPT2(find_size(rung).config)
    network.initialise(torch.Generator().manual_seed(config.seed))
    identity = {
        "model": asdict(network.config), "train": asdict(config), "tokens": tokens,
        "stream": sha256_of(out / "train.npy"),
    }  # fmt: skip
    data = TrainData(train_rows, valid_rows, byte_lengths(Tokenizer.load(out)))
    train(
        network, data, config, folder=out / rung, identity=identity,
        world=World(device=device), on_event=report,
    )  # fmt: skip


def export(out: Path, rung: str) -> None:
    """Write a rung's bundled folder as int8, measure what was written, add its model card."""
    tokenizer, size = Tokenizer.load(out), find_size(rung)
    newest = checkpoint.checkpoint_folder(out / rung, checkpoint.checkpoint_steps(out / rung)[-1])
    identity = read_json(newest / checkpoint.STATE)["identity"]
    steps = checkpoint.read_state(newest).step
    network = GPT2(size.config)
    checkpoint.load_weights(newest, list(network.named_parameters()))
    folder = BUNDLED / size.name
    settings = identity["train"]
    facts = {
        "data": sorted(SHARES), "steps": steps, "tokens": identity["tokens"],
        "batch_size": settings["batch_size"], "sequence_length": settings["sequence_length"],
        "by": "recipes/ladder.sh",
    }  # fmt: skip
    save_quantised(folder, network, tokenizer, facts=facts)
    with (out / "valid.jsonl").open(encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    found = bits_per_byte(LanguageModel.load(folder), texts)
    exact = bits_per_byte(LanguageModel(network, tokenizer, name=rung), texts)
    facts |= {
        "bits_per_byte": found.value, "bits_per_byte_interval": [found.low, found.high],
        "bits_per_byte_documents": found.n, "bits_per_byte_float32": exact.value,
    }  # fmt: skip
    save_quantised(folder, network, tokenizer, facts=facts)
    (folder / "README.md").write_text(card(size, facts), encoding="utf-8")
    print(f"{size.name}: {found.value:.4f} [{found.low:.4f}, {found.high:.4f}] bits per byte")


def bits_per_byte(model: LanguageModel, texts: list[str]) -> stats.Estimate:
    """Bits per byte of whole documents; the interval resamples documents."""
    bits = np.array([-s.log_prob.sum() / math.log(2) for s in model.score(texts)])
    sizes = np.array([len(t.encode()) for t in texts])
    return stats.bootstrap(lambda i: bits[i].sum() / sizes[i].sum(), range(len(texts)))


def card(size: Size, facts: dict[str, Any]) -> str:
    """The rung's model card."""
    low, high = facts["bits_per_byte_interval"]
    return f"""---
license: mit
language: en
pipeline_tag: text-generation
---
# {size.name}

A small model of GPT-2's architecture ({size.config.parameters:,} parameters: {size.config.n_layer}
layers, {size.config.n_head} heads, width {size.config.n_embd}, context {size.config.n_ctx},
vocabulary {size.config.vocab_size:,}), trained from scratch by this project on two CPU cores. It
is a rung of a ladder on which the questions of a staged release can be asked in miniature. It is
no GPT-2: it writes English that does not hold together, and knows next to nothing.

- Data: {len(facts["data"])} sets of freely licensed English prose, in the shares of
  `recipes/ladder.py`: {", ".join(facts["data"])}. None of the text that detectors are trained or
  tested on.
- Training: {facts["tokens"]:,} tokens seen once, {facts["steps"]:,} steps of
  {facts["batch_size"]} x {facts["sequence_length"]} tokens, the same tokens in the same order
  for every rung (`recipes/ladder.sh`).
- Held out: {facts["bits_per_byte"]:.3f} bits per byte [{low:.3f}, {high:.3f}] on
  {facts["bits_per_byte_documents"]} whole documents never trained on (95 % interval by resampling
  documents; {facts["bits_per_byte_float32"]:.3f} before the weights were rounded to int8).
- Weights: int8 with a float32 scale a row; see `docs/architecture.md`.

Not for use where anything depends on what it says.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=["prepare", "train", "export"])
    parser.add_argument("--corpora", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rung", choices=RUNGS)
    parser.add_argument("--characters", type=int, default=40_000_000)
    parser.add_argument("--tokens", type=int, default=TOKENS)
    parser.add_argument("--batch-size", type=int, default=CONFIG.batch_size)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    if args.verb == "prepare":
        prepare(args.corpora, args.out, characters=args.characters)
    elif args.verb == "export":
        export(args.out, args.rung)
    else:
        train_rung(
            args.out, args.rung, tokens=args.tokens, batch_size=args.batch_size, device=args.device
        )


if __name__ == "__main__":
    main()
