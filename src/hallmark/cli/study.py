"""`hallmark study`: design a study of how credible texts are, and analyse its ratings.

What happens in between, in the field, is in `fieldwork`.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hallmark.cli import fieldwork
from hallmark.cli.fieldwork import StudyFile, warn_of_no_contact
from hallmark.cli.inputs import name_of, read_text
from hallmark.cli.options import AsJson, Quiet
from hallmark.cli.output import note, print_json
from hallmark.data import write_atomically

if TYPE_CHECKING:
    from hallmark.study.definition import Study
    from hallmark.study.pairs import Preference
    from hallmark.study.power import Promise
    from hallmark.study.ratings import Answer, Rater

study = typer.Typer(
    name="study",
    help="Study how credible texts are: design, serve, analyse.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Conditions = Annotated[
    list[str],
    typer.Option("--condition", metavar="NAME=FILE", help="JSON lines of a model; repeat it."),
]
Humans = Annotated[
    list[str] | None,
    typer.Option("--human", metavar="NAME=FILE", help="JSON lines that people wrote; repeat it."),
]
Studies = Annotated[int, typer.Option(min=0, help="Simulated studies; 0 leaves them out.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same figures.")]
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the report goes.")]
PlanFile = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the plan goes.")]
OfStudy = Annotated[
    Path | None,
    typer.Option("--study", metavar="STUDY", help="The study file, with scales and contrasts."),
]
RaterFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="CSV of raters: rater, status, attention_failed."),
]
Pairs = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="CSV of preferences: first, second, winner, and rater."),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="OURS=THEIRS", help="What a column is called in the file."),
]
Ratings = Annotated[
    str, typer.Argument(metavar="RATINGS", help="CSV of ratings, or - for standard input.")
]


@study.command()
def new(
    file: Annotated[Path, typer.Argument(metavar="STUDY", help="The study file to write.")],
    condition: Conditions,
    human: Humans = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a study file that explains itself; change it to suit."""
    from hallmark.study.template import study_file

    machine, people = named(condition), named(human or [])
    if file.exists():
        raise ValueError(f"{file} is there already; give another name")
    check_there([*machine.values(), *people.values()], file.parent)
    text = study_file({**machine, **people}, human=list(people))
    with write_atomically(file) as opened:
        opened.write(text.encode())
    print_json({"study": str(file), "conditions": [*machine, *people]}) if json else print(file)
    note(f"Edit it, then `hallmark study power {file}`.", quiet=quiet or json)


@study.command()
def power(
    file: StudyFile,
    studies: Studies = 1000,
    seed: Seed = 0,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say with what chance the study finds each registered difference, and what it would take."""
    from hallmark.study.definition import load_study
    from hallmark.study.power import promises
    from hallmark.study.texts import usable

    made = load_study(file)
    found, texts = promises(made, studies=studies, seed=seed), usable(made, file.parent)
    if json:
        print_json({"contrasts": [asdict(p) for p in found], "usable_texts": texts})
        return
    for line in (*map(sentence, found), *lacking(made, texts, file.parent)):
        print(line)
    warn_of_no_contact(made, quiet=quiet)
    note(f"{studies} studies were simulated from seed {seed}.", quiet=quiet)


@study.command()
def plan(file: StudyFile, out: PlanFile, json: AsJson = False, quiet: Quiet = False) -> None:
    """Choose texts of matched length and deal them to raters; the same file gives the same plan."""
    from hallmark.study.definition import load_study
    from hallmark.study.plan import make_plan, write_plan
    from hallmark.study.texts import lengths

    study = load_study(file)
    made = make_plan(study, file.parent)
    write_plan(made, out)
    warn_of_no_contact(study, quiet=quiet)
    words = lengths(made.texts)
    for name, (mean, sd) in {} if json else words.items():
        note(f"{name}: {mean:.1f} words a text (SD {sd:.1f})", quiet=quiet)
    record = {"plan": str(out), "hash": made.hash, "raters": len(made.places), "words": words}
    print_json(record) if json else print(f"{out} {made.hash}")


@study.command()
def analyse(
    ratings: Ratings,
    out: Out,
    of: OfStudy = None,
    column: Columns = None,
    raters: RaterFile = None,
    pairs: Pairs = None,
    seed: Seed = 0,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Analyse ratings (a CSV, from anywhere) into a report, tidy tables and a codebook."""
    from dataclasses import replace

    from hallmark.study import analysis, report
    from hallmark.study.definition import load_study

    answers, people = read_ratings(ratings, raters, rename=named(column or []))
    result = analysis.analyse(answers, people, study=load_study(of) if of else None, seed=seed)
    if pairs:
        result = replace(result, pairs=analysis.analyse_pairs(read_pairs(pairs), seed=seed))
    report.write_report(result, answers, people, out)
    print_json(report.record(result)) if json else print(out / "report.html")
    note(f"{len(answers)} ratings were read.", quiet=quiet or json)


for _command in (fieldwork.serve, fieldwork.bots, fieldwork.export):
    study.command()(_command)


def named(given: list[str]) -> dict[str, str]:
    """NAME=VALUE options by name."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise ValueError(f"{text!r:.80} is not NAME=VALUE; give both, with = between")
        if name in found:
            raise ValueError(f"{text!r:.80} names {name:.40} again; give each name once")
        found[name] = value
    return found


def check_there(texts: list[str], folder: Path) -> None:
    """Refuse a file of texts that is not where the study file will look for it."""
    for name in texts:
        if not (folder / name).is_file():
            raise ValueError(
                f"there is no file {folder / name}; give its path as seen from the folder of the "
                "study file, or from the root"
            )


def lacking(study: Study, texts: dict[str, int | None], folder: Path) -> list[str]:
    """A line for each condition whose file is missing or holds too few usable texts."""
    from hallmark.study.texts import too_few

    found = []
    for condition in study.conditions:
        there = texts[condition.name]
        if there is None:
            found.append(f"{folder / condition.texts} is not there yet; its texts are not counted.")
        elif there < study.design.texts_per_condition:
            found.append(f"{too_few(study, condition, there)}.")
    return found


def read_ratings(
    ratings: str, raters: str | None, *, rename: dict[str, str]
) -> tuple[list[Answer], list[Rater]]:
    """Answers and their raters; without a list of raters all of them completed."""
    from hallmark.study.exclusions import raters_of
    from hallmark.study.ratings import read_answers, read_raters

    answers = read_answers(read_text(ratings).encode(), name=name_of(ratings), rename=rename)
    if raters is None:
        return answers, raters_of(answers)
    return answers, read_raters(read_text(raters).encode(), name=name_of(raters))


def read_pairs(source: str) -> list[Preference]:
    """Preferences of a CSV; an empty winner is a tie."""
    from hallmark.study.pairs import Preference
    from hallmark.study.ratings import read_table

    columns, rows = read_table(read_text(source).encode(), name=name_of(source))
    if not {"first", "second", "winner"} <= set(columns):
        raise ValueError(
            f"{name_of(source)} needs the columns first, second and winner; rename its own"
        )
    return [
        Preference(
            row["first"] or "", row["second"] or "", row["winner"] or None, row.get("rater") or i
        )
        for i, (_, row) in enumerate(rows)
    ]


def sentence(promise: Promise) -> str:
    """The power of one contrast in words: by simulation where there is one, the formula beside."""
    formula = f"about {promise.closed:.3f} by formula, too high with few raters or texts"
    power, beside = (
        (f"{promise.simulated}, simulated with the registered analysis: go by it", f" ({formula})")
        if promise.simulated
        else (f"{formula}; go by a simulation, which --studies 1000 gives", "")
    )
    needed = (
        f"By formula about {promise.raters_for_80:,} raters would give 80 %; try that number"
        if promise.raters_for_80
        else "No number of raters gives 80 % with so few texts: raise texts_per_condition"
    )
    return (
        f"{promise.higher} - {promise.lower} = {promise.difference:.2f}: with {promise.raters:,} "
        f"raters the power is {power}{beside}. {needed}. Two independent groups "
        f"with SD {promise.sd:.2f} would need {promise.group:,} ratings each."
    )
