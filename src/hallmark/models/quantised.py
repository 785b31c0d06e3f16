"""Hallmark's own compact folders, `hallmark-int8` and `hallmark-int4`.

`config.json` names the format; `model.safetensors` has each matrix under its own name, as int8 or
packed 4-bit numbers (`rounding.pack`), with its scales, one for each row, under that name +
`.scale` and 4-bit multipliers under + `.multiplier`. Positions are int8 in both, vectors float32;
`vocab.bpe` is the tokenizer. In their own precision the matrices stay on the mapped file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hallmark.models.folder import config_from, read_json, write_json, write_manifest, write_text
from hallmark.models.gpt2 import GPT2
from hallmark.models.matrices import Int4Matrix, Int8Matrix, Matrix, fill, in_precision
from hallmark.models.precision import Precision, choose_precision
from hallmark.models.rounding import GROUP, from_rows, pack, quantise, quantise_groups, unpack
from hallmark.models.sizes import GPT2Config
from hallmark.models.tokenizer import Tokenizer
from hallmark.models.weights import SafetensorsFile, build, copy_float32, write_safetensors

FORMATS = {"hallmark-int8": Precision.INT8, "hallmark-int4": Precision.INT4}
VERSION = 1
WEIGHTS = "model.safetensors"
_SCALE, _MULTIPLIER = ".scale", ".multiplier"
_POSITIONS = "wpe.weight"


def load(folder: Path, *, precision: str = Precision.FLOAT32) -> GPT2:
    """The network in such a folder, in `precision` or what "auto" takes for it on a CPU.

    ValueError says what is wrong.
    """
    path = folder / "config.json"
    values = read_json(path)
    name = values.get("format")
    if name not in FORMATS or values.get("version") != VERSION:
        found = f"{name!r} version {values.get('version')!r}"
        known = " and ".join(FORMATS)
        raise ValueError(f"{path} is of format {found}; this hallmark reads {known} {VERSION}")
    config = config_from(values, path=path)
    stored = _Stored(folder, config, FORMATS[name])
    wanted = choose_precision(
        precision, device="cpu", parameters=config.parameters, stored=stored.precision
    )
    if wanted != stored.precision:
        return in_precision(stored.floats(), wanted)
    return fill(stored.floats(held=True), stored.matrix, wanted)


def stored_precision(folder: Path) -> Precision | None:
    """In what precision a folder of this form is; None of any other."""
    path = folder / "config.json"
    return FORMATS.get(str(read_json(path).get("format"))) if path.exists() else None


class _Stored:
    """The tensors of a folder, checked as they are read."""

    def __init__(self, folder: Path, config: GPT2Config, precision: Precision) -> None:
        self.config, self.precision = config, precision
        self.file = SafetensorsFile(folder / WEIGHTS)
        self.shapes = {}
        for name, shape in self.file.shapes.items():
            if not name.endswith((_SCALE, _MULTIPLIER)):
                self.shapes[name] = (shape[0], 2 * shape[1]) if self._packed(name) else shape
        matrices = {name for name, shape in self.shapes.items() if len(shape) == 2}
        wanted = {name + _SCALE for name in matrices}
        wanted |= {name + _MULTIPLIER for name in matrices if self._packed(name)}
        if self.file.shapes.keys() - self.shapes.keys() != wanted:
            path = self.file.path
            raise ValueError(f"{path} lacks scales or has too many; fetch or save it again")

    def _packed(self, name: str) -> bool:
        four_bits = self.precision == Precision.INT4 and name != _POSITIONS
        return four_bits and len(self.file.shapes[name]) == 2

    def floats(self, *, held: bool = False) -> GPT2:
        """The network in float32; `held`: but for its matrices, which stay without memory."""

        def read(name: str) -> Tensor:
            if len(self.shapes[name]) != 2:
                return copy_float32(self.file.read(name, dtypes=("F32",)))
            if name == _POSITIONS:
                return from_rows(self.file.read(name, dtypes=("I8",)), self.scale(name))
            if held:
                return torch.empty(self.shapes[name], device="meta")
            matrix = self.matrix(name, None)
            whole = matrix.weight
            if isinstance(matrix, Int4Matrix):
                whole = unpack(whole, matrix.multiplier)
            return from_rows(whole, self.scale(name))

        return build(self.config, self.shapes, read, where=self.file.path.parent)

    def scale(self, name: str) -> Tensor:
        """One number a row."""
        scale = self.file.read(name + _SCALE, dtypes=("F32",))
        if tuple(scale.shape) != self.shapes[name][:1] or not (scale >= 0).all():
            raise ValueError(f"{self.file.path}: {name}{_SCALE} is not one number >= 0 a row")
        if not scale.isfinite().all():
            raise ValueError(f"{self.file.path}: {name}{_SCALE} holds NaN or infinity")
        return copy_float32(scale)

    def matrix(self, name: str, bias: Tensor | None) -> Matrix:
        """A matrix as it is stored, on mapped memory."""
        if not self._packed(name):
            return Int8Matrix(self.file.read(name, dtypes=("I8",)), self.scale(name), bias)
        multiplier = self.file.read(name + _MULTIPLIER, dtypes=("I8",))
        rows, columns = self.shapes[name]
        if columns % (2 * GROUP) or tuple(multiplier.shape) != (rows, columns // GROUP):
            raise ValueError(
                f"{self.file.path}: {name}{_MULTIPLIER} is not one number for {GROUP} weights"
            )
        if multiplier.abs().amax() > 15:
            raise ValueError(f"{self.file.path}: {name}{_MULTIPLIER} is not from -15 to 15")
        weight = self.file.read(name, dtypes=("U8",))
        return Int4Matrix(weight, multiplier, self.scale(name), bias)


def save(
    folder: Path,
    network: GPT2,
    tokenizer: Tokenizer,
    *,
    precision: Precision = Precision.INT8,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write such a folder of a float32 network in int8 or int4, manifest last.

    `facts` (data, steps, tokens, bits per byte) are kept under `training` in config.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for name, tensor in network.state_dict().items():
        if tensor.ndim != 2:
            tensors[name] = tensor.float()
        elif precision == Precision.INT4 and name != _POSITIONS:
            packed = pack(*quantise_groups(tensor.float()))
            tensors[name], tensors[name + _MULTIPLIER], tensors[name + _SCALE] = packed
        else:
            tensors[name], tensors[name + _SCALE] = quantise(tensor.float())
    name = f"hallmark-{precision}"
    identity = {"format": name, "version": VERSION, **asdict(network.config)}
    write_safetensors(folder / WEIGHTS, tensors)
    write_text(folder / "vocab.bpe", tokenizer.merge_lines())
    write_json(folder / "config.json", {**identity, "training": dict(facts or {})})
    write_manifest(folder, (WEIGHTS, "vocab.bpe", "config.json"), format=name)
