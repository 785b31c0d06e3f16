"""A tiny RoBERTa as transformers saves it, and a run that can be killed."""

from __future__ import annotations

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
def tiny(fingerprint) -> SimpleNamespace:
    """What that program defines."""
    return SimpleNamespace(**runpy.run_path(str(PROGRAM)), fingerprint=fingerprint)
