"""Where a training run begins: a network and its vocabulary, by name or folder."""

from __future__ import annotations

from pathlib import Path

from hallmark.detect.encoders.network import SMALL, Network, Rung, Transformer, build
from hallmark.detect.encoders.settings import SCRATCH
from hallmark.detect.encoders.vocabulary import ROBERTA_IDS, Bpe, Vocabulary
from hallmark.models import checkpoint
from hallmark.models.folder import read_json
from hallmark.models.sizes import BUNDLED, find_model
from hallmark.models.tokenizer import Tokenizer

_LADDER = "ladder-7M"  # whose vocabulary an encoder from scratch has


def begin(name: str, *, home: Path | None, seed: int) -> tuple[Network, Vocabulary, str]:
    """Network, vocabulary and key of RATES of `name`: scratch, a model's name, or a folder.

    A GPT-2 becomes an encoder with a new head; anything else is transformers'. ValueError says
    what is wrong, or that the model must be fetched first.
    """
    if name == SCRATCH:
        tokenizer = Tokenizer.load(BUNDLED / _LADDER)
        # Dropout of attention would double the time of a step.
        own = {"vocab_size": tokenizer.eot + ROBERTA_IDS, "attention_probs_dropout_prob": 0.0}
        network = build(Transformer.kind, SMALL | own, seed=seed)
        return network, Bpe.for_roberta(tokenizer), SCRATCH
    folder = find_model(name, home=home or Path())
    config = folder / "config.json"
    if config.is_file() and read_json(config).get("model_type", "gpt2") != "gpt2":
        from hallmark.detect.encoders.published import load_folder

        found = load_folder(folder, seed=seed)
        return found.network, found.vocabulary, "roberta"
    gpt2, tokenizer = checkpoint.load(folder)
    rung = build(Rung.kind, vars(gpt2.config), seed=seed)
    assert isinstance(rung, Rung)
    rung.network.load_state_dict(gpt2.state_dict())
    return rung, Bpe.for_rung(tokenizer), Rung.kind
