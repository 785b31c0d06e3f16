"""OpenAI's own checkpoint folders: hparams.json, vocab.bpe and a TensorFlow tensor bundle.

Says which variable of the release's code (src/model.py) is which parameter. The matrices of
its `conv1d` are (1, in, out) and are transposed here.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from hallmark.models.folder import config_from, read_bytes, read_json
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import SIZES, GPT2Config
from hallmark.models.tensorbundle import Bundle, Entry, bundle_name
from hallmark.models.weights import Shape, build, copy_float32

_SCOPE = "model/"
_LAST = {"g": "weight", "b": "bias", "w": "weight"}
# What an optimiser leaves beside the weights in fine-tuned checkpoints.
_SLOTS = ("/Adam", "/Adam_1")
_COUNTERS = {"global_step", "beta1_power", "beta2_power"}


def load(folder: Path) -> GPT2:
    """The network in such a folder, in float32; ValueError says what is wrong."""
    config = read_hparams(folder / "hparams.json")
    bundle = Bundle(folder / _bundle_name(folder))
    variables: dict[str, str] = {}  # our parameter -> its variable
    for variable, entry in bundle.entries.items():
        if variable in _COUNTERS or variable.endswith(_SLOTS):
            continue
        if entry.dtype not in (1, 14, 19):
            raise ValueError(f"{bundle.path}: {variable} is of type {entry.dtype}, not a float")
        variables[parameter_name(variable)] = variable
    shapes = {n: _our_shape(bundle.entries[v]) for n, v in variables.items()}

    def read(name: str) -> Tensor:
        array = bundle.read(variables[name])
        if array.ndim == 3:
            return copy_float32(torch.from_numpy(array[0]), transpose=True)
        return torch.from_numpy(array)

    return build(config, shapes, read, where=folder)


def read_hparams(path: Path) -> GPT2Config:
    """The shape in hparams.json; ValueError where it contradicts the size that it resembles."""
    values = read_json(path)
    if "n_vocab" not in values:
        raise ValueError(f"{path} lacks n_vocab; fetch the checkpoint again")
    config = config_from({**values, "vocab_size": values["n_vocab"]}, path=path)
    for size in SIZES:
        if (config.n_layer, config.n_embd) == (size.config.n_layer, size.config.n_embd):
            heads = size.config.n_head
            if size.hub and config.n_head != heads:
                raise ValueError(f"{path} has n_head {config.n_head}, {size.name} {heads}; mend it")
    return config


def parameter_name(variable: str) -> str:
    """`model/h0/attn/c_attn/w` -> `h.0.attn.c_attn.weight`; an unknown name stays itself."""
    parts = variable.removeprefix(_SCOPE).split("/")
    if not variable.startswith(_SCOPE):
        return variable
    if parts in (["wte"], ["wpe"]):
        return f"{parts[0]}.weight"
    if parts[0][:1] == "h" and parts[0][1:].isdecimal():
        parts[:1] = ["h", parts[0][1:]]
    parts[-1] = _LAST.get(parts[-1], parts[-1])
    return ".".join(parts)


def _bundle_name(folder: Path) -> str:
    path = folder / "checkpoint"
    if not path.exists():
        return "model.ckpt"
    try:
        return bundle_name(read_bytes(path, limit=2**16))
    except ValueError as error:
        raise ValueError(f"{path} {error}; fetch the checkpoint again") from None


def _our_shape(entry: Entry) -> Shape:
    """(1, in, out) becomes (out, in); other shapes stay."""
    if len(entry.shape) == 3 and entry.shape[0] == 1:
        return entry.shape[:0:-1]
    return entry.shape
