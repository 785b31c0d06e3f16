"""`hallmark provenance`: signed manifests of generated texts, and looking a text up in one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hallmark.cli.inputs import STANDARD_INPUT, read_text
from hallmark.cli.options import AsJson, OutFile, Quiet, home
from hallmark.cli.output import print_json, printable
from hallmark.cli.release import Time, time_of
from hallmark.data import check_text
from hallmark.models.sizes import find_model

if TYPE_CHECKING:
    from hallmark.cli.drafting import Drafted
    from hallmark.lm.model import LanguageModel
    from hallmark.lm.row import Generation
    from hallmark.lm.sampling import SamplingParams
    from hallmark.release.provenance import Match, Provenance

provenance = typer.Typer(
    name="provenance",
    help="Sign what models wrote here, and look a text up in such a manifest.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
SHORT = 40  # characters below which many people and models write the same

Outputs = Annotated[Path, typer.Argument(metavar="FOLDER", help="What `outputs build` wrote.")]
SignKey = Annotated[Path, typer.Option("--key", metavar="KEYFILE", help="The private key.")]
Who = Annotated[str, typer.Option(metavar="NAME", help="Who signs, as readers know you.")]
Given = Annotated[
    str, typer.Argument(metavar="TEXT|FILE", help="A whole text, a file of one, or - for input.")
]
Manifest = Annotated[Path, typer.Option("--manifest", metavar="FILE", help="The makers' manifest.")]
PublicKey = Annotated[
    Path, typer.Option("--key", metavar="PUB", help="The makers' public key, from elsewhere.")
]


@provenance.command()
def sign(
    folder: Outputs,
    key: SignKey,
    out: OutFile,
    who: Who = "",
    time: Time = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Sign an output set: hashes of its texts, its models and settings; no text is in it."""
    from hallmark.outputs.outputset import open_outputs
    from hallmark.release.keys import load_key
    from hallmark.release.provenance import entries_of, write_provenance

    opened = open_outputs(folder)
    about = {"run": opened.manifest.get("run"), "corpora": opened.manifest["corpora"]}
    made = write_provenance(
        out, entries_of(opened), about=about, who=who, signed=time_of(time), key=load_key(key)
    )
    print_json({"manifest": str(out), **made.head}) if json else print(out)


@provenance.command()
def verify(
    text: Given, manifest: Manifest, key: PublicKey, json: AsJson = False, quiet: Quiet = False
) -> None:
    """Whether a whole text is among those that the makers signed. Not found proves nothing."""
    from hallmark.release.keys import read_public
    from hallmark.release.provenance import read_provenance

    found = read_provenance(manifest, public=read_public(key))
    match = found.find(given(text))
    if json:
        print_json(as_record(found, match))
    else:
        print("\n".join(printable(line) for line in sentences(found, match)))


def given(text: str) -> str:
    """The text itself, or that of the file so named; ValueError for a name of no file."""
    path = Path(text[:4096])
    if text == STANDARD_INPUT or (len(text) < 4096 and path.is_file()):
        return read_text(text)
    if not text.strip():
        raise ValueError("the text is empty; give some text")
    if not any(c.isspace() for c in text):
        raise ValueError(f"{text[:80]!r} is no file here; give one, or a text of several words")
    return check_text(text, where="the text")


def as_record(found: Provenance, match: Match | None) -> dict[str, Any]:
    """What was found as JSON."""
    from hallmark.release.provenance import ABSENT

    head = dict(found.head)
    if match is None:
        return {"found": False, "meaning": ABSENT, "manifest": head}
    return {"found": True, "how": match.how, "text": dict(match.entry), "manifest": head}


def sentences(found: Provenance, match: Match | None) -> list[str]:
    """What was found, for people."""
    from hallmark.release.keys import fingerprint
    from hallmark.release.provenance import ABSENT, HOW

    head = found.head
    signer = f"{head['who'] or 'a key without a name'} ({fingerprint(str(head['public_key']))})"
    if match is None:
        return [f"Not found among the {head['texts']} texts signed by {signer}.", f"  {ABSENT}"]
    entry = match.entry
    model = head.get("model") or head.get("corpora", {}).get(entry.get("source"), {})
    name, sha256 = model.get("name") or model.get("model"), str(model.get("model_sha256"))
    lines = [
        f"Found, {HOW[match.how]}.",
        f"  Signed {head['signed']} by {signer}.",
        f"  Written by {name} (SHA-256 {sha256[:16]}), seed {entry.get('seed')}.",
        "  That is what the holder of the key states. Whose it is, you must know from elsewhere.",
    ]
    if int(entry["characters"]) < SHORT:
        lines.append(f"  With {entry['characters']} characters, others may have written the same.")
    return lines


class Recorded:
    """A writer that keeps what it wrote, so that it can be signed."""

    def __init__(self, writer: LanguageModel | Drafted) -> None:
        self.writer = writer
        self.name, self.precision = writer.name, writer.precision
        self.generations: list[Generation] = []

    def generate(
        self, prompts: Sequence[str], params: SamplingParams, *, seeds: Sequence[int], **rest: Any
    ) -> list[Generation]:
        """As `LanguageModel.generate`."""
        found = self.writer.generate(prompts, params, seeds=seeds, **rest)
        self.generations += found
        return found


def check_signing(key: Path | None, manifest: Path | None) -> None:
    """A usage error for one of the two alone; ValueError for a key that cannot sign."""
    if (key is None) != (manifest is None):
        raise typer.BadParameter("--sign KEYFILE and --manifest FILE belong together")
    if key is not None:
        from hallmark.release.keys import load_key

        load_key(key)


def sign_generations(
    recorded: Recorded, params: SamplingParams, *, model: str, key: Path, manifest: Path, who: str
) -> None:
    """Write the manifest of what was written."""
    from dataclasses import asdict

    from hallmark.outputs.identity import model_hashes
    from hallmark.release.keys import load_key
    from hallmark.release.provenance import entry_of, write_provenance

    hashes = model_hashes(find_model(model, home=home()))
    entries = [
        entry_of(g.text, prompt=g.prompt, id=i, seed=g.seed, tokens=len(g.tokens))
        for i, g in enumerate(recorded.generations, start=1)
    ]
    about = {
        "model": {"name": recorded.name, "precision": str(recorded.precision), **hashes},
        "settings": asdict(params),
    }
    write_provenance(
        manifest, entries, about=about, who=who, signed=time_of(None), key=load_key(key)
    )
