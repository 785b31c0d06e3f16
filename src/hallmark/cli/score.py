"""`hallmark score`: how predictable each token of a text is to a model (GLTR's view of it)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hallmark.cli.inputs import read_text, record_groups
from hallmark.cli.options import (
    DEFAULT_MODEL,
    AsJson,
    AsJsonLines,
    Model,
    Precision,
    Quiet,
    Source,
    home,
)
from hallmark.cli.output import console, note, print_json, printable, progress
from hallmark.models.precision import REFERENCE

if TYPE_CHECKING:
    from hallmark.lm.score import TokenScores
    from hallmark.lm.scorers import Scorer

# GLTR's buckets (Gehrmann, Strobelt and Rush 2019, section 3): a token's rank is at most this.
BUCKETS = ((10, "green"), (100, "yellow"), (1000, "red"), (math.inf, "magenta"))
MAX_TOKENS = 4096

MaxTokens = Annotated[
    int, typer.Option(min=1, help="Score at most this many tokens of each text, from its start.")
]


def score(
    file: Source,
    model: Model = DEFAULT_MODEL,
    max_tokens: MaxTokens = MAX_TOKENS,
    precision: Precision = REFERENCE,
    jsonl: AsJsonLines = False,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show how likely a model finds each token of a text."""
    if jsonl:
        score_lines(file, load(model, precision), max_tokens=max_tokens, quiet=quiet)
        return
    text = read_text(file)
    scorer = load(model, precision)
    scores = scorer.score([text], max_tokens=max_tokens)[0]
    if json:
        print_json(as_record(scores, scorer))
    else:
        print_table(scores, scorer)
        note(cut(scores), quiet=quiet or scores.tokens_total == len(scores.tokens))


def load(name: str, precision: str) -> Scorer:
    """The model of that name or folder."""
    from hallmark.lm.scorers import load_scorer
    from hallmark.models.sizes import find_model

    return load_scorer(find_model(name, home=home()), name=name, precision=precision)


def score_lines(source: str, model: Scorer, *, max_tokens: int, quiet: bool) -> None:
    """Score JSON lines as they come and print one line for each, in order."""
    with progress("texts", quiet=quiet) as advance:
        for group in record_groups(source):
            scores = model.score([record.text for record in group], max_tokens=max_tokens)
            for record, one in zip(group, scores, strict=True):
                print_json({"id": record.id, **as_record(one, model)})
            advance(len(group))


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
        label = f"top {most}" if most < math.inf else "beyond"
        shares.append(f"{label} {inside / max(1, count):.0%}")
        lower = most
    bits = bits_per_byte(scores, model)
    per_byte = "" if bits is None else f"{bits:.2f} bits per byte; "
    return f"{count} of {scores.tokens_total} tokens, {model.name}: {per_byte}{', '.join(shares)}"


def cut(scores: TokenScores) -> str:
    """What to say of a text that was longer than allowed."""
    return (
        f"hallmark: only the first {len(scores.tokens)} of {scores.tokens_total} tokens were "
        "scored; --max-tokens raises the limit"
    )
