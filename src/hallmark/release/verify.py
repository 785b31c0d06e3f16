"""Whether a release is what its makers signed: what the receiving side runs on the folder alone.

Signatures, every file, the gates as signed, and the decision made again from the evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hallmark.models.folder import sha256_of
from hallmark.models.sizes import MANIFEST
from hallmark.release.decide import decide
from hallmark.release.folder import FORMAT, VERSION
from hallmark.release.gates import read_plan
from hallmark.release.keys import canonical, is_signed
from hallmark.release.layout import DECISION, EVIDENCE, PLAN, SIGNATURE, UNLISTED
from hallmark.release.lock import changes, lock_path, read_lock
from hallmark.release.record import as_record
from hallmark.release.values import read_result

_CHANGED = "is not the file that was signed"


@dataclass(frozen=True)
class Checked:
    """What was found: a line for each problem, none where all is well.

    public_key: the key that the folder names; whose it is, no folder can say.
    """

    stage: str
    outcome: str
    files: int
    public_key: str
    problems: tuple[str, ...]


def verify(folder: Path, *, public_key: str | None = None) -> Checked:
    """Check a release. `public_key` (base64) is the makers', known from elsewhere.

    ValueError where the folder is no release.
    """
    manifest = _read_manifest(folder)
    problems = list(_signatures(folder, manifest, public_key))
    files, gates = list(_files(folder, manifest["files"])), list(_gates(folder, manifest))
    changed = f"{PLAN} {_CHANGED}"
    if changed in files and any(" after signing" in gate for gate in gates):
        files.remove(changed)  # said gate by gate
    problems += [*files, *(gate for gate in gates if f"{gate.split()[0]} {_CHANGED}" not in files)]
    if not problems:
        problems += _decision(folder, manifest)
    return Checked(
        str(manifest["stage"]), str(manifest["outcome"]), len(manifest["files"]),
        str(manifest["public_key"]), tuple(problems),
    )  # fmt: skip


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise ValueError(f"{folder} is no whole release (no {MANIFEST}); give its folder")
    manifest = read_result(path)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"{path} is no release's; `hallmark release decide` writes one")
    if manifest.get("version") != VERSION:
        raise ValueError(f"{path} is of version {manifest.get('version')!r:.20}, not {VERSION}")
    files = manifest.get("files")
    fine = isinstance(files, dict) and all(map(_is_entry, files.items()))
    if not fine or not {"stage", "outcome", "public_key"} <= manifest.keys():
        raise ValueError(f"{path} is damaged; fetch the release again")
    return manifest


def _is_entry(item: tuple[str, Any]) -> bool:
    """Whether a file's entry is whole and its name stays within the folder."""
    name, about = item
    pure = PurePosixPath(name)
    inside = not pure.is_absolute() and ".." not in pure.parts and "\\" not in name
    return inside and isinstance(about, dict) and {"size", "sha256"} <= about.keys()


def _signatures(folder: Path, manifest: Mapping[str, Any], public_key: str | None) -> Iterator[str]:
    path = folder / SIGNATURE
    if not path.is_file():
        yield f"{MANIFEST} is not signed ({SIGNATURE} is missing)"
    else:
        signature = path.read_text(encoding="ascii", errors="replace").strip()
        data, own = canonical(dict(manifest)), manifest["public_key"]
        if not is_signed(data, signature=signature, public=own):
            yield f"{MANIFEST} was edited after signing: its signature does not hold"
    if public_key is not None and public_key != manifest["public_key"]:
        yield f"{MANIFEST} names another key than the one given"


def _files(folder: Path, files: Mapping[str, Any]) -> Iterator[str]:
    """Missing, changed and added files."""
    for name, about in files.items():
        path = folder / name
        if path.is_symlink() or not path.is_file():
            yield f"{name} is missing" + (" (a link is there)" if path.is_symlink() else "")
        elif path.stat().st_size != about["size"] or sha256_of(path) != about["sha256"]:
            yield f"{name} {_CHANGED}"
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if (path.is_symlink() or not path.is_dir()) and name not in (*files, *UNLISTED):
            yield f"{name} was added"


def _gates(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Gates that are not as signed, whoever changed them."""
    plan = folder / PLAN
    if not plan.is_file() or not lock_path(plan).is_file():
        if not {PLAN, lock_path(plan).name} <= manifest["files"].keys():
            yield f"the release has no signed plan ({PLAN} and {lock_path(plan).name})"
        return
    try:
        lock = read_lock(lock_path(plan))
        if lock.public_key != manifest["public_key"]:
            yield f"{lock_path(plan).name} was signed with another key than the release"
        for change in changes(read_plan(plan), lock):
            yield change.sentence
    except ValueError as error:
        yield str(error).replace(f"{folder}/", "")


def _decision(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    """The decision made again, where all that it rests on is whole."""
    plan, stage = folder / PLAN, manifest["stage"]
    try:
        written = read_result(folder / DECISION)
        lock = read_lock(lock_path(plan))
        again = decide(read_plan(plan), lock, folder / EVIDENCE, stage=stage)
    except (OSError, ValueError) as error:
        yield f"the decision cannot be made again: {error}".replace(f"{folder}/", "")
        return
    expected = as_record(again, decided="")
    if _facts(written) != _facts(expected) or again.outcome != manifest["outcome"]:
        yield f"{DECISION} does not follow from the plan and the evidence"


def _facts(record: Any) -> Any:
    """A decision without what is wording or time: other versions may word it differently."""
    if not isinstance(record, dict) or not isinstance(record.get("gates"), list):
        return None
    gates = [{**gate, "reason": ""} for gate in record["gates"] if isinstance(gate, dict)]
    return {**record, "gates": gates, "sentence": "", "decided": ""}
