"""`hallmark generate`: a model goes on from a prompt, or writes from nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hallmark.cli.answers import Tally, one_format
from hallmark.cli.drafting import NONE, Draft, Drafted, with_draft
from hallmark.cli.inputs import (
    STANDARD_INPUT,
    BadLine,
    Line,
    Record,
    read_text,
    record_groups,
)
from hallmark.cli.options import (
    DEFAULT_MODEL,
    AsJson,
    AsJsonLines,
    Device,
    Model,
    Precision,
    Quiet,
    load_model,
)
from hallmark.cli.output import note, on_terminal, print_json, printable, progress
from hallmark.cli.provenance import Recorded, Who, check_signing, sign_generations
from hallmark.data import check_text
from hallmark.lm.sampling import SamplingParams, document_seed
from hallmark.models.precision import AUTO, REFERENCE

if TYPE_CHECKING:
    from hallmark.lm.model import LanguageModel
    from hallmark.lm.row import Generation

    Writer = LanguageModel | Drafted | Recorded

BATCH = 16

Prompt = Annotated[
    str | None,
    typer.Argument(metavar="PROMPT", help="Text to go on from, or - for standard input."),
]
Count = Annotated[int, typer.Option("--n", min=1, help="Texts to write for each prompt.")]
Nothing = Annotated[
    bool, typer.Option("--unconditional", help="Write from nothing: no prompt, or an empty one.")
]
MaxTokens = Annotated[int, typer.Option(help="Stop after this many tokens.")]
Temperature = Annotated[float, typer.Option(help="0 always takes the likeliest token.")]
TopK = Annotated[int, typer.Option(help="Draw from this many likeliest tokens; 0: all.")]
TopP = Annotated[float, typer.Option(help="Draw from the likeliest tokens of this total share.")]
Penalty = Annotated[float, typer.Option(help="Make tokens seen before less likely; 1: no less.")]
Stop = Annotated[
    list[str] | None, typer.Option(help="End before this string; may be given several times.")
]
Seed = Annotated[
    int, typer.Option(help="The same seed writes the same texts; each gets a seed made from it.")
]
OwnSeed = Annotated[
    int | None,
    typer.Option(
        "--document-seed",
        help="Write one text again from the seed that was reported with it (with its prompt and "
        "options).",
    ),
]
SignKey = Annotated[
    Path | None,
    typer.Option(metavar="KEYFILE", help="Sign what is written; --manifest says where."),
]
Manifest = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Where the signed hashes go; docs/provenance.md."),
]


def generate(
    prompt: Prompt = None,
    unconditional: Nothing = False,
    model: Model = DEFAULT_MODEL,
    n: Count = 1,
    max_tokens: MaxTokens = SamplingParams.max_tokens,
    temperature: Temperature = SamplingParams.temperature,
    top_k: TopK = SamplingParams.top_k,
    top_p: TopP = SamplingParams.top_p,
    repetition_penalty: Penalty = SamplingParams.repetition_penalty,
    stop: Stop = None,
    seed: Seed = SamplingParams.seed,
    own_seed: OwnSeed = None,
    precision: Precision = AUTO,
    device: Device = "cpu",
    draft: Draft = NONE,
    sign: SignKey = None,
    manifest: Manifest = None,
    who: Who = "",
    jsonl: AsJsonLines = False,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write text that goes on from a prompt (not printed again)."""
    params = SamplingParams(
        max_tokens=max_tokens, temperature=temperature, top_k=top_k, top_p=top_p,
        repetition_penalty=repetition_penalty, stop=tuple(stop or ()), seed=seed,
    )  # fmt: skip
    one_format(json=json, jsonl=jsonl)
    check_signing(sign, manifest)
    chosen = Seeds(seed, own_seed)
    batches = requests(prompt, unconditional=unconditional, n=n, seeds=chosen, jsonl=jsonl)
    unsigned = with_draft(load_model(model, precision=precision, device=device), draft)
    writer = Recorded(unsigned) if manifest else unsigned
    write_all(batches, writer, params, jsonl=jsonl, json=json, quiet=quiet)
    if isinstance(writer, Recorded) and sign and manifest:
        sign_generations(writer, params, model=model, key=sign, manifest=manifest, who=who)
    note(said(unsigned), quiet=quiet or not said(unsigned))


@dataclass(frozen=True)
class Request:
    """One text to write: its own id, what it goes on from, and its seed."""

    id: Any
    prompt: str
    seed: int


@dataclass(frozen=True)
class Seeds:
    """Where the texts' seeds come from: `base` and a text's place, or `own`, for a single text."""

    base: int
    own: int | None

    def at(self, place: int) -> int:
        """The seed of the text at `place`, counted from 0."""
        return document_seed(self.base, "", "", place) if self.own is None else self.own


Batch = list[Request | BadLine]


def requests(
    prompt: str | None, *, unconditional: bool, n: int, seeds: Seeds, jsonl: bool
) -> Iterator[Batch]:
    """What to write, in batches. Checked as far as the first batch before this returns."""
    if (prompt is None) != unconditional:
        raise typer.BadParameter("give either a PROMPT (- is standard input) or --unconditional")
    if seeds.own is not None and (n > 1 or (jsonl and prompt == STANDARD_INPUT)):
        raise typer.BadParameter("--document-seed writes one text: give one prompt and no --n")
    batches = _batches(_groups(prompt or "", jsonl=jsonl), n=n, seeds=seeds)
    first = next(batches, None)
    return iter(()) if first is None else chain([first], batches)


def _groups(prompt: str, *, jsonl: bool) -> Iterator[list[Line]]:
    """Prompts as they come; one alone has no id of its own."""
    if prompt == STANDARD_INPUT and jsonl:
        yield from record_groups(prompt, fields=("prompt", "text"))
    elif prompt == STANDARD_INPUT:
        yield [Record(None, read_text(prompt, may_be_empty=True).removesuffix("\n"))]
    else:
        yield [Record(None, check_text(prompt, where="the prompt"))]


def _batches(groups: Iterator[list[Line]], *, n: int, seeds: Seeds) -> Iterator[Batch]:
    """Every prompt `n` times, at most `BATCH` at once; a bad line takes its texts' places."""
    place = 0
    for group in groups:
        copies = ((line, copy) for line in group for copy in range(n))
        while rows := list(islice(copies, BATCH)):
            batch: Batch = []
            for line, copy in rows:
                if isinstance(line, Record):
                    own = line.id if n == 1 else f"{line.id}-{copy + 1}"
                    name = place + 1 if line.id is None else own
                    batch.append(Request(name, line.text, seeds.at(place)))
                elif copy == 0:
                    batch.append(line)
                place += 1
            yield batch


def said(writer: Writer) -> str:
    """What a choice of precision or draft came to; empty for float32 and none."""
    if isinstance(writer, Drafted):
        return writer.note
    if writer.precision == REFERENCE:
        return ""
    return f"hallmark: {writer.name} in {writer.precision}"


def write(
    batch: Batch, model: Writer, params: SamplingParams
) -> Iterator[tuple[Request, Generation]]:
    """Write a batch of texts; bad lines are left out."""
    good = [r for r in batch if isinstance(r, Request)]
    if not good:
        return iter(())
    prompts, seeds = [r.prompt for r in good], [r.seed for r in good]
    return zip(good, model.generate(prompts, params, seeds=seeds), strict=True)


def as_record(request: Request, generation: Generation) -> dict[str, Any]:
    """A text as JSON knows it; `tokens` are the ids of the new tokens."""
    return {
        "id": request.id,
        "prompt": generation.prompt,
        "text": generation.text,
        "tokens": list(generation.tokens),
        "ended": generation.ended,
        "seed": generation.seed,
        "note": generation.note,
    }


def write_all(
    batches: Iterator[Batch], model: Writer, params: SamplingParams, *, jsonl: bool, json: bool,
    quiet: bool,
) -> None:  # fmt: skip
    """Every text, in the form that was asked for."""
    if jsonl:
        write_lines(batches, model, params, quiet=quiet)
    elif json:
        print_json(collect(batches, model, params))
    else:
        write_text(batches, model, params, quiet=quiet)


def write_lines(
    batches: Iterator[Batch], model: Writer, params: SamplingParams, *, quiet: bool
) -> None:
    """One JSON object a text or bad line, each batch as soon as it is written."""
    tally = Tally()
    with progress("texts", quiet=quiet) as advance:
        for batch in batches:
            written = write(batch, model, params)
            for one in batch:
                bad = isinstance(one, BadLine)
                print_json(asdict(one) if bad else as_record(*next(written)))
                tally.count(bad=bad)
            advance(len(batch))
    tally.close("texts")


def collect(batches: Iterator[Batch], model: Writer, params: SamplingParams) -> dict[str, Any]:
    """All texts at once, for one JSON object."""
    return {
        "model": model.name,
        "precision": model.precision,
        "params": asdict(params),
        "generations": [
            as_record(*pair) for batch in batches for pair in write(batch, model, params)
        ],
    }


def write_text(
    batches: Iterator[Batch], model: Writer, params: SamplingParams, *, quiet: bool
) -> None:
    """Texts for people; one for a terminal is shown as it grows, several are numbered."""
    for batch in batches:
        if on_terminal() and len(batch) == 1 and isinstance(batch[0], Request):
            generations = [stream(batch[0], model, params)]
        else:
            written = list(write(batch, model, params))
            generations = [generation for _, generation in written]
            for request, generation in written:
                heading = f"--- text {request.id}, document seed {request.seed} ---\n"
                shown = printable(generation.text) if on_terminal() else generation.text
                print(f"{heading if len(batch) > 1 else ''}{shown}")
        for generation in generations:
            note(remark(generation), quiet=quiet)


def stream(request: Request, model: Writer, params: SamplingParams) -> Generation:
    """Write one text and show it on standard output while it grows."""

    def show(row: int, piece: str) -> None:
        sys.stdout.write(printable(piece))
        sys.stdout.flush()

    (generation,) = model.generate([request.prompt], params, seeds=[request.seed], on_token=show)
    print()
    return generation


def remark(generation: Generation) -> str:
    """How long a text became and why it stopped."""
    why = "it came to its end" if generation.ended else "--max-tokens was reached"
    said = f"; {generation.note}" if generation.note else ""
    return (
        f"hallmark: {len(generation.tokens)} tokens, document seed {generation.seed}; {why}{said}"
    )
