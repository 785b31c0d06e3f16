"""What a build's bytes depend on, so that a folder belongs to one run and to no other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hallmark import __version__
from hallmark.models.checkpoint import chosen_precision
from hallmark.models.folder import content_hash
from hallmark.models.tokenizer import Tokenizer
from hallmark.outputs.plan import Plan


def identity_of(
    plan: Plan, folders: Mapping[str, Path], *, precision: str, device: str
) -> dict[str, Any]:
    """Settings, hashes of models, tokenizers and prompts, and the versions that compute."""
    return {
        **asdict(plan.config),
        "sampling": ",".join(setting.text for setting in plan.config.settings()),
        "device": device,
        "models": {
            name: {
                **model_hashes(folder),
                "precision": str(chosen_precision(folder, precision, device=device)),
            }
            for name, folder in folders.items()
        },
        "prompts": len(plan.prompts),
        "prompts_sha256": _sha256(json.dumps(plan.prompts)) if plan.prompts else None,
        "hallmark": __version__,
        "torch": version("torch"),
    }


def model_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of a model's files (names and contents, cards left out) and of its merges."""
    merges = Tokenizer.load(folder).merge_lines()
    return {"model_sha256": content_hash(folder), "tokenizer_sha256": _sha256(merges)}


def differing(found: Any, wanted: Mapping[str, Any]) -> str:
    """The first thing in which two identities differ, in words; empty where they agree."""
    if not isinstance(found, dict):
        return "its files were not built"
    for name, value in wanted.items():
        other = found.get(name)
        if other != value:
            if name == "models":
                return "other models or precision"
            if name.endswith("sha256"):
                return f"other {name.removesuffix('_sha256')}"
            return f"{name} {other!r:.60}, not {value!r:.60}"
    return ""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
