"""`hallmark attack`: how many synthetic texts a detector still finds when they are disguised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hallmark.cli.inputs import LineReader, name_of, open_input
from hallmark.cli.options import AnyDetector, AsJson, Quiet, home
from hallmark.cli.output import note, print_json, progress
from hallmark.data import Label, check_text, read_jsonl
from hallmark.detect.verdict import BUNDLED_DETECTOR
from hallmark.evaluate.attacks import FPR
from hallmark.outputs.names import TRIAL, practice_mark

if TYPE_CHECKING:
    from hallmark.evaluate.attack_table import AttackTable, Change
    from hallmark.stats import Estimate

LABELS = {
    0: Label.HUMAN, 1: Label.SYNTHETIC,
    "human": Label.HUMAN, "synthetic": Label.SYNTHETIC, "machine": Label.SYNTHETIC,
}  # fmt: skip
PARAPHRASE = "paraphrase"

Texts = Annotated[
    list[str],
    typer.Argument(
        metavar="TEXTS",
        help="JSON lines with text and label (human or synthetic), - for input, or output sets.",
    ),
]
Human = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE", help="JSON lines of human text; a label is not needed."),
]
Split = Annotated[str, typer.Option(metavar="NAME", help="The split of output sets to take.")]
Words = Annotated[
    int, typer.Option(min=0, help="Cut texts to so many words, leave shorter ones out; 0: whole.")
]
Only = Annotated[
    str | None, typer.Option(metavar="NAMES", help="Only these attacks, comma-separated.")
]
Synonyms = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Your synonyms: a word and others on each line."),
]
Paraphraser = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Your model that paraphrases, for that attack."),
]
Prompt = Annotated[
    str | None,
    typer.Option(help="What the paraphraser is told; {} stands for the text."),
]
Seed = Annotated[int, typer.Option(help="The same seed attacks in the same way.")]
Rate = Annotated[
    float, typer.Option(min=0, max=0.5, help="False-positive rate that the threshold aims at.")
]


def attack(
    texts: Texts,
    human: Human = None,
    detector: AnyDetector = BUNDLED_DETECTOR,
    split: Split = "test",
    words: Words = 0,
    only: Only = None,
    synonyms: Synonyms = None,
    paraphraser: Paraphraser = None,
    paraphrase_prompt: Prompt = None,
    fpr: Rate = FPR,
    seed: Seed = 0,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Disguise synthetic texts in RAID's ways; how many are still found, raw and repaired."""
    from hallmark.detect.judge import load_scorer
    from hallmark.evaluate.attack_table import attack_table

    changes = chosen(only, synonyms, paraphraser, paraphrase_prompt)
    found = sorted_texts(texts, human or [], split=split, words=words)
    practice = practice_mark(Path(source).name for source in (*texts, *(human or [])))
    scorer = load_scorer(detector, home=home())
    with progress("texts scored", quiet=quiet) as advance:
        table = attack_table(scorer, *found, changes, fpr=fpr, seed=seed, on_texts=advance)
    settings = {"detector": detector, "words": words, "fpr": fpr, "seed": seed, **practice}
    show(table, settings, json=json)
    if not json and PARAPHRASE not in changes and only is None:
        note("Not run: paraphrase, which needs a model of yours (--paraphraser).", quiet=quiet)


def show(table: AttackTable, settings: dict[str, Any], *, json: bool) -> None:
    """The table with its settings as JSON, or for people, who are told of practice texts."""
    if json:
        print_json({**settings, **asdict(table)})
        return
    print(markdown(table, fpr=settings["fpr"]))
    if "practice" in settings:
        print(f"\n{TRIAL}")


def chosen(
    only: str | None, synonyms: Path | None, paraphraser: Path | None, prompt: str | None
) -> dict[str, Change]:
    """The attacks to run, by name."""
    from hallmark.evaluate.attacks import attacks, read_synonyms

    table = read_synonyms(synonyms) if synonyms else None
    found: dict[str, Change] = dict(attacks(synonym_table=table))
    names = [name.strip() for name in only.split(",")] if only else list(found)
    if only is None and paraphraser:
        names.append(PARAPHRASE)
    for name in names:
        if name not in (*found, PARAPHRASE):
            raise ValueError(
                f"no attack is called {name[:40]!r}; use {', '.join([*found, PARAPHRASE])}"
            )
    if PARAPHRASE in names:
        if paraphraser is None:
            raise ValueError("paraphrase needs a model of yours; give its folder: --paraphraser")
        from hallmark.lm.paraphrase import PROMPT, Paraphraser

        found[PARAPHRASE] = Paraphraser(paraphraser, prompt=prompt or PROMPT)
    return {name: found[name] for name in names}


def sorted_texts(
    sources: list[str], human: list[str], *, split: str, words: int
) -> tuple[list[str], list[str]]:
    """Human and synthetic texts, cut to `words` words."""
    by_label: dict[Label, list[str]] = {Label.HUMAN: [], Label.SYNTHETIC: []}
    labelled = [pair for source in sources for pair in read_labelled(source, split)]
    labelled += [pair for source in human for pair in read_lines(source, Label.HUMAN)]
    for text, label in labelled:
        cut = first_words(text, words) if words else text
        if cut.strip():
            by_label[label].append(cut)
    return by_label[Label.HUMAN], by_label[Label.SYNTHETIC]


def read_labelled(source: str, split: str) -> Iterator[tuple[str, Label]]:
    """Texts with their labels, of an output set or of JSON lines."""
    folder = False
    with suppress(OSError, ValueError):
        folder = Path(source).is_dir()
    if not folder:
        yield from read_lines(source, None)
        return
    from hallmark.outputs.outputset import open_outputs

    opened = open_outputs(Path(source))
    for name in dict.fromkeys(part.source for part in opened.parts if part.split == split):
        yield from ((d.text, d.label) for d in opened.documents(name, split) if d.label is not None)


def read_lines(source: str, label: Label | None) -> Iterator[tuple[str, Label]]:
    """Texts of JSON lines with their labels, or all with `label`; ValueError names the line."""
    with open_input(source) as file:
        lines = LineReader(file, name=name_of(source))
        for values in read_jsonl(lines, name=name_of(source)):
            where = f"{name_of(source)}, line {lines.number}"
            found = values.get("label") if label is None else label
            if isinstance(found, bool) or not isinstance(found, int | str) or found not in LABELS:
                raise ValueError(f'"label" of {where} is {found!r:.40}; give human or synthetic')
            yield check_text(values.get("text"), where=f'"text" of {where}'), LABELS[found]


def first_words(text: str, count: int) -> str:
    """The text up to its word number `count`, as it stands; nothing where it has fewer."""
    at = 0
    for _ in range(count):
        word = next(iter(text[at:].split(maxsplit=1)), "")
        if not word:
            return ""
        at = text.index(word, at) + len(word)
    return text[:at]


def markdown(table: AttackTable, *, fpr: float) -> str:
    """The table as Markdown, with what it rests on."""
    lines = [
        f"TPR at {fpr:.0%} FPR and AUROC, with 95 % intervals; cost: TPR lost by the attack, in "
        f"points. n = {table.rows[0].raw.tpr.n} synthetic texts; thresholds from {table.fitted} "
        f"human texts, on {table.fpr_raw.n} others: FPR {table.fpr_raw.shown} raw, "
        f"{table.fpr_cleaned.shown} cleaned; tampered {table.human_tampered.shown}.",
        "",
        "| attack | texts changed | TPR raw | TPR cleaned | cost raw | cost cleaned "
        "| AUROC raw | AUROC cleaned | called tampered |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in table.rows:
        cells = [row.attack, f"{row.changed.value:.0%}"]
        cells += [row.raw.tpr.shown, row.cleaned.tpr.shown]
        cells += [points(row.raw.cost), points(row.cleaned.cost)]
        cells += [row.raw.auroc.shown, row.cleaned.auroc.shown]
        lines.append(f"| {' | '.join([*cells, row.tampered.shown])} |")
    return "\n".join(lines)


def points(found: Estimate) -> str:
    """A difference of rates in percentage points."""
    return f"{100 * found.value:.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"
