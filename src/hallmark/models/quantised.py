"""Hallmark's own compact folder: matrices as int8 with one float32 scale a row.

`config.json` says `"format": "hallmark-int8"`; `model.safetensors` has each matrix as int8
under its own name and its scales (one for each row) under that name + `.scale`; vectors stay
float32; `vocab.bpe` is the tokenizer. Loading gives float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from hallmark.models.folder import config_from, read_json, write_json, write_manifest, write_text
from hallmark.models.gpt2 import GPT2
from hallmark.models.rounding import from_rows, quantise
from hallmark.models.tokenizer import Tokenizer
from hallmark.models.weights import SafetensorsFile, build, copy_float32, write_safetensors

FORMAT = "hallmark-int8"
VERSION = 1
WEIGHTS = "model.safetensors"
_SCALE = ".scale"


def load(folder: Path) -> GPT2:
    """The network in such a folder, dequantised; ValueError says what is wrong."""
    path = folder / "config.json"
    values = read_json(path)
    if values.get("format") != FORMAT or values.get("version") != VERSION:
        found = f"{values.get('format')!r} version {values.get('version')!r}"
        raise ValueError(f"{path} is of format {found}; this hallmark reads {FORMAT} {VERSION}")
    config = config_from(values, path=path)
    file = SafetensorsFile(folder / WEIGHTS)
    shapes = {name: shape for name, shape in file.shapes.items() if not name.endswith(_SCALE)}
    matrices = {name for name, shape in shapes.items() if len(shape) == 2}
    scales = {name for name in file.shapes if name.endswith(_SCALE)}
    if scales != {name + _SCALE for name in matrices}:
        raise ValueError(f"{file.path} lacks scales or has too many; fetch or save it again")

    def read(name: str) -> Tensor:
        if name not in matrices:
            return copy_float32(file.read(name, dtypes=("F32",)))
        scale = file.read(name + _SCALE, dtypes=("F32",))
        if tuple(scale.shape) != shapes[name][:1] or not (scale >= 0).all():
            raise ValueError(f"{file.path}: {name}{_SCALE} is not one number >= 0 a row")
        return from_rows(file.read(name, dtypes=("I8",)), scale)

    return build(config, shapes, read, where=folder)


def save(
    folder: Path, network: GPT2, tokenizer: Tokenizer, *, facts: Mapping[str, Any] | None = None
) -> None:
    """Write such a folder, manifest last.

    `facts` (data, steps, tokens, bits per byte) are kept under `training` in config.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for name, tensor in network.state_dict().items():
        if tensor.ndim == 2:
            tensors[name], tensors[name + _SCALE] = quantise(tensor.float())
        else:
            tensors[name] = tensor.float()
    identity = {"format": FORMAT, "version": VERSION, **asdict(network.config)}
    write_safetensors(folder / WEIGHTS, tensors)
    write_text(folder / "vocab.bpe", tokenizer.merge_lines())
    write_json(folder / "config.json", {**identity, "training": dict(facts or {})})
    write_manifest(folder, (WEIGHTS, "vocab.bpe", "config.json"), format=FORMAT)
