"""A paraphraser is the user's own model: both kinds, with random weights, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from hallmark.lm.paraphrase import Paraphraser

WORDS = ["<pad>", "</s>", "paraphrase", ":", "the", "ship", "left", ".", "We", "saw", "it"]
TEXT = "the ship left. We saw it. the ship left. We saw it."


@pytest.fixture(params=["sequence-to-sequence", "causal"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    size = {"vocab_size": len(WORDS), "pad_token_id": 0, "eos_token_id": 1}
    if request.param == "causal":
        model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=16, **size))
    else:
        model = T5ForConditionalGeneration(
            T5Config(
                d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2,
                decoder_start_token_id=0, **size,
            )
        )  # fmt: skip
    model.save_pretrained(tmp_path)
    own = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<pad>"))
    own.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=own, pad_token="<pad>", eos_token="</s>", unk_token="<pad>"
    ).save_pretrained(tmp_path)
    return tmp_path


def test_the_seed_decides_and_the_generator_of_others_is_left_alone(folder: Path) -> None:
    paraphraser = Paraphraser(folder)
    state = torch.get_rng_state()
    said = paraphraser(TEXT, 1)
    assert torch.equal(state, torch.get_rng_state())
    assert said == paraphraser(TEXT, 1) != paraphraser(TEXT, 2)
    assert set(said.split()) <= set(WORDS)


def test_what_cannot_paraphrase_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must hold"):
        Paraphraser(folder, prompt="say it again")
    with pytest.raises(ValueError, match=r"no config\.json"):
        Paraphraser(tmp_path / "nowhere")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="holds no model that paraphrases"):
        Paraphraser(folder)


def test_weights_that_are_missing_are_not_made_up(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights.pop(next(name for name in weights if "mlp" in name or "DenseReluDense" in name))
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match="lacks weights"):
        Paraphraser(folder)
    (folder / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(ValueError, match="holds no model that paraphrases"):
        Paraphraser(folder)
