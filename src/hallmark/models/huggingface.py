"""Hugging Face folders: GPT2LMHeadModel's config.json and model.safetensors, read and written.

The linear layers there are Conv1D, (in, out), and are transposed here. Knows nothing of the hub.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hallmark.models.folder import config_from, read_json, write_json, write_manifest, write_text
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config
from hallmark.models.tokenizer import END_OF_TEXT, Tokenizer
from hallmark.models.weights import (
    SafetensorsFile,
    Shape,
    build,
    copy_float32,
    write_safetensors,
)

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PREFIX = "transformer."
_FLOATS = ("F32", "F16", "BF16")
_CONV1D = re.compile(r"h\.\d+\.(?:attn\.c_attn|attn\.c_proj|mlp\.c_fc|mlp\.c_proj)\.weight")
_BUFFER = re.compile(r"h\.\d+\.attn\.(?:bias|masked_bias)")
# Settings of transformers' GPT2Config that change the arithmetic, with the values GPT-2 has.
_ARITHMETIC: dict[str, tuple[object, ...]] = {
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "tie_word_embeddings": (True,),
    "add_cross_attention": (False,),
}


def load(folder: Path) -> GPT2:
    """The network in a Hugging Face folder, in float32; ValueError says what is wrong."""
    config = read_config(folder / "config.json")
    files = open_weights(folder)
    names: dict[str, str] = {}  # ours -> theirs
    for theirs in files:
        ours = theirs.removeprefix(PREFIX)
        if ours in names:
            raise ValueError(f"{folder} holds {ours} with and without {PREFIX!r}; keep one")
        names[ours] = theirs
    names = {n: t for n, t in names.items() if not _BUFFER.fullmatch(n)}
    head = names.pop("lm_head.weight", None)
    if head is not None and "wte.weight" in names:
        _check_tied(files, head, names["wte.weight"], folder)

    def read(name: str) -> Tensor:
        tensor = files[names[name]].read(names[name], dtypes=_FLOATS)
        return copy_float32(tensor, transpose=_CONV1D.fullmatch(name) is not None)

    shapes = {n: _our_shape(n, files[t].shapes[t]) for n, t in names.items()}
    return build(config, shapes, read, where=folder)


def read_config(path: Path) -> GPT2Config:
    """The shape in transformers' config.json; ValueError where it is not plain GPT-2."""
    values = read_json(path)
    for name, valid in _ARITHMETIC.items():
        found = values.get(name, None if name == "model_type" else valid[0])
        if found not in valid:
            raise ValueError(
                f"{path} has {name} {found!r}, GPT-2 {valid[0]!r}; choose a GPT-2 model"
            )
    positions = values.get("n_positions", values.get("n_ctx"))
    if values.get("n_ctx", positions) != positions:
        raise ValueError(f"{path} gives n_ctx and n_positions different values; mend or fetch it")
    config = config_from({**values, "n_ctx": positions}, path=path)
    if values.get("n_inner") not in (None, 4 * config.n_embd):
        raise ValueError(f"{path} has n_inner {values['n_inner']!r}, GPT-2 4 * n_embd")
    return config


def save(folder: Path, network: GPT2, tokenizer: Tokenizer) -> None:
    """Write a folder that transformers' GPT2LMHeadModel and GPT-2 tokenizers open.

    Files are renamed into place one by one and the manifest comes last, so a folder caught
    in between is refused by `checkpoint.load`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = network.state_dict()
    weights = {
        PREFIX + n: t.float().t() if _CONV1D.fullmatch(n) else t.float() for n, t in state.items()
    }
    eot = tokenizer.eot
    ends = {"bos_token_id": eot, "eos_token_id": eot}
    write_safetensors(folder / WEIGHTS, weights)
    write_json(folder / "vocab.json", tokenizer.encoder())
    write_text(folder / "merges.txt", tokenizer.merge_lines())
    write_json(folder / "tokenizer_config.json", _tokenizer_config(network.config))
    write_json(folder / "generation_config.json", ends)
    write_json(folder / "config.json", {**_config_json(network.config), **ends})
    names = (WEIGHTS, "vocab.json", "merges.txt", "config.json")
    write_manifest(folder, names, format="huggingface")


def open_weights(folder: Path) -> dict[str, SafetensorsFile]:
    """The file that holds each tensor, by the name it has there."""
    if (folder / WEIGHTS).exists():
        file = SafetensorsFile(folder / WEIGHTS)
        return dict.fromkeys(file.shapes, file)
    if (folder / INDEX).exists():
        return _shards(folder)
    if any(folder.glob("pytorch_model*.bin")):
        raise ValueError(
            f"{folder} holds weights only as a pickle, which can run code and is never opened; "
            "open it with transformers and save it with save_pretrained, as safetensors"
        )
    raise FileNotFoundError(f"{folder / WEIGHTS} is missing; fetch the model again")


def _shards(folder: Path) -> dict[str, SafetensorsFile]:
    path = folder / INDEX
    where = read_json(path).get("weight_map")
    if not isinstance(where, dict) or not all(isinstance(f, str) for f in where.values()):
        raise ValueError(f"{path} has no weight_map of names to files; fetch the model again")
    shards: dict[str, SafetensorsFile] = {}
    for name in sorted(set(where.values())):
        if not re.fullmatch(r"[\w.-]{1,200}\.safetensors", name, re.ASCII):
            raise ValueError(f"{path} names {name[:80]!r}, not a file beside it; do not trust it")
        shards[name] = SafetensorsFile(folder / name)
    found = {tensor: file for file in shards.values() for tensor in file.shapes}
    for tensor, name in where.items():
        if tensor not in shards[name].shapes:
            raise ValueError(f"{folder / name} lacks {tensor[:60]}; fetch the model again")
    extra = found.keys() - where.keys()
    if extra or len(found) != sum(len(f.shapes) for f in shards.values()):
        raise ValueError(f"{path} and its shards disagree on the tensors; fetch the model again")
    return found


def _check_tied(files: Mapping[str, SafetensorsFile], head: str, wte: str, folder: Path) -> None:
    output, embedding = (files[n].read(n, dtypes=_FLOATS) for n in (head, wte))
    if not torch.equal(output, embedding):
        raise ValueError(f"{folder} has an output head of its own, GPT-2 its token embedding")


def _our_shape(name: str, shape: Shape) -> Shape:
    return shape[::-1] if _CONV1D.fullmatch(name) else shape


def _config_json(config: GPT2Config) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "n_embd": config.n_embd,
        "n_inner": None,
        "n_ctx": config.n_ctx,
        "n_positions": config.n_ctx,
        "vocab_size": config.vocab_size,
        "layer_norm_epsilon": config.layer_norm_epsilon,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
    }


def _tokenizer_config(config: GPT2Config) -> dict[str, Any]:
    special = dict.fromkeys(("bos_token", "eos_token", "unk_token"), END_OF_TEXT)
    return {
        "tokenizer_class": "GPT2Tokenizer",
        "model_max_length": config.n_ctx,
        "add_prefix_space": False,
        **special,
    }
