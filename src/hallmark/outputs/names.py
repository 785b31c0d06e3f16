"""What the release called its corpora: `xl-1542M-k40.train.jsonl` is SOURCE.SPLIT.jsonl.

Plain strings; knows neither models nor files' contents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hallmark.data import Label
from hallmark.models.sizes import find_size

SPLITS = ("train", "valid", "test")
PRACTICE = "at-hand"  # people's texts that are on any machine, to try the machinery with
TRIAL = "The human texts are a trial of the machinery: nothing compared with them is a finding."
SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")
_RELEASED = {
    "124M": "small-117M",
    "355M": "medium-345M",
    "774M": "large-762M",
    "1.5B": "xl-1542M",
}
_HUMAN = re.compile(r"(.*-)?webtext(-.*)?")
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def source_of(model: str, tag: str, *, prompted: bool = False) -> str:
    """The corpus of a model (a size's name, an alias, or a folder's name) under a setting's tag.

    `tag` is `SamplingParams.tag`, "" for pure sampling. Texts that go on from prompts are a
    corpus of their own.
    """
    try:
        name = find_size(model).name
    except ValueError:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-._") or "model"
    parts = [_RELEASED.get(name, name), tag, "prompted" if prompted else ""]
    return "-".join(part for part in parts if part)


def label_of(source: str) -> Label:
    """Who wrote a corpus of the release: people wrote `webtext`, models all others.

    OpenAI's detector code has real = 1; here, where its files are read, SYNTHETIC is 1.
    """
    return Label.HUMAN if _HUMAN.fullmatch(source) else Label.SYNTHETIC


def practice_mark(files: Iterable[str]) -> dict[str, bool]:
    """What a result says that was compared with the texts of files of these names: `practice` where
    any holds those of `hallmark outputs practice`, else nothing.
    """
    found = (parse_name(name) for name in files)
    held = any(parsed is not None and parsed[0] == PRACTICE for parsed in found)
    return {"practice": True} if held else {}


def parse_name(name: str) -> tuple[str, str, str] | None:
    """(source, split, suffix) of a file's name; None where it is no corpus's."""
    for suffix in SUFFIXES:
        stem = name.removesuffix(suffix)
        source, _, split = stem.rpartition(".")
        if stem != name and split in SPLITS and _SOURCE.fullmatch(source):
            return source, split, suffix
    return None
