"""A model's folder on disk: its JSON files, and a manifest of the hashes of its files.

Knows nothing about networks. A manifest is written last and checked before anything else is
read, so an interrupted save, a bad disk or an edited file is never loaded in silence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from hallmark.data import write_atomically
from hallmark.models.sizes import MANIFEST, GPT2Config

LONGEST_JSON = 32 * 2**20
_NOT_WEIGHTS = (".md", ".txt.license", ".gitattributes")
SHAPE = ("n_layer", "n_head", "n_embd", "n_ctx", "vocab_size")


def read_bytes(path: Path, *, limit: int = LONGEST_JSON) -> bytes:
    """The whole of a small file; ValueError where it is not a file or longer than `limit`."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a file; fetch the model again")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; fetch the model again")
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"{path} is longer than {limit} bytes; fetch the model again")
    return data


def refuse_constant(name: str) -> NoReturn:
    """For `json.loads(..., parse_constant=)`: NaN and infinities are no JSON; ValueError."""
    raise ValueError(f"{name} is not a number")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`; ValueError for anything else, NaN and deep nesting included."""

    try:
        value = json.loads(read_bytes(path).decode("utf-8"), parse_constant=refuse_constant)
    except FileNotFoundError:
        raise
    except (ValueError, RecursionError) as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path} is not valid JSON ({error}); fetch the model again") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} must hold a JSON object; fetch the model again")
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write `value` beside `path` and rename."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with write_atomically(path) as file:
        file.write(text.encode("utf-8"))


def write_text(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Write `text` as UTF-8 beside `path` and rename; `mode` as for `write_atomically`."""
    with write_atomically(path, mode=mode) as file:
        file.write(text.encode("utf-8"))


def config_from(values: Mapping[str, Any], *, path: Path) -> GPT2Config:
    """The shape in `values`; ValueError names `path` and what is missing or out of range."""
    missing = [name for name in SHAPE if name not in values]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}; fetch the model again")
    epsilon = values.get("layer_norm_epsilon", GPT2Config.layer_norm_epsilon)
    shape = {name: values[name] for name in SHAPE}
    try:
        return GPT2Config(**shape, layer_norm_epsilon=epsilon)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; fetch the model again") from None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(folder: Path) -> str:
    """SHA-256 of a folder's files, names and contents, without manifest, cards, hidden files."""
    names = sorted(
        path.name for path in folder.iterdir()
        if path.is_file() and path.name != MANIFEST and not path.name.startswith(".")
        and not path.name.endswith(_NOT_WEIGHTS)
    )  # fmt: skip
    files = [[name, sha256_of(folder / name)] for name in names]
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()


def write_manifest(folder: Path, names: Iterable[str], **facts: str) -> None:
    """Record size and SHA-256 of the files `names`; written after them, it completes a save."""
    files = {
        name: {"size": (folder / name).stat().st_size, "sha256": sha256_of(folder / name)}
        for name in sorted(names)
    }
    write_json(folder / MANIFEST, {**facts, "files": files})


def check_manifest(folder: Path) -> None:
    """ValueError names the first file that differs from the manifest; none is no error."""
    path = folder / MANIFEST
    if not path.exists():
        return
    files = read_json(path).get("files")
    if not isinstance(files, dict) or not files:
        raise ValueError(f"{path} lists no files; fetch or save the model again")
    for name, expected in files.items():
        if Path(name).name != name or not isinstance(expected, dict):
            raise ValueError(f"{path} is damaged at {name!r}; fetch or save the model again")
        file = folder / name
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing; fetch or save the model again")
        size = file.stat().st_size
        if size != expected.get("size") or sha256_of(file) != expected.get("sha256"):
            raise ValueError(
                f"{file} is not the file that {MANIFEST} describes; fetch or save the model "
                f"again, or delete {MANIFEST} if you changed it on purpose"
            )
