"""The folder of a release: model, evidence, plan, decision, cards, checksums, signed manifest.

The manifest is written last and names every file; its signature lies beside it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hallmark.models.folder import sha256_of, write_json, write_text
from hallmark.models.sizes import MANIFEST
from hallmark.outputs.outputset import open_outputs
from hallmark.release.card import About, model_card
from hallmark.release.datasheet import dataset_card, datasheet
from hallmark.release.decide import Decision, decide
from hallmark.release.gates import read_plan
from hallmark.release.keys import canonical, public_of, sign
from hallmark.release.layout import DECISION, EVIDENCE, MODEL, PLAN, SIGNATURE, SUMS
from hallmark.release.lock import lock_path, read_lock
from hallmark.release.record import as_markdown, as_record
from hallmark.release.report.write import write_report

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FORMAT, VERSION = "hallmark-release", 1


@dataclass(frozen=True)
class Parts:
    """Where everything is that a release is made of; the model and the outputs may be left out.

    report: whether the report is written into the folder too; it needs matplotlib.
    """

    plan: Path
    evidence: Path
    model: Path | None = None
    outputs: Path | None = None
    report: bool = False


def release(
    out: Path, parts: Parts, *, stage: str, about: About, key: Ed25519PrivateKey | None,
    decided: str,
) -> Decision:  # fmt: skip
    """Decide about a stage and write its folder. Without a key the manifest is not signed.

    ValueError where `out` holds files, there is no folder of evidence, the plan is not signed, or
    the key is not the plan's.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is no empty folder; give a new one")
    if not parts.evidence.is_dir():
        raise ValueError(f"{parts.evidence} is no folder of result files; give one")
    plan, lock = read_plan(parts.plan), read_lock(lock_path(parts.plan))
    if key is not None and public_of(key) != lock.public_key:
        raise ValueError("the key is not the one that signed the plan; a release has one key")
    decision = decide(plan, lock, parts.evidence, stage=stage)
    texts = dict(_texts(decision, parts, about, decided))
    files = list(_files(parts))
    for name, source in files:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, out / name)
    for name, text in texts.items():
        write_text(out / name, text)
    write_json(out / DECISION, as_record(decision, decided=decided))
    written = write_report(out, out) if parts.report else []
    _complete(out, [*(name for name, _ in files), *texts, DECISION, *written], decision, key)
    return decision


def _texts(
    decision: Decision, parts: Parts, about: About, decided: str
) -> Iterator[tuple[str, str]]:  # fmt: skip
    yield "decision.md", as_markdown(decision, decided=decided)
    yield (
        "model-card.md", model_card(decision, about, evidence=parts.evidence, model=parts.model)
    )  # fmt: skip
    if parts.outputs is not None:
        outputs = open_outputs(parts.outputs)
        of_set = replace(about, name=f"Outputs of {about.name}")
        yield "dataset-card.md", dataset_card(outputs, of_set)
        yield "datasheet.md", datasheet(outputs, of_set)


def _files(parts: Parts) -> Iterator[tuple[str, Path]]:
    """Every file that is copied: its name in the release, and where it is."""
    yield PLAN, parts.plan
    yield lock_path(Path(PLAN)).name, lock_path(parts.plan)
    if parts.outputs is not None:  # the texts stay where they are; their hashes come along
        yield f"outputs/{MANIFEST}", parts.outputs / MANIFEST
    for folder, source in ((EVIDENCE, parts.evidence), (MODEL, parts.model)):
        if source is not None:
            yield from ((f"{folder}/{name}", source / name) for name in files_in(source))


def files_in(folder: Path) -> list[str]:
    """Names of all files below a folder, hidden ones left out, in order."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts)
    )


def _complete(
    out: Path, names: Iterable[str], decision: Decision, key: Ed25519PrivateKey | None
) -> None:
    """Checksums, and the manifest with its signature."""
    hashes = {name: sha256_of(out / name) for name in sorted(names)}
    write_text(out / SUMS, "".join(f"{sha}  {name}\n" for name, sha in hashes.items()))
    hashes[SUMS] = sha256_of(out / SUMS)
    manifest = {
        "format": FORMAT, "version": VERSION, "title": decision.title, "stage": decision.stage,
        "outcome": decision.outcome.value, "public_key": decision.public_key,
        "files": {
            name: {"size": (out / name).stat().st_size, "sha256": sha}
            for name, sha in hashes.items()
        },
    }  # fmt: skip
    data = canonical(manifest)
    if key is not None:
        write_text(out / SIGNATURE, sign(key, data) + "\n")
    write_json(out / MANIFEST, manifest)
