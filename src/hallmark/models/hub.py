"""Fetch a model from a Hugging Face hub into a folder, when somebody asks for it.

Knows what a repository of a GPT-2 or a RoBERTa holds; `download.py` fetches one file. Loading
never comes here.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urlsplit

from hallmark.data import LOCK, held
from hallmark.models.download import Progress, announce, download
from hallmark.models.folder import check_manifest, read_json, write_manifest
from hallmark.models.sizes import ENCODERS, MANIFEST, find_size, is_repository, model_folder

ENDPOINT = "https://huggingface.co"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
MODEL_TYPES = ("gpt2", "roberta")  # what Hallmark opens
_TOKENIZERS = (("vocab.json", "merges.txt"), ("tokenizer.json",))
_SHARD = re.compile(r"[\w.-]{1,200}\.safetensors", re.ASCII)


def get(
    name: str,
    *,
    home: Path,
    endpoint: str = ENDPOINT,
    progress: Progress | None = None,
    pause: float = 1.0,
) -> Path:
    """Fetch a published size or any repository OWNER/NAME of a model of MODEL_TYPES; its folder.

    What is there and whole is kept, what was cut goes on. `progress` is called with (file,
    bytes so far, bytes in all); `pause` is the first wait in seconds between tries. ValueError
    for a wrong name or content, OSError for the network and the disk; another call goes on.
    """
    name = ENCODERS.get(name.casefold(), name)
    folder = model_folder(name, home=home)
    if _is_whole(folder):
        return folder
    repository = name if is_repository(name) else find_size(name).hub
    if repository is None:
        raise ValueError(f"{folder} is damaged or missing; install hallmark again")
    if urlsplit(endpoint).scheme not in ("http", "https"):
        raise ValueError(f"the endpoint {endpoint!r} must begin with http:// or https://")
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder / LOCK) as mine:
        if not mine:
            raise OSError(f"{folder} is being fetched by another process; wait for it")
        base = f"{endpoint.rstrip('/')}/{repository}"
        fetch = _Fetch(base, folder, progress=progress, pause=pause)
        names = fetch.everything()
        (folder / MANIFEST).unlink(missing_ok=True)
        write_manifest(folder, names, repository=repository, revision=fetch.revision)
    return folder


class _Fetch:
    """One repository, fetched file by file into `folder`, all files at one commit."""

    def __init__(self, base: str, folder: Path, *, progress: Progress | None, pause: float) -> None:
        self.base = base
        self.revision = "main"  # until the first answer names the commit
        self.folder = folder
        self.progress = progress
        self.pause = pause

    def everything(self) -> list[str]:
        """Fetch configuration, weights and tokenizer; return the files' names."""
        self.need("config.json")
        model_type = read_json(self.folder / "config.json").get("model_type")
        if model_type not in MODEL_TYPES:
            raise ValueError(
                f"{self.base} is a model of type {model_type!r}, not a GPT-2 and not a RoBERTa"
            )
        weights = [WEIGHTS]
        if not self.file(WEIGHTS):
            self.need(INDEX)
            weights = [INDEX, *shards(self.folder / INDEX)]
            for shard in weights[1:]:
                self.need(shard)
        for names in _TOKENIZERS:
            if all(self.file(n) for n in names):
                return ["config.json", *weights, *names]
        raise ValueError(f"{self.base} has no tokenizer (vocab.json and merges.txt)")

    def need(self, name: str) -> None:
        """Make `name` whole in the folder; ValueError where the hub has no such file."""
        if not self.file(name):
            raise ValueError(
                f"{self.base} has no {name}; check the name, and that it is a model with its "
                "weights in safetensors"
            )

    def file(self, name: str) -> bool:
        """Make `name` whole in the folder; False where the hub has no such file."""
        url = f"{self.base}/resolve/{quote(self.revision, safe='')}/{quote(name)}"
        remote = announce(url, pause=self.pause)
        if remote is None:
            return False
        self.revision = remote.commit or self.revision
        download(remote, self.folder / name, progress=self.progress, pause=self.pause)
        return True


def shards(index: Path) -> list[str]:
    """The files that a sharded model's index names; ValueError for any that is not beside it."""
    where = read_json(index).get("weight_map")
    names = list(where.values()) if isinstance(where, dict) else []
    if not names or not all(isinstance(n, str) and _SHARD.fullmatch(n) for n in names):
        raise ValueError(f"{index} names no shards, or files not beside it; do not trust it")
    return sorted(set(names))


def _is_whole(folder: Path) -> bool:
    if not (folder / MANIFEST).is_file():
        return False
    try:
        check_manifest(folder)
    except (ValueError, FileNotFoundError):
        return False
    return True
