"""`hallmark cases`: accounts that people look at, from the queue to an appeal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hallmark.cli.changes import Changes
from hallmark.cli.extras import needs
from hallmark.cli.fields import options_of
from hallmark.cli.inputs import name_of, spooled
from hallmark.cli.options import DEFAULT_MODEL, AsJson, Model, OutFile, Quiet, home, load_model
from hallmark.cli.output import note, print_json, printable
from hallmark.cli.serve import HOST, PORT, Host, Port, announcing, log
from hallmark.cli.signals import labels_in, labels_text, load_posts, print_rows
from hallmark.detect.verdict import BUNDLED_DETECTOR

if TYPE_CHECKING:
    from hallmark.evidence.audit import Head
    from hallmark.evidence.store import CaseStore

cases = typer.Typer(
    name="cases",
    help="Accounts that people look at: review, decision, appeal, and a log of it all.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
WHERE = "cases.db"
ROLES = "analyst|reviewer|auditor"

Where = Annotated[
    str,
    typer.Option(
        "--database", envvar="HALLMARK_CASES", metavar="FILE|ADDRESS",
        help="An SQLite file, or postgresql://USER@HOST/NAME; better in HALLMARK_CASES.",
    ),
]  # fmt: skip
Number = Annotated[int, typer.Argument(min=1, metavar="NUMBER", help="The case's number.")]
Fused = Annotated[
    str,
    typer.Argument(
        metavar="FUSED", help="What `hallmark signals fuse --json` (or read) printed, or -."
    ),
]
Gold = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Labels of accounts that are known: cases that test reviewers, unseen."
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Of which cases two people review, and of places.")]
Receipts = Annotated[
    list[Path] | None,
    typer.Option("--receipt", metavar="FILE", help="A receipt or case file kept elsewhere; often."),
]
Address = Annotated[
    str, typer.Option(metavar="URL", help="How others reach the pages, through TLS: https://...")
]


@cases.command("import")
def import_(
    fused: Fused,
    posts: Annotated[str, typer.Option("--posts", metavar="POSTS", help="The posts it read.")],
    gold: Gold = None,
    seed: Seed = 0,
    database: Where = WHERE,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make cases of the accounts that `hallmark signals fuse` weighed."""
    from hallmark.evidence.caseload import drafts_of

    found, labels = load_fused(fused), labels_in(gold) if gold else {}
    read = load_posts(Path(posts), quiet=quiet)
    with opened(database, make=True) as store:
        settings = store.settings
        drafts = drafts_of(found, read, key=store.key, pseudonyms=settings.pseudonyms,
                           texts=settings.texts, gold=labels)  # fmt: skip
        made = store.add(drafts, seed=seed)
    result = {"cases": len(made), "there_already": len(drafts) - len(made), "known": len(labels)}
    print_json(result) if json else print(f"{len(made)} new cases of {len(drafts)} accounts")


@cases.command()
def serve(
    database: Where = WHERE,
    host: Host = HOST,
    port: Port = PORT,
    address: Address = "",
    model: Model = DEFAULT_MODEL,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Serve the pages for reviewers, analysts, auditors and appeals."""
    serving = load_pages()
    serving.check_reach(host, address)
    log(quiet=quiet)
    with opened(database) as store, ExitStack() as stack:
        tokens = stack.enter_context(serving.reading(*load_reader(model)))
        stack.enter_context(serving.tidying(store))
        say = announcing(json=json, quiet=quiet)
        run, _ = serving.server(
            store, host=host, port=port, address=address, tokens=tokens, listening=say
        )
        run()


@cases.command()
def users(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Whom to add.")] = None,
    role: Annotated[str, typer.Option(metavar=ROLES, help="What NAME may do.")] = "reviewer",
    remove: Annotated[bool, typer.Option("--remove", help="Let NAME in no more.")] = False,
    database: Where = WHERE,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List who may sign in, or add NAME (or give NAME another role) with a new password."""
    with opened(database, make=name is not None and not remove) as store:
        if name is None:
            show_people(store, json=json)
        elif remove:
            store.remove_user(name)
            print_json({"removed": name}) if json else print(f"{printable(name)} is removed")
        else:
            password = add_person(store, name, role)
            record = {"name": name, "role": role, "password": password}
            print_json(record) if json else print(f"{printable(name)} ({role}): {password}")
            note("hallmark: shown only here; add NAME again for a new one", quiet=quiet)


@cases.command()
def verify(
    receipt: Receipts = None, database: Where = WHERE, json: AsJson = False, quiet: Quiet = False
) -> None:
    """Check the log and every record against it; print the log's end as a receipt."""
    from hallmark.evidence.audit import as_json

    heads = [load_receipt(path) for path in receipt or []]
    with opened(database) as store:
        head = store.verify(receipts=heads)
    if json:
        print_json(as_json(head))
    else:
        print(f"{head.number} entries, all as they were written; the end is {head.hash}")
        note("hallmark: keep what --json prints elsewhere, and give it to --receipt.", quiet=quiet)


@cases.command()
def export(
    number: Number,
    out: OutFile,
    database: Where = WHERE,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a case as one file, .html or .json; the HTML prints well."""
    load_pages()
    from hallmark.web.cases.casefile import write_case

    with opened(database) as store:
        write_case(store, number, out)
    print_json({"case": number, "file": str(out)}) if json else print(out)
    note("hallmark: it tells of a person; keep it as you keep the cases", quiet=quiet)


@cases.command("export-reviews")
def export_reviews(
    out: OutFile, database: Where = WHERE, json: AsJson = False, quiet: Quiet = False
) -> None:
    """Write final outcomes as labels for `hallmark signals learn`; undecided cases are left out."""
    from hallmark.models.folder import write_text

    with opened(database) as store:
        labels = store.outcomes()
    write_text(out, labels_text(labels), mode=0o600)
    print_json({"file": str(out), "labels": len(labels)}) if json else print(out)
    note(f"hallmark: {len(labels)} accounts with an outcome", quiet=quiet)


@cases.command()
@options_of(Changes())
def settings(
    database: Where = WHERE, json: AsJson = False, quiet: Quiet = False, *, settings: Changes
) -> None:
    """Show how cases are handled, or change what is given; changes are in the log."""
    new = {name: value for name, value in asdict(settings).items() if value is not None}
    with opened(database) as store:
        found = changed(store, new)
    print_json(found) if json else print_rows([[n, str(v)] for n, v in found.items()])
    note("hallmark: the change is in the log", quiet=quiet or not new)


@contextmanager
def opened(database: str, *, make: bool = False) -> Iterator[CaseStore]:
    """The store, made only where that is asked for; ValueError where it is not there, or what it
    needs is not installed.
    """
    with needs("cases", who="cases need"):
        from hallmark.evidence.store import open_cases
    store = open_cases(database, make=make)
    try:
        yield store
    finally:
        store.close()


def load_pages() -> Any:
    """The pages; ValueError where what they need is not installed."""
    with needs("cases", who="cases need"):
        from hallmark.web.cases import serving
    return serving


def load_reader(model: str) -> tuple[Any, Any]:
    """The detector and the model that the token view reads with."""
    from hallmark.detect.judge import load_detector

    return load_detector(BUNDLED_DETECTOR, home=home()), load_model(model)


def load_fused(source: str) -> dict[str, Any]:
    """What `hallmark signals fuse --json` printed."""
    from hallmark.data import json_object

    with spooled([source]) as (path,):
        data = path.read_bytes()
    try:
        return json_object(data, where=source)
    except ValueError:
        raise ValueError(
            f"{name_of(source)} is not what `hallmark signals fuse --json` prints; give that"
        ) from None


def load_receipt(path: Path) -> Head:
    """A receipt, or the one in a case file."""
    from hallmark.evidence.audit import receipt_of
    from hallmark.models.folder import read_json

    try:
        return receipt_of(read_json(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def add_person(store: CaseStore, name: str, role: str) -> str:
    """Add or change a person; their new password."""
    import secrets

    from hallmark.evidence.cases import Role
    from hallmark.web.signin import hash_password

    if role not in list(Role):
        raise typer.BadParameter(f"{role!r} is no role; give one of {ROLES.replace('|', ', ')}")
    password = secrets.token_urlsafe(12)
    store.set_user(name, Role(role), hash_password(password))
    return password


def show_people(store: CaseStore, *, json: bool) -> None:
    """Who is known, and whether they may sign in."""
    rows = [[p.name, str(p.role), "yes" if active else "no"] for p, active in store.people()]
    if json:
        print_json(
            {"people": [{"name": n, "role": r, "may_sign_in": a == "yes"} for n, r, a in rows]}
        )
    else:
        print_rows([["name", "role", "may sign in"], *rows])


def changed(store: CaseStore, given: dict[str, Any]) -> dict[str, Any]:
    """The settings, changed where something is given."""
    if given:
        store.change_settings(replace(store.settings, **given))
    return asdict(store.settings)
