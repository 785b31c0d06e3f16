"""A position in a model: fine-tuned on so many documents, and what it then writes.

Everything lies under a hash of what it depends on, so a killed run goes on and a change of settings
is a new folder. Only the fine-tuned weights are kept, not the checkpoints.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hallmark import __version__
from hallmark.data import write_atomically
from hallmark.evaluate.misuse_settings import MisuseConfig
from hallmark.evaluate.misuse_texts import Position
from hallmark.evaluate.store import key_of
from hallmark.lm.corpus.prepare import prepare
from hallmark.lm.corpus.settings import PrepareConfig
from hallmark.lm.corpus.shards import open_corpus
from hallmark.lm.training.parallel import World
from hallmark.lm.training.run import MODEL, Start, run
from hallmark.models.folder import read_json, write_json
from hallmark.models.tokenizer import Tokenizer
from hallmark.outputs.build import Models, build
from hallmark.outputs.identity import model_hashes
from hallmark.outputs.outputset import OutputSet
from hallmark.outputs.plan import make_plan
from hallmark.outputs.settings import BuildConfig

ABOUT = "training.json"
OnDone = Callable[[int], None]  # tokens that were trained on


def tuned_key(base: Path, position: Position, count: int, config: MisuseConfig) -> str:
    """The hash of all that a fine-tuned model depends on."""
    names = ("steps", "passes", "batch_size", "sequence_length", "lr", "lora", "seed")
    return key_of(
        model=model_hashes(base), texts=position.digest, count=count,
        settings={name: getattr(config, name) for name in names}, hallmark=__version__,
    )  # fmt: skip


def tune(
    folder: Path,
    base: Path,
    position: Position,
    count: int,
    config: MisuseConfig,
    *,
    device: str,
    on_tokens: OnDone,
) -> dict[str, Any]:
    """Fine-tune `base` on the first `count` documents of the pool in `folder`; what was done.

    The model is in folder/model once `training.json` is there.
    """
    if (folder / ABOUT).is_file():
        return read_json(folder / ABOUT)
    tokenizer = Tokenizer.load(base)
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    if not (data / "manifest.json").is_file():
        shutil.rmtree(data, ignore_errors=True)
        _write_texts(folder / "texts.jsonl", [*position.select, *position.pool[:count]])
        settings = PrepareConfig(valid=position.threshold, near=False)
        prepare([folder / "texts.jsonl"], data, tokenizer, settings)
    corpus = open_corpus(data)
    split = corpus.manifest["splits"]["train"]
    training = config.training(split["tokens"])
    ended = run(
        Start(base=base, lora=config.lora), corpus, training, folder=folder / "run",
        world=World(device=device),
        on_event=lambda e: on_tokens(e.step * training.step_tokens) if e.kind == "step" else None,
    )  # fmt: skip
    about = {
        "documents": split["documents"], "tokens": split["tokens"], "steps": ended.step,
        "best_step": ended.best_step, "passes": ended.step * training.step_tokens / split["tokens"],
        "settings": asdict(training),
    }  # fmt: skip
    shutil.rmtree(folder / MODEL, ignore_errors=True)
    shutil.copytree(folder / "run" / MODEL, folder / MODEL)
    write_json(folder / ABOUT, about)
    for done in ("run", "data"):
        shutil.rmtree(folder / done)
    (folder / "texts.jsonl").unlink()
    return about


def write_samples(
    folder: Path, model: Path, name: str, config: MisuseConfig, *, device: str, base: bool = False
) -> OutputSet:
    """The samples of a model in `folder`: a test split, and with `base` those to learn from."""
    settings = BuildConfig(
        sampling=config.sampling, train=config.train if base else 0,
        valid=config.valid if base else 0, test=config.samples, max_tokens=config.most,
        seed=config.seed, shard=100,
    )  # fmt: skip
    return build(folder, make_plan(settings, [name]), Models({name: model}, device=device))


def _write_texts(path: Path, texts: list[str]) -> None:
    with write_atomically(path) as file:
        file.writelines(json.dumps({"text": text}).encode() + b"\n" for text in texts)
