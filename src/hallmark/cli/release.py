"""`hallmark release`: gates written first, the decision on them, the check of what was received."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hallmark.cli.options import AsJson, OutFile, Quiet, home
from hallmark.cli.output import note, print_json, printable
from hallmark.models.folder import sha256_of
from hallmark.models.sizes import find_model

if TYPE_CHECKING:
    from hallmark.release.decide import Decision
    from hallmark.release.verify import Checked

release = typer.Typer(
    name="release",
    help="Write gates before measuring, decide by them, and check a release.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

KeyFile = Annotated[
    Path,
    typer.Argument(metavar="KEYFILE", help="Where to write it; KEYFILE.pub is the public one."),
]
PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan: a TOML file of gates.")]
Key = Annotated[Path, typer.Option(metavar="KEYFILE", help="The private key.")]
Time = Annotated[
    str | None, typer.Option(metavar="TIME", help="What to write as the time (ISO 8601); now.")
]
Plan = Annotated[Path, typer.Option(metavar="PLAN", help="The plan; its lock lies beside it.")]
Evidence = Annotated[Path, typer.Option(metavar="FOLDER", help="The result files, as JSON.")]
Stage = Annotated[str, typer.Option(metavar="NAME", help="A stage that the plan names.")]
Out = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="A new folder to write.")]
Model = Annotated[
    str | None,
    typer.Option(metavar="NAME|FOLDER", help="The model to release: it is copied into the folder."),
]
Outputs = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="An output set, for its card and datasheet."),
]
DecideKey = Annotated[
    Path | None,
    typer.Option("--key", metavar="KEYFILE", help="Sign the release; the key of the plan."),
]
Name = Annotated[str | None, typer.Option(help="The model's name on its card.")]
WithReport = Annotated[
    bool, typer.Option("--report", help="Write the report into the folder (needs matplotlib).")
]
Of = Annotated[Path, typer.Argument(metavar="FOLDER", help="A release, or its result files.")]
Beside = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the report goes.")]
Pdf = Annotated[bool, typer.Option("--pdf", help="Print it as report.pdf too, with Chromium.")]
License = Annotated[str | None, typer.Option(help="Its licence, as Hugging Face spells them.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A release.")]
PublicKey = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The makers' public key, from elsewhere than the folder."),
]


@release.command()
def key(keyfile: KeyFile, json: AsJson = False, quiet: Quiet = False) -> None:
    """Make a key to sign with: PEM without a passphrase, readable by you alone."""
    from hallmark.release.keys import fingerprint, make_key

    public = make_key(keyfile)
    if json:
        print_json({"key": str(keyfile), "public_key": public, "fingerprint": fingerprint(public)})
    else:
        print(f"{keyfile}: fingerprint {fingerprint(public)}")
        note(f"Keep it to yourselves; give {keyfile}.pub to readers.", quiet=quiet)


@release.command()
def plan(out: OutFile, json: AsJson = False, quiet: Quiet = False) -> None:
    """Write a plan to begin with: gates with comments, to be edited before anything is measured."""
    from hallmark.release.gates import read_plan
    from hallmark.release.template import write_template

    write_template(out)
    written = read_plan(out)
    if json:
        print_json({"plan": str(out), **asdict(written)})
    else:
        print(out)
        note("Its bounds are examples: edit them, then `hallmark release sign`.", quiet=quiet)


@release.command()
def sign(
    plan: PlanFile, key: Key, time: Time = None, json: AsJson = False, quiet: Quiet = False
) -> None:
    """Sign a plan before measuring: its lock keeps every gate, so that a change shows."""
    from hallmark.release.gates import read_plan
    from hallmark.release.keys import fingerprint, load_key
    from hallmark.release.lock import lock_path, write_lock

    path = lock_path(plan)
    lock = write_lock(path, read_plan(plan), load_key(key), signed=time_of(time))
    sha256 = sha256_of(path)
    if json:
        print_json({"lock": str(path), "sha256": sha256, **asdict(lock)})
    else:
        gates = "1 gate" if len(lock.texts) == 2 else f"{len(lock.texts) - 1} gates"
        print(f"{path}: {gates}, signed {lock.signed} with key "
              f"{fingerprint(lock.public_key)}; its SHA-256 is {sha256}")  # fmt: skip
        note("To prove the time, publish that SHA-256 today.", quiet=quiet)


@release.command()
def decide(
    plan: Plan,
    evidence: Evidence,
    stage: Stage,
    out: Out,
    model: Model = None,
    outputs: Outputs = None,
    key: DecideKey = None,
    name: Name = None,
    license: License = None,
    report: WithReport = False,
    time: Time = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Hold a stage's evidence against the gates, and write the release's folder.

    Exit code 0 where every gate passes as it was signed, else 1; the folder is written either way.
    """
    from hallmark.release.card import About
    from hallmark.release.folder import Parts
    from hallmark.release.folder import release as write
    from hallmark.release.keys import load_key

    folder = find_model(model, home=home()) if model else None
    about = About(name or (folder.resolve().name if folder else stage), license)
    signer = load_key(key) if key else None
    parts = Parts(plan, evidence, folder, outputs, report)
    decision = write(out, parts, stage=stage, about=about, key=signer, decided=time_of(time))
    show_decision(decision, out, json=json)
    if signer is None:
        note("hallmark: the release is not signed; give --key before it leaves you", quiet=quiet)
    if decision.outcome != "pass":
        raise typer.Exit(1)


@release.command()
def report(
    folder: Of, out: Beside, pdf: Pdf = False, json: AsJson = False, quiet: Quiet = False
) -> None:
    """Write the report of a release as one HTML page and Markdown, from its result files alone."""
    from hallmark.release.report.pdf import print_pdf
    from hallmark.release.report.write import HTML, write_report

    written = write_report(folder, out)
    if pdf:
        written.append(print_pdf(out / HTML).name)
    print_json({"folder": str(out), "files": written}) if json else print(out / HTML)
    if not pdf:
        note("For a PDF print the page from a browser, or give --pdf.", quiet=quiet or json)


@release.command()
def verify(
    folder: Folder, public_key: PublicKey = None, json: AsJson = False, quiet: Quiet = False
) -> None:
    """Check a release that you received: files, signatures, gates, and the decision made again."""
    from hallmark.release import verify as checking
    from hallmark.release.keys import read_public

    given = read_public(public_key) if public_key else None
    checked = checking.verify(folder, public_key=given)
    if json:
        print_json({"ok": not checked.problems, **asdict(checked)})
    else:
        for line in (*checked.problems, sentence(checked)):
            print(" ".join(printable(line).split()))
        if given is None:
            note("Whose key it is, no folder can say: give --public-key.", quiet=quiet)
    if checked.problems:
        raise typer.Exit(1)


def time_of(given: str | None) -> str:
    """The time to write, in UTC to the second; ValueError where the given one is none."""
    if given is None:
        return datetime.now(UTC).isoformat(timespec="seconds")
    try:
        time = datetime.fromisoformat(given)
    except ValueError:
        raise ValueError(f"{given!r:.80} is no time; give one such as 2026-11-25T14:00Z") from None
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds")


def show_decision(decision: Decision, out: Path, *, json: bool) -> None:
    """The gates that were changed, a line a gate, what no finding is, and the outcome."""
    from hallmark.outputs.names import TRIAL
    from hallmark.release.layout import DECISION
    from hallmark.release.record import SENTENCES, value_of
    from hallmark.release.values import read_result

    if json:
        print_json({"folder": str(out), **read_result(out / DECISION)})
        return
    for change in decision.changes:
        print(printable(change.sentence))
    changed = {change.gate for change in decision.changes}
    for judged in decision.judged:
        said = [judged.reason, "not as signed" * (judged.gate.id in changed)]
        why = f": {', '.join(filter(None, said))}" if any(said) else ""
        line = f"{judged.status.value:<13}{judged.gate.id:<24}{value_of(judged.found)}{why}"
        print(printable(line))
    if decision.practice:
        print(TRIAL)
    print(f"{decision.stage}: {decision.outcome.value}. {SENTENCES[decision.outcome]}")


def sentence(checked: Checked) -> str:
    """The outcome in a line."""
    from hallmark.release.keys import fingerprint

    if checked.problems:
        count = len(checked.problems)
        return f"NOT AS SIGNED: {count} problem{'s' if count > 1 else ''}"
    signer = fingerprint(checked.public_key)
    return f"as signed with key {signer}: {checked.stage}, {checked.outcome}, {checked.files} files"
