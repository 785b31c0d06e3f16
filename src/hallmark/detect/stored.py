"""The files of a saved detector, checked as they are read.

A manifest catches accidents. This catches what it cannot, a folder whose manifest was made
anew: whatever is wrong is one ValueError or FileNotFoundError that says how to mend it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from hallmark.data import write_atomically
from hallmark.models.folder import check_manifest, read_bytes, read_json
from hallmark.models.weights import SafetensorsFile

AGAIN = "save the detector again (or install hallmark again, if the detector came with it)"
LONGEST = 10**6  # tokens; no calibrated length is above it
_TYPES = ("F64", "F32", "I64", "I32", "U16", "U8")
_MOST_BYTES = 2**28  # of a list of strings

Arrays = Mapping[str, NDArray[Any]]
Shape = tuple[int | None, ...]


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """A ValueError inside the block names `path` and says how to mend it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}; {AGAIN}") from None


def require(condition: bool | np.bool_, problem: str) -> None:
    """ValueError with `problem` unless the condition holds."""
    if not condition:
        raise ValueError(problem)


def read_config(folder: Path, *, kind: str, version: int) -> dict[str, Any]:
    """`config.json` of a detector of this kind and version, the folder's hashes checked first."""
    check_manifest(folder)
    config = read_json(folder / "config.json")
    if config.get("kind") != kind:
        raise ValueError(f"{folder} holds no {kind} detector; give the folder of one")
    if config.get("version") != version:
        raise ValueError(
            f"{folder} is a detector of version {str(config.get('version'))[:20]!r} and this "
            f"hallmark reads version {version}; {AGAIN}"
        )
    return config


def string(config: Mapping[str, Any], name: str) -> str:
    """The string called `name` in a config."""
    value = config.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string")
    return value


def distinct_strings(value: object, name: str) -> list[str]:
    """`value`, if it is a list of strings that all differ."""
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise ValueError(f"{name} must be a list of strings")
    require(len(set(value)) == len(value), f"{name} holds a string twice")
    return value


def rising_lengths(value: object, name: str, *, least: int) -> list[int]:
    """`value`, if it is a list of rising whole numbers from `least` on, at least one."""
    problem = f"{name} must be a list of rising whole numbers from {least} to {LONGEST}"
    if not isinstance(value, list) or not value or not all(type(v) is int for v in value):
        raise ValueError(problem)
    require(least <= value[0] and value[-1] <= LONGEST, problem)
    require(all(low < high for low, high in pairwise(value)), problem)
    return value


def read_strings(path: Path) -> list[str]:
    """The JSON list of distinct strings in a file."""
    data = read_bytes(path, limit=_MOST_BYTES)
    with blaming(path):
        try:
            value = json.loads(data.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"it is not valid JSON ({error})") from None
        return distinct_strings(value, "it")


def write_strings(path: Path, strings: Sequence[str], *, indent: int | None = None) -> None:
    """Write a JSON list of strings beside `path` and rename."""
    with write_atomically(path) as file:
        file.write(json.dumps(list(strings), ensure_ascii=False, indent=indent).encode())


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Every array of a safetensors file, in memory of its own; all numbers are finite."""
    file = SafetensorsFile(path)
    arrays = {name: file.read(name, dtypes=_TYPES).numpy().copy() for name in file.shapes}
    with blaming(path):
        for name, array in arrays.items():
            require(np.isfinite(array).all(), f"{name[:60]!r} holds NaN or infinity")
    return arrays


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write a safetensors file beside `path` and rename."""
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with write_atomically(path) as file:
        file.write(save(whole))


def floats(arrays: Arrays, name: str, shape: Shape) -> NDArray[np.float64]:
    """The array called `name` as float64; None in `shape` stands for any length but 0."""
    return _shaped(arrays, name, shape, kinds="f").astype(np.float64)


def wholes(arrays: Arrays, name: str, shape: Shape) -> NDArray[np.int64]:
    """The array of whole numbers called `name` as int64; `shape` as in `floats`."""
    return _shaped(arrays, name, shape, kinds="iu").astype(np.int64)


def _shaped(arrays: Arrays, name: str, shape: Shape, *, kinds: str) -> NDArray[Any]:
    if name not in arrays:
        raise ValueError(f"the array {name} is missing")
    array = arrays[name]
    fits = array.ndim == len(shape) and all(
        size == wanted if wanted is not None else size > 0
        for size, wanted in zip(array.shape, shape, strict=True)
    )
    wanted = " x ".join("any" if size is None else str(size) for size in shape)
    require(fits, f"{name} has shape {array.shape}, not {wanted}")
    require(array.dtype.kind in kinds, f"{name} holds numbers of type {array.dtype}")
    return array
