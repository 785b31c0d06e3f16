"""`pretrain`, `finetune` and `export_run`: from a prepared corpus to a folder of weights.

Says what it loaded before the first step, and never starts from random weights in silence.
"""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from hallmark.data import claimed
from hallmark.lm.corpus.shards import SPLITS, Corpus
from hallmark.lm.model import LanguageModel
from hallmark.lm.sampling import SamplingParams
from hallmark.lm.training import checkpoint
from hallmark.lm.training.adapters import add_adapters, check_adapters, is_adapter, merge_adapters
from hallmark.lm.training.checkpoint import Progress
from hallmark.lm.training.export import export
from hallmark.lm.training.loop import Sampler, TrainData, train
from hallmark.lm.training.objective import can_compile
from hallmark.lm.training.order import Rows, longest_row
from hallmark.lm.training.parallel import World
from hallmark.lm.training.settings import TrainConfig
from hallmark.lm.training.state import Event, OnEvent
from hallmark.lm.training.validation import byte_lengths
from hallmark.models import checkpoint as model_checkpoint
from hallmark.models.folder import read_json, write_json, write_text
from hallmark.models.gpt2 import GPT2
from hallmark.models.sizes import GPT2Config
from hallmark.models.tokenizer import Tokenizer

ABOUT, MODEL = "run.json", "model"
_SHORTEST = 16  # tokens in a row; shorter ones teach little


@dataclass(frozen=True)
class Start:
    """Where a run begins: random weights of `shape`, or the model in the folder `base`.

    lora: rank of the adapters that alone are trained; 0 trains every weight.
    """

    shape: GPT2Config | None = None
    base: Path | None = None
    lora: int = 0

    def check(self) -> None:
        """ValueError where adapters are asked for that cannot be made; costs nothing."""
        if self.lora:
            check_adapters(rank=self.lora)

    def network(self, *, seed: int) -> tuple[GPT2, Tokenizer | None]:
        """The first network, adapters included; the tokenizer of its folder, if it has one."""
        tokenizer = None
        if self.base is not None:
            network, tokenizer = model_checkpoint.load(self.base)
        elif self.shape is not None:
            network = GPT2(self.shape)
            network.initialise(torch.Generator().manual_seed(seed))
        else:
            raise ValueError("a run needs a shape, to start from random weights, or a base model")
        if self.lora:
            add_adapters(network, rank=self.lora, seed=seed)
        return network, tokenizer


def run(
    start: Start,
    corpus: Corpus,
    config: TrainConfig,
    *,
    folder: Path,
    world: World | None = None,
    prompt: str = "",
    on_event: OnEvent | None = None,
) -> Progress:
    """Train in `folder`, or go on there, and export the best weights to `folder`/model.

    prompt: what samples go on from. ValueError where tokenizer, context or corpus do not fit, the
    folder belongs to a run with other settings or data, or another process is at work in it.
    """
    world = world or World()
    with claimed(folder) if world.main else nullcontext():
        return _run(
            start, corpus, config, folder=folder, world=world, prompt=prompt,
            on_event=on_event or (lambda _: None),
        )  # fmt: skip


def _run(
    start: Start,
    corpus: Corpus,
    config: TrainConfig,
    *,
    folder: Path,
    world: World,
    prompt: str,
    on_event: OnEvent,
) -> Progress:
    """`run`, in a folder that is held."""
    network, tokenizer = start.network(seed=config.seed)
    if tokenizer is not None:
        corpus.check_fits(tokenizer, model=str(start.base))
    _check_shape(network, corpus, config)
    _check_optimiser(config, start, world)
    if config.compile and (reason := can_compile()):
        on_event(
            Event("remark", 0, text=f"not compiled, for torch.compile does not work: {reason}")
        )
        config = replace(config, compile=False)
    data = open_data(corpus, config)
    if world.main:
        on_event(Event("remark", 0, text=_origin(start, network)))
        if few := _few_rows(corpus, data, config):
            on_event(Event("remark", 0, text=few))
        if not checkpoint.checkpoint_steps(folder):
            _begin(folder, corpus, _about(start, network, corpus, config), on_event)
    identity = {
        "model": asdict(network.config), "train": asdict(config), "corpus": corpus.identity,
        "lora": start.lora, "base": weights_hash(network) if start.base else "",
    }  # fmt: skip
    try:
        progress = train(
            network, data, config, folder=folder, identity=identity, world=world,
            sampler=_sampler(corpus.tokenizer, prompt), on_event=on_event,
        )  # fmt: skip
    except checkpoint.OtherRun as error:
        if not (folder / MODEL).is_dir():
            raise
        longer = f"to train its model longer: --model {folder / MODEL} --out NEW"
        raise ValueError(f"{error}, or, {longer}") from None
    if world.main:
        export_run(folder, folder / MODEL)
    return progress


def _begin(folder: Path, corpus: Corpus, about: dict[str, Any], on_event: OnEvent) -> None:
    """Write what run this is; say where it replaces one that had saved nothing."""
    if (folder / ABOUT).is_file():
        found, wanted = (
            {**a, "corpus": str(a.get("corpus"))} for a in (read_json(folder / ABOUT), about)
        )
        if differences := checkpoint.difference(found, wanted):
            text = f"nothing was saved yet: begins anew with the new settings ({differences})"
            on_event(Event("remark", 0, text=text))
    write_text(folder / "vocab.bpe", corpus.tokenizer.merge_lines())
    write_json(folder / ABOUT, about)


def open_data(corpus: Corpus, config: TrainConfig) -> TrainData:
    """The corpus as rows; ValueError where a split has none, which names a length that has."""
    streams = {split: corpus.stream(split) for split in SPLITS}
    names = {"train": "the training text", "valid": "the held-out text"}
    rows = {
        split: Rows(stream, config, what=f"{names[split]} of {corpus.folder}")
        for split, stream in sorted(streams.items(), key=lambda pair: len(pair[1]))
    }  # the shorter one first, so that the length that fits it fits both
    return TrainData(rows["train"], rows["valid"], byte_lengths(corpus.tokenizer))


def _few_rows(corpus: Corpus, data: TrainData, config: TrainConfig) -> str:
    """That a step is longer than the text, and what to do about it; empty where it is not."""
    if data.train.count >= config.batch_size:
        return ""
    fits = longest_row(len(corpus.stream("train")), rows=config.batch_size)
    way_out = f"; --sequence-length {fits} gives each row its own" if fits >= _SHORTEST else ""
    return (
        f"the training text has {data.train.count} rows of {config.sequence_length} tokens and a "
        f"step takes {config.batch_size}, so every step reads text again{way_out}"
    )


def export_run(
    folder: Path, out: Path, *, step: int | None = None, base: Path | None = None
) -> int:
    """Write the best checkpoint of the run in `folder` (or that of `step`) to `out`; its step.

    base: where the model is now that LoRA's adapters were trained on, if it was moved. ValueError
    where that is another model.
    """
    if not (folder / ABOUT).is_file():
        raise FileNotFoundError(f"{folder} holds no run ({ABOUT} is missing)")
    about = read_json(folder / ABOUT)
    steps = checkpoint.checkpoint_steps(folder)
    if not steps:
        raise FileNotFoundError(f"{folder} holds no checkpoint")
    newest = checkpoint.read_state(checkpoint.checkpoint_folder(folder, steps[-1]))
    chosen = newest.best_step or newest.step if step is None else step
    if chosen not in steps:
        raise ValueError(f"{folder} has no checkpoint of step {chosen}, but {steps}")
    network = _trained_network(about, base)
    path = checkpoint.checkpoint_folder(folder, chosen)
    checkpoint.read_state(path)
    checkpoint.load_weights(
        path, [(n, p) for n, p in network.named_parameters() if p.requires_grad]
    )
    if about["lora"]:
        merge_adapters(network)
    export(out, network, Tokenizer.load(folder), run=folder, about=about, step=chosen)
    return chosen


def _trained_network(about: dict[str, Any], base: Path | None) -> GPT2:
    """A network that takes the weights that a run trained; the others are the base model's."""
    shape, seed = GPT2Config(**about["model"]), about["train"]["seed"]
    if not about["lora"]:
        return Start(shape).network(seed=seed)[0]
    base = base or Path(about["base"])
    if not base.exists():
        raise FileNotFoundError(
            f"{base}, which the adapters were trained on, is not there; --model says where it is"
        )
    network, _ = Start(base=base, lora=about["lora"]).network(seed=seed)
    if weights_hash(network) != about["base_hash"]:
        raise ValueError(
            f"{base} is not the model that the adapters were trained on, or has changed since; "
            "--model says where that model is"
        )
    return network


def weights_hash(network: GPT2) -> str:
    """SHA-256 over all parameters but adapters, in order."""
    total = hashlib.sha256()
    for name, p in network.named_parameters():
        if is_adapter(name):
            continue
        total.update(name.encode())
        total.update(p.detach().contiguous().numpy().tobytes())
    return total.hexdigest()


def _check_shape(network: GPT2, corpus: Corpus, config: TrainConfig) -> None:
    shape = network.config
    if config.sequence_length > shape.n_ctx:
        raise ValueError(
            f"sequence_length {config.sequence_length} does not fit the model's context of "
            f"{shape.n_ctx}; give at most that"
        )
    if corpus.tokenizer.n_vocab != shape.vocab_size:
        raise ValueError(
            f"{corpus.folder} was encoded with {corpus.tokenizer.n_vocab} tokens and the model "
            f"has {shape.vocab_size}; prepare it with the model's tokenizer"
        )


def _check_optimiser(config: TrainConfig, start: Start, world: World) -> None:
    """Muon turns whole matrices of the network; ValueError where there are none here."""
    if config.optimiser != "muon":
        return
    if start.lora:
        raise ValueError("muon is not for LoRA's adapters; use --optimiser adamw")
    if world.mode == "fsdp":
        raise ValueError("muon needs whole matrices, which fsdp splits; use ddp or adamw")


def _about(start: Start, network: GPT2, corpus: Corpus, config: TrainConfig) -> dict[str, Any]:
    kept = ("sources", "exact_duplicates", "near_duplicates", "splits")
    return {
        "model": asdict(network.config),
        "base": str(start.base.resolve()) if start.base else None,
        "base_hash": weights_hash(network) if start.base else None,
        "lora": start.lora,
        "train": asdict(config),
        "corpus": {"folder": str(corpus.folder.resolve())}
        | {key: corpus.manifest[key] for key in kept},
    }


def _origin(start: Start, network: GPT2) -> str:
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    what = f"loaded {start.base}" if start.base else "starting from random weights"
    return f"{what}: {network.config.parameters:,} parameters, {trained:,} of them trained"


def _sampler(tokenizer: Tokenizer, prompt: str) -> Sampler:
    params = SamplingParams(max_tokens=100, top_k=40)

    def sample(network: GPT2, step: int) -> str:
        model = LanguageModel(network, tokenizer, name="training")
        return model.generate([prompt], params, seeds=[step])[0].text

    return sample
