"""Provenance: what is found, what is not, and that no byte of a manifest can be touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hallmark.release.keys import canonical, load_key, make_key, public_of, sign
from hallmark.release.provenance import entry_of, read_provenance, write_provenance

TEXT = 'The river rose "twice" that year,\nand nobody wrote it down - or so they say.'
OTHERS = ["A second text that was written here.", "  \n", "The third of them, a little longer."]
ABOUT = {
    "model": {"name": "tiny", "model_sha256": "ab" * 32, "precision": "float32"},
    "settings": {"top_k": 40, "temperature": 1.0, "seed": 3},
}


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, str]:
    """A signed manifest, and the public key."""
    public = make_key(tmp_path / "key")
    entries = [entry_of(TEXT, prompt="Once, ", id=1, seed=7, tokens=21)]
    entries += [entry_of(text, id=i, seed=i, tokens=5) for i, text in enumerate(OTHERS, start=2)]
    write_provenance(
        tmp_path / "m.jsonl", entries, about=ABOUT, who="The makers", signed="2026-01-02T03:04:05Z",
        key=load_key(tmp_path / "key"),
    )  # fmt: skip
    return tmp_path / "m.jsonl", public


@pytest.mark.parametrize(
    ("text", "how"),
    [
        (TEXT, "exact"), (TEXT + "\n", "exact"), ("\n".join(TEXT.split()), "plain"),
        (TEXT.replace(" ", "\u00a0") + "  ", "plain"),
        (TEXT.replace('"twice"', "\u201ctwice\u201d").replace(" - ", " \u2014 "), "plain"),
        (f"Once, {TEXT}", "prompted"), (f"Once,\n\n{TEXT}", "prompted"),
    ],
)  # fmt: skip
def test_a_text_is_found_whatever_became_of_its_spaces(
    text: str, how: str, made: tuple[Path, str]
) -> None:
    match = read_provenance(made[0], public=made[1]).find(text)
    assert match is not None
    assert (match.how, match.entry["id"], match.entry["seed"]) == (how, 1, 7)


@pytest.mark.parametrize(
    "text", [TEXT.replace("year", "spring"), TEXT[:40], TEXT + " More.", TEXT.upper(), "", " \n\t"]
)
def test_a_changed_text_and_an_empty_one_are_not(text: str, made: tuple[Path, str]) -> None:
    assert read_provenance(made[0], public=made[1]).find(text) is None


def test_no_text_is_in_the_manifest(made: tuple[Path, str]) -> None:
    data = made[0].read_text()
    assert not any(word in data for word in ("river", "Once", "second"))
    assert '"who":"The makers"' in data


def leaves(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value that is no object."""
    if not isinstance(value, dict):
        return [way]
    return [leaf for name, inner in value.items() for leaf in leaves(inner, (*way, name))]


def test_every_field_is_guarded(made: tuple[Path, str]) -> None:
    """Each value of each line edited alone, each removed, and one added to each line."""
    path, public = made
    lines = path.read_bytes().splitlines()
    tried = 0
    for number, line in enumerate(lines):
        for way in [*leaves(json.loads(line)), ("new",)]:
            for value in ("other", None):
                record = json.loads(line)
                *above, name = way
                inner = record
                for step in above:
                    inner = inner[step]
                if value is None and (name == "new" or inner.pop(name) is None):
                    continue
                if value is not None:
                    inner[name] = value
                changed = [*lines]
                changed[number] = canonical(record)
                path.write_bytes(b"\n".join(changed) + b"\n")
                with pytest.raises(ValueError, match=r"edited after|not signed by|no manif"):
                    read_provenance(path, public=public)
                tried += 1
    assert tried > 60


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0], *lines[:0:-1]], lambda lines: lines[:-1], lambda lines: lines[:1],
        lambda lines: [*lines, lines[1]], lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [*lines[:-1], lines[-1][:-9]], lambda lines: [*lines, b""],
        lambda lines: lines[1:],
    ],
)  # fmt: skip
def test_reordered_and_truncated_manifests_are_found(change, made: tuple[Path, str]) -> None:
    path, public = made
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join(change(lines)) + b"\n")
    with pytest.raises(ValueError, match=r"edited after signing|no manifest"):
        read_provenance(path, public=public)


def test_a_file_cut_at_any_byte_is_found(made: tuple[Path, str]) -> None:
    path, public = made
    data = path.read_bytes()
    for end in range(0, len(data), 29):
        path.write_bytes(data[:end])
        with pytest.raises(ValueError, match=r"edited|no manifest|not JSON"):
            read_provenance(path, public=public)


def test_another_key_and_its_own_signature_do_not_help(
    made: tuple[Path, str], tmp_path: Path
) -> None:
    path, public = made
    other = make_key(tmp_path / "other")
    with pytest.raises(ValueError, match="not signed by that key; ask its makers for theirs"):
        read_provenance(path, public=other)
    first, _, body = path.read_bytes().partition(b"\n")
    head = json.loads(first)
    del head["signature"]
    forger = load_key(tmp_path / "other")
    head["who"] = "The forgers"
    for claimed in (public, public_of(forger)):
        head["public_key"] = claimed
        forged = canonical({**head, "signature": sign(forger, canonical(head))})
        path.write_bytes(forged + b"\n" + body)
        with pytest.raises(ValueError, match=r"signature does not hold|not signed by that key"):
            read_provenance(path, public=public)
