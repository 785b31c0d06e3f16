"""The lock of a plan: every gate as it was when the plan was signed, so that a change shows.

The time is what the signer says. Who must prove it gives the lock's hash to somebody else that day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hallmark.models.folder import write_json
from hallmark.release.gates import HEADER, Plan, hash_of
from hallmark.release.keys import canonical, is_signed, public_of, sign
from hallmark.release.values import read_result

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FORMAT, VERSION = "hallmark-plan-lock", 1


@dataclass(frozen=True)
class Lock:
    """A signed plan: when it was signed, by which public key, and the text of every gate."""

    signed: str
    public_key: str
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """A gate that is not as it was signed; `signed` is None where it was added, `now` where it is
    gone.
    """

    gate: str
    signed: str | None
    now: str | None

    @property
    def kind(self) -> str:
        """What happened to the gate."""
        return "added" if self.signed is None else "removed" if self.now is None else "changed"

    @property
    def sentence(self) -> str:
        """The change in a line: of a changed gate, the lines that differ."""
        what = "the plan's head" if self.gate == HEADER else f"gate {self.gate}"
        if self.signed is None or self.now is None:
            return f"{what} was {self.kind} after signing"
        pairs = zip(self.signed.splitlines(), self.now.splitlines(), strict=False)
        differing = "; ".join(f"{old}, now {new}" for old, new in pairs if old != new)
        return f"{what} was changed after signing: {differing}"


def lock_path(plan: Path) -> Path:
    """Where the lock of a plan lies: `plan.lock.json` beside `plan.toml`."""
    return plan.with_suffix(".lock.json")


def write_lock(path: Path, plan: Plan, key: Ed25519PrivateKey, *, signed: str) -> Lock:
    """Sign a plan; ValueError where it was signed before, as a second lock would hide changes."""
    if path.exists():
        raise ValueError(
            f"{path} is there: the plan was signed before; keep it, or give the plan a new name"
        )
    content = {
        "format": FORMAT, "version": VERSION, "signed": signed, "public_key": public_of(key),
        "gates": {
            name: {"sha256": hash_of(text), "text": text} for name, text in plan.texts.items()
        },
    }  # fmt: skip
    write_json(path, {**content, "signature": sign(key, canonical(content))})
    return read_lock(path)


def read_lock(path: Path) -> Lock:
    """The lock in a file; ValueError where its signature or a hash is wrong."""
    if not path.is_file():
        raise ValueError(f"{path} is missing: the plan is not signed; run `hallmark release sign`")
    content = read_result(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{path} is no lock of a plan; run `hallmark release sign`")
    signature = content.pop("signature", None)
    public = content.get("public_key")
    if not is_signed(canonical(content), signature=signature, public=public):
        raise ValueError(f"{path} was edited after signing: its signature does not hold")
    if content.get("version") != VERSION:
        raise ValueError(f"{path} is of version {content.get('version')!r:.20}, not {VERSION}")
    try:
        texts = {str(name): str(gate["text"]) for name, gate in content["gates"].items()}
        whole = all(
            hash_of(texts[name]) == gate["sha256"] for name, gate in content["gates"].items()
        )
        signed = str(content["signed"])
    except (KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise ValueError(f"{path} is damaged: its gates and their hashes differ; ask for another")
    return Lock(signed, str(public), texts)


def changes(plan: Plan, lock: Lock) -> list[Change]:
    """What differs between a plan and what was signed, in the order of the lock."""
    now = plan.texts
    names = [*lock.texts, *(name for name in now if name not in lock.texts)]
    pairs = [Change(name, lock.texts.get(name), now.get(name)) for name in names]
    return [pair for pair in pairs if pair.signed != pair.now]
