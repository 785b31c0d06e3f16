"""A folder of weights in any published form to a network and its tokenizer, and back.

Which form a folder has is decided by what it holds, here and nowhere else. Never touches the
network, never opens a pickle.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hallmark.models import huggingface, quantised, tensorflow
from hallmark.models.folder import check_manifest, config_from, read_json
from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import in_precision
from hallmark.models.precision import Precision, choose_precision
from hallmark.models.sizes import GPT2Config
from hallmark.models.tokenizer import Tokenizer


def load(folder: Path, *, precision: str = Precision.FLOAT32) -> tuple[GPT2, Tokenizer]:
    """The network (in `precision`, eval mode, CPU) and tokenizer in `folder`.

    precision: a `Precision`, or "auto" for what suits its size. ValueError or FileNotFoundError
    says in one line what is wrong and how to mend it.
    """
    network = load_network(folder, precision=precision)
    tokenizer = Tokenizer.load(folder)
    if tokenizer.n_vocab != network.config.vocab_size:
        raise ValueError(
            f"{folder} has {tokenizer.n_vocab} tokens in its vocabulary and "
            f"{network.config.vocab_size} in its weights; vocabulary and weights must belong "
            "together, and added or padding tokens are not supported"
        )
    return network, tokenizer


def load_network(folder: Path, *, precision: str = Precision.FLOAT32) -> GPT2:
    """The network alone; the same errors as `load`."""
    if not folder.is_dir():
        what = "is a file; give the folder that holds it" if folder.is_file() else "is no folder"
        raise FileNotFoundError(f"{folder} {what}")
    check_manifest(folder)
    config = folder / "config.json"
    if config.exists():
        if "format" in read_json(config):
            return quantised.load(folder, precision=precision)
        return _in(huggingface.load(folder), precision)
    if (folder / "hparams.json").exists():
        return _in(tensorflow.load(folder), precision)
    raise FileNotFoundError(
        f"{folder} holds no model: neither config.json (Hugging Face, hallmark) nor hparams.json "
        "(TensorFlow); give a folder that does, or a name that `hallmark models` lists"
    )


def read_shape(folder: Path) -> GPT2Config:
    """The shape of the network in `folder`, its weights left unread; the errors of `load`."""
    path = folder / "config.json"
    if not path.exists():
        return tensorflow.read_hparams(folder / "hparams.json")
    values = read_json(path)
    return config_from(values, path=path) if "format" in values else huggingface.read_config(path)


def chosen_precision(folder: Path, name: str, *, device: str) -> Precision:
    """What `name` stands for with the model in `folder`, found without loading it."""
    size, stored = read_shape(folder).parameters, quantised.stored_precision(folder)
    return choose_precision(name, device=device, parameters=size, stored=stored)


def _in(network: GPT2, precision: str) -> GPT2:
    size = network.config.parameters
    return in_precision(network, choose_precision(precision, device="cpu", parameters=size))


def save_huggingface(folder: Path, network: GPT2, tokenizer: Tokenizer) -> None:
    """Write a folder that transformers opens (`huggingface.save`)."""
    huggingface.save(folder, network, tokenizer)


def save_quantised(
    folder: Path,
    network: GPT2,
    tokenizer: Tokenizer,
    *,
    precision: Precision = Precision.INT8,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write Hallmark's own folder in int8 or int4 (`quantised.save`)."""
    quantised.save(folder, network, tokenizer, precision=precision, facts=facts)
