"""Detached, signed manifests of texts that Hallmark wrote: who says so, with what, and of which.

A file of JSON lines: a signed head, then a line of hashes for each text; no text is in it. It can
show that a text is among those written. That a text is not found proves nothing about it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hallmark import __version__
from hallmark.data import Label, json_object, write_atomically
from hallmark.detect.normalise import normalise
from hallmark.models.folder import sha256_of
from hallmark.outputs.outputset import OutputSet
from hallmark.outputs.records import read_records
from hallmark.release.keys import canonical, is_signed, public_of, sign

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FORMAT, VERSION = "hallmark-provenance", 1
HOW = {
    "exact": "byte for byte",
    "plain": "but for white space, quotes, dashes or the width of characters",
    "prompted": "together with its prompt, but for white space and the like",
}
ABSENT = (
    "Not found proves nothing: one changed word is enough, the texts of other makers are not in "
    "it, and nobody has to sign."
)


@dataclass(frozen=True)
class Match:
    """A text that was found: how (a key of HOW), and its line of the manifest."""

    how: str
    entry: Mapping[str, Any]


@dataclass(frozen=True)
class Provenance:
    """A manifest whose signature holds: its head, and a line for each text."""

    head: Mapping[str, Any]
    entries: tuple[Mapping[str, Any], ...]

    def find(self, text: str) -> Match | None:
        """The first entry of a text, given whole; None where it is not among them."""
        for how, own in (("exact", text), ("exact", text.removesuffix("\n"))):
            if entry := self._by_hash.get(("sha256", _sha256(own))):
                return Match(how, entry)
        plain = _sha256(normalise(text))
        for how, name in (("plain", "plain_sha256"), ("prompted", "prompted_sha256")):
            if entry := self._by_hash.get((name, plain)):
                return Match(how, entry)
        return None

    @cached_property
    def _by_hash(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        names = ("sha256", "plain_sha256", "prompted_sha256")
        pairs = [((name, e[name]), e) for e in self.entries for name in names if e.get(name)]
        return dict(reversed(pairs))  # the first of two alike is kept


def entry_of(text: str, *, prompt: str = "", **facts: Any) -> dict[str, Any]:
    """A text's line: hashes of it, of its plain form, and of that with its prompt before it.

    A text of white space alone is not hashed: every empty text would be found.
    """
    plain = normalise(text)
    hashes: dict[str, Any] = {"sha256": None, "plain_sha256": None, "prompted_sha256": None}
    if plain:
        hashes["sha256"], hashes["plain_sha256"] = _sha256(text), _sha256(plain)
        if prompt:
            hashes["prompted_sha256"] = _sha256(normalise(prompt + text))
    return {**facts, "characters": len(text), **hashes}


def entries_of(outputs: OutputSet) -> Iterator[dict[str, Any]]:
    """Lines of the texts of an output set that Hallmark built.

    ValueError where it was imported, or a file is not the one that its manifest describes.
    """
    if outputs.manifest.get("kind") != "generated":
        raise ValueError(f"{outputs.folder} was not generated here; sign what hallmark wrote")
    for part in outputs.parts:
        if part.label != Label.SYNTHETIC or sha256_of(part.path) != part.sha256:
            raise ValueError(f"{part.path} is not as it was built; run `hallmark outputs verify`")
        for record in read_records(part.path):
            facts = {name: record.get(name) for name in ("id", "seed", "top_p")}
            yield entry_of(
                record["text"], prompt=record.get("prompt") or "", source=part.source,
                split=part.split, **facts,
            )  # fmt: skip


def write_provenance(
    path: Path, entries: Iterable[Mapping[str, Any]], *, about: Mapping[str, Any], who: str,
    signed: str, key: Ed25519PrivateKey,
) -> Provenance:  # fmt: skip
    """Sign the entries and what is said `about` all of them (models, settings)."""
    lines = [canonical(entry) + b"\n" for entry in entries]
    head = {
        "format": FORMAT, "version": VERSION, "who": who, "signed": signed,
        "hallmark": __version__, **about, "texts": len(lines),
        "texts_sha256": hashlib.sha256(b"".join(lines)).hexdigest(), "public_key": public_of(key),
    }  # fmt: skip
    with write_atomically(path) as file:
        file.write(canonical({**head, "signature": sign(key, canonical(head))}) + b"\n")
        file.writelines(lines)
    return read_provenance(path, public=public_of(key))


def read_provenance(path: Path, *, public: str) -> Provenance:
    """A manifest signed by the key that is known as `public` (base64).

    ValueError where it is none, another key signed it, or a byte was changed, moved or cut off.
    """
    first, _, body = path.read_bytes().partition(b"\n")
    head = json_object(first, where=f"{path}, line 1")
    if head.get("format") != FORMAT:
        raise ValueError(f"{path} is no manifest of provenance; give what --manifest wrote")
    if head.get("public_key") != public:
        raise ValueError(f"{path} is not signed by that key; ask its makers for theirs")
    signature = head.pop("signature", None)
    if not is_signed(canonical(head), signature=signature, public=public):
        raise ValueError(f"{path} was edited after signing: its signature does not hold")
    if head.get("version") != VERSION:
        raise ValueError(f"{path} is of version {head.get('version')!r:.20}, not {VERSION}")
    if hashlib.sha256(body).hexdigest() != head.get("texts_sha256"):
        raise ValueError(f"{path} was edited after signing: its texts are not those signed")
    return Provenance(head, tuple(json.loads(line) for line in body.splitlines()))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
