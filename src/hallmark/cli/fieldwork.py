"""`hallmark study serve`, `bots` and `export`: a study in the field, and its dry run."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from hallmark.cli.extras import needs
from hallmark.cli.options import AsJson, Quiet
from hallmark.cli.output import note, print_json
from hallmark.cli.serve import HOST, Host, Port, log
from hallmark.study.standing import Rules

if TYPE_CHECKING:
    from hallmark.study.definition import Study
    from hallmark.study.plan import Plan
    from hallmark.study.store import Store

PORT = 8090

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file (TOML).")]
OfStudy = Annotated[Path, typer.Option("--study", metavar="STUDY", help="The study file.")]
PlanFile = Annotated[
    Path, typer.Option("--plan", metavar="FILE", help="What `hallmark study plan` made.")
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="FILE|URL", envvar="HALLMARK_STUDY_DATABASE",
        help="Where answers are kept: a file (STUDY.db if not given), or postgresql://...",
    ),
]  # fmt: skip
Public = Annotated[
    str | None,
    typer.Option(metavar="URL", help="How raters reach it, such as https://study.example.org."),
]
Password = Annotated[
    str | None,
    typer.Option(
        envvar="HALLMARK_STUDY_PASSWORD",
        help="The researcher's; made and shown once if not given. Better not typed here.",
    ),
]
Abandoned = Annotated[
    float, typer.Option(metavar="MINUTES", help="Without a sign of a rater for so long, the place "
    "goes to the next."),
]  # fmt: skip
Code = Annotated[str, typer.Option(help="One completion code for all raters, as Prolific wants.")]
ReturnTo = Annotated[
    str, typer.Option(metavar="URL", help="The platform's address for raters who are done.")
]
Url = Annotated[str, typer.Argument(metavar="URL", help="Where the study is served.")]
Raters = Annotated[int, typer.Option(min=1, max=100_000, help="How many bots.")]
AtOnce = Annotated[int, typer.Option(min=1, max=1000, help="Bots that play at the same time.")]
Pace = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="For reading each page.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same opinions.")]
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the tables go.")]


def serve(
    file: StudyFile,
    plan: PlanFile,
    database: DatabaseOption = None,
    host: Host = HOST,
    port: Port = PORT,
    public: Public = None,
    password: Password = None,
    abandoned: Abandoned = Rules.abandoned,
    code: Code = "",
    return_to: ReturnTo = "",
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show the texts to raters, keep what they answer, and show the researcher how far it is."""
    serving = load_server()
    reach, ending = serving.Reach(host, port, public), serving.Ending(code, return_to)
    hashed = serving.hash_password(password) if password else None
    store = open_store(file, plan, database, abandoned=abandoned)
    log(quiet=quiet)
    warn_of_no_contact(store.study, quiet=quiet)
    try:
        if hashed:
            store.set_password(hashed)
        say = announcing(store, public, json=json, quiet=quiet)
        serving.serve_study(store, ending, reach, listening=say)
    finally:
        store.close()


def export(
    file: StudyFile,
    plan: PlanFile,
    out: Out,
    database: DatabaseOption = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write answers.csv, raters.csv and codebook.md, in which nobody is named."""
    from hallmark.study.export import export as write

    store = open_store(file, plan, database, there=True)
    try:
        lines = write(store, out)
    finally:
        store.close()
    print_json({"out": str(out), "lines": lines}) if json else print(out)
    note(
        f"Now `hallmark study analyse {out / 'answers.csv'} --raters {out / 'raters.csv'} "
        f"--study {file} --out report`.", quiet=quiet or json,
    )  # fmt: skip


def bots(
    url: Url,
    study: OfStudy,
    plan: PlanFile,
    raters: Raters = 50,
    at_once: AtOnce = 10,
    pace: Pace = 0.0,
    seed: Seed = 0,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Let simulated raters play the pages of a served study: a dry run, marked as one."""
    from hallmark.study.bots import LEFT, play, tally

    known, made = load(study, plan)
    played = play(url, known, made, raters=raters, at_once=at_once, seed=seed, pace=pace)
    counts = tally(played)
    if json:
        print_json({"simulated": True, "raters": raters, **counts})
        return
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    note("All of it is marked as simulated and enters no figure about people.", quiet=quiet)
    note_who_left(LEFT if counts[LEFT] else None, quiet=quiet)


def note_who_left(left: str | None, *, quiet: bool) -> None:
    """What becomes of simulated raters who `left`, where any did."""
    if left is not None:
        from hallmark.study.exclusions import STILL

        note(
            f"Who {left} may come back: counted as \"{STILL.lower()}\", and as dropped out once "
            "silent for as long as `hallmark study serve --abandoned` says.", quiet=quiet,
        )  # fmt: skip


def warn_of_no_contact(study: Study, *, quiet: bool) -> None:
    """Say where raters will have nobody to ask; before the plan, which holds for one study file."""
    if not study.words.contact.strip():
        note(
            "hallmark: contact is empty in the study file, so raters have nobody to ask and are "
            "told so; give an address in it and make the plan again", quiet=quiet,
        )  # fmt: skip


def load(file: Path, plan: Path) -> tuple[Study, Plan]:
    """A study file and the plan that was made from it."""
    from hallmark.study.definition import load_study
    from hallmark.study.plan import read_plan

    study = load_study(file)
    return study, read_plan(plan, study)


def open_store(
    file: Path, plan: Path, database: str | None, *, abandoned: float = Rules.abandoned,
    there: bool = False,
) -> Store:  # fmt: skip
    """The store of a study; `there`: it must have been served before."""
    study, made = load(file, plan)
    where = database or str(file.with_suffix(".db"))
    if there and "://" not in where and not Path(where).exists():
        raise ValueError(f"{where} is not there; name the database that `study serve` was given")
    with needs("study", who="this needs"):
        from hallmark.study.store import Store
    return Store.open(where, study, made, rules=Rules(abandoned))


def load_server() -> ModuleType:
    """The web layer; ValueError where what it needs is not installed."""
    with needs("study", who="this needs"):
        from hallmark.web.study import serving
    return serving


def first_password(store: Store) -> str | None:
    """A password for a study that has none, stored as a hash: to be shown once."""
    if store.password() is not None:
        return None
    made = secrets.token_urlsafe(12)
    store.set_password(load_server().hash_password(made))
    return made


def announcing(
    store: Store, public: str | None, *, json: bool, quiet: bool
) -> Callable[[str], None]:
    """What to say once the study can be reached; a password that was made is shown then, once."""

    def announce(address: str) -> None:
        made = first_password(store)
        home = f"{(public or address).rstrip('/')}/"
        if json:
            secret = {"password": made} if made else {}
            where = {"listening": address, "raters": home, "researcher": f"{home}researcher"}
            print_json({**where, **secret})
            return
        note(f"hallmark: raters open {home} (Ctrl-C ends the service)", quiet=quiet)
        note(f"hallmark: the researcher opens {home}researcher", quiet=quiet)
        if made:
            note(f"hallmark: the password there is {made} (keep it: shown once)", quiet=False)

    return announce
