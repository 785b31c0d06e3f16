"""A run's best checkpoint as a Hugging Face folder, with a model card of how it came about."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hallmark import stats
from hallmark.lm.training.log import read_log, risen
from hallmark.models import huggingface
from hallmark.models.folder import write_text
from hallmark.models.gpt2 import GPT2
from hallmark.models.tokenizer import Tokenizer

CARD = "README.md"


def export(
    folder: Path,
    network: GPT2,
    tokenizer: Tokenizer,
    *,
    run: Path,
    about: Mapping[str, Any],
    step: int,
) -> None:
    """Write the folder that transformers, vLLM and llama.cpp's converter read, card included.

    about: what `run.json` says. step: the checkpoint that the weights are of.
    """
    text = card(network, about, read_log(run), step=step, name=run.name)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / CARD, text)
    huggingface.save(folder, network, tokenizer)


def card(
    network: GPT2, about: Mapping[str, Any], log: list[dict[str, Any]], *, step: int, name: str
) -> str:
    """The model card: YAML that hubs read, then data, steps and metrics."""
    train, corpus = about["train"], about["corpus"]
    valid = {line["step"]: line for line in log if "valid_loss" in line}
    shape = network.config
    base = about.get("base")
    lora = f", LoRA of rank {about['lora']}, merged" if about.get("lora") else ""
    origin = f"fine-tuned from {Path(base).name}{lora}" if base else "trained from random weights"
    size = f"{shape.parameters:,} parameters: {shape.n_layer} layers, {shape.n_head} heads, "
    size += f"width {shape.n_embd}, context {shape.n_ctx}, vocabulary {shape.vocab_size:,}"
    tokens = step * train["batch_size"] * train["sequence_length"]
    lines = [
        "---", "pipeline_tag: text-generation", "library_name: transformers",
        "tags:", "- gpt2", "- hallmark", "---",
        f"# {name}", "",
        f"A model of GPT-2's architecture ({size}), {origin} by `hallmark train`.", "",
        "## Data",
        f"- Sources: {', '.join(Path(s).name for s in corpus['sources'])}.",
        f"- {_count(corpus, 'train')} to train on, {_count(corpus, 'valid')} held out; "
        f"{corpus['exact_duplicates']} exact and {corpus['near_duplicates']} near duplicates "
        "left out.", "",
        "## Steps",
        f"- {step} steps of {train['batch_size']} x {train['sequence_length']} tokens "
        f"({tokens:,} in all) by {train['optimiser']}, highest learning rate {train['lr']:g}, "
        f"{train['precision']}, seed {train['seed']}.", "",
        "## Metrics",
        "| step | held-out loss (nats a token) | perplexity | bits per byte |", "|---|---|---|---|",
        *(_metrics(valid[s]) for s in sorted({min(valid, default=0), step}) if s in valid),
        "",
        *_warning(risen(log, step)),
        "Rows of the held-out documents that did not overlap. Not for use where anything depends "
        "on what it says.",
    ]  # fmt: skip
    return "\n".join([*lines, ""])


def _warning(text: str) -> list[str]:
    if not text:
        return []
    return [f"**{text[0].upper()}{text[1:]}.** It predicts worse than what it began from.", ""]


def _count(corpus: Mapping[str, Any], split: str) -> str:
    found = corpus["splits"][split]
    return f"{found['documents']:,} documents ({found['tokens']:,} tokens)"


def _metrics(line: Mapping[str, Any]) -> str:
    loss, bits = line["valid_loss"], line["bits_per_byte"]
    shown = "-" if bits is None else f"{bits:.4f}"
    return f"| {line['step']} | {loss:.4f} | {_figure(stats.perplexity(loss))} | {shown} |"


def _figure(perplexity: float) -> str:
    if math.isinf(perplexity):
        return "> 1e308"
    return f"{perplexity:.2f}" if perplexity < 1e9 else f"{perplexity:.2e}"
