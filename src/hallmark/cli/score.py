"""`hallmark score`: how predictable each token of a text is to a model (GLTR's view of it)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hallmark.cli.answers import answer_lines, one_format
from hallmark.cli.inputs import read_text
from hallmark.cli.options import (
    DEFAULT_MODEL,
    AsJson,
    AsJsonLines,
    Device,
    Model,
    Quiet,
    Source,
    home,
)
from hallmark.cli.output import console, note, print_json, printable
from hallmark.models.precision import CHOICES, REFERENCE

if TYPE_CHECKING:
    from hallmark.lm.score import TokenScores
    from hallmark.lm.scorers import Scorer

# GLTR's buckets (Gehrmann, Strobelt and Rush 2019, section 3): a token's rank is at most this.
BUCKETS = ((10, "green"), (100, "yellow"), (1000, "red"), (math.inf, "magenta"))
MAX_TOKENS = 4096

MaxTokens = Annotated[
    int, typer.Option(min=1, help="Score at most this many tokens of each text, from its start.")
]
Precision = Annotated[
    str,
    typer.Option(
        metavar="|".join(CHOICES),
        help="How matrices are held: float32 is exact; auto is bf16 if the CPU has units for it.",
    ),
]


def score(
    file: Source,
    model: Model = DEFAULT_MODEL,
    max_tokens: MaxTokens = MAX_TOKENS,
    precision: Precision = REFERENCE,
    device: Device = "cpu",
    jsonl: AsJsonLines = False,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show how likely a model finds each token of a text.

    Every character is scored, in the model's own tokens. `hallmark detect` counts fewer: it makes
    white space and quotes plain first, and reads at most 1024 tokens of its own model.
    """
    one_format(json=json, jsonl=jsonl)
    if jsonl:
        scorer = load(model, precision, device=device, quiet=quiet)
        score_lines(file, scorer, max_tokens=max_tokens, quiet=quiet)
        return
    text = read_text(file)
    scorer = load(model, precision, device=device, quiet=quiet)
    scores = scorer.score([text], max_tokens=max_tokens)[0]
    if json:
        print_json(as_record(scores, scorer))
    else:
        print_table(scores, scorer)
        note(cut(scores), quiet=quiet or scores.tokens_total == len(scores.tokens))


def load(name: str, precision: str, *, device: str, quiet: bool) -> Scorer:
    """The model of that name or folder; says in which precision, but for the exact one."""
    from hallmark.lm.device import scoring_precision
    from hallmark.lm.scorers import load_scorer
    from hallmark.models.sizes import find_model

    chosen = scoring_precision(precision, device=device)
    model = load_scorer(find_model(name, home=home()), name=name, precision=chosen, device=device)
    note(f"hallmark: {name} in {model.precision}", quiet=quiet or precision == REFERENCE)
    return model


def score_lines(source: str, model: Scorer, *, max_tokens: int, quiet: bool) -> None:
    """Score JSON lines as they come and print one line for each, in order."""

    def answer(texts: list[str]) -> list[dict[str, Any]]:
        return [as_record(one, model) for one in model.score(texts, max_tokens=max_tokens)]

    answer_lines(source, answer, quiet=quiet)


def pieces(scores: TokenScores, model: Scorer) -> list[str]:
    """The text of each token; bytes that are only part of a character are shown as U+FFFD."""
    return [model.tokenizer.decode([int(token)]) for token in scores.tokens]


def bits_per_byte(scores: TokenScores, model: Scorer) -> float | None:
    """Bits the model needs for each byte of the scored tokens; None where there are none."""
    length = len(model.tokenizer.decode_bytes(int(token) for token in scores.tokens))
    return -float(scores.log_prob.sum()) / math.log(2) / length if length else None


def as_record(scores: TokenScores, model: Scorer) -> dict[str, Any]:
    """The scores as JSON knows them: natural logarithms, and one list for each statistic."""
    return {
        "model": model.name,
        "precision": model.precision,
        "tokens_used": len(scores.tokens),
        "tokens_total": scores.tokens_total,
        "bits_per_byte": bits_per_byte(scores, model),
        "tokens": pieces(scores, model),
        "log_prob": scores.log_prob.tolist(),
        "rank": scores.rank.tolist(),
        "entropy": scores.entropy.tolist(),
    }


def print_table(scores: TokenScores, model: Scorer) -> None:
    """One line a token, coloured by the bucket of its rank, and a summary."""
    from rich.text import Text

    out = console()
    out.print(f"{'token':<24} {'log-prob':>9} {'rank':>6} {'entropy':>8}", style="bold")
    out.print(f"{'':<24} {'(nats)':>9} {'':>6} {'(nats)':>8}", style="bold")
    columns = (scores.log_prob.tolist(), scores.rank.tolist(), scores.entropy.tolist())
    for piece, log_prob, rank, entropy in zip(pieces(scores, model), *columns, strict=True):
        shown = printable(repr(piece)[1:-1])
        style = next(colour for most, colour in BUCKETS if rank <= most)
        out.print(Text(f"{shown:<24} {log_prob:9.3f} {rank:6d} {entropy:8.3f}", style=style))
    out.print(summary(scores, model), style="bold")


def summary(scores: TokenScores, model: Scorer) -> str:
    """Bits per byte, and the share of tokens in each of GLTR's buckets."""
    count = len(scores.tokens)
    shares = []
    lower = 0.0
    for most, _ in BUCKETS:
        inside = int(((scores.rank > lower) & (scores.rank <= most)).sum())
        label = f"{lower + 1:.0f} to {most}" if most < math.inf else f"above {lower:.0f}"
        shares.append(f"{label} {inside / max(1, count):.0%}")
        lower = most
    bits = bits_per_byte(scores, model)
    per_byte = "" if bits is None else f"{bits:.2f} bits per byte; "
    found = f"{per_byte}ranks {', '.join(shares)}"
    return f"{count} of {scores.tokens_total} tokens, {model.name}: {found}"


def cut(scores: TokenScores) -> str:
    """What to say of a text that was longer than allowed."""
    return (
        f"hallmark: only the first {len(scores.tokens)} of {scores.tokens_total} tokens were "
        "scored; --max-tokens raises the limit"
    )
