"""A tiny RoBERTa as transformers saves it, a run that can be killed, and texts to tell apart."""

from __future__ import annotations

import random
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import transformers
from tokenizers import pre_tokenizers

PROGRAM = Path(__file__).with_name("program.py")
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
SHAPE = {
    "hidden_size": 128, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 48,
    "max_position_embeddings": 66, "type_vocab_size": 1, "layer_norm_eps": 1e-5,
}  # fmt: skip

Make = Callable[..., Path]


def make_tokenizer(folder: Path) -> transformers.PreTrainedTokenizerBase:
    """RoBERTa's: four special ids first, `<mask>` last, bytes and one merge between."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: i for i, token in enumerate([*SPECIAL, *letters, "th", "<mask>"])}
    tokenizer = transformers.RobertaTokenizer(vocab=vocab, merges=[("t", "h")])
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.fixture
def make_roberta(tmp_path: Path) -> Make:
    """`make(name, head=True, **config)`: the folder of a random RoBERTa, classifying or not."""

    def make(name: str, *, head: bool = True, **values: object) -> Path:
        folder = tmp_path / name
        tokenizer = make_tokenizer(folder)
        config = transformers.RobertaConfig(vocab_size=len(tokenizer), **SHAPE, **values)
        kind = transformers.RobertaForSequenceClassification if head else (
            transformers.RobertaForMaskedLM
        )  # fmt: skip
        with torch.random.fork_rng():
            torch.manual_seed(0)
            kind(config).save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def program() -> Path:
    """The file of the run that can be killed."""
    return PROGRAM


@pytest.fixture(scope="session")
def tiny() -> SimpleNamespace:
    """What that program defines."""
    return SimpleNamespace(**runpy.run_path(str(PROGRAM)))


def sentences(words: str, *, count: int, seed: int, length: int = 30) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choice(words.split()) for _ in range(length)) for _ in range(count)]


@pytest.fixture(scope="session")
def labelled() -> Callable[..., tuple[list[str], list[int]]]:
    """`labelled(count, seed=0)`: so many easy texts of each class, and their labels."""

    def make(count: int, *, seed: int = 0) -> tuple[list[str], list[int]]:
        human = sentences("the ship left in a morning wind", count=count, seed=seed)
        synthetic = sentences("the disk read by a byte port", count=count, seed=seed + 1)
        return human + synthetic, [0] * count + [1] * count

    return make
