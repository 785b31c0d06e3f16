"""Keys and signatures: only the key's own bytes hold, and no key is written over or lies open."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from hallmark.release.keys import (
    fingerprint,
    is_signed,
    load_key,
    make_key,
    public_of,
    read_public,
    sign,
)


def test_a_key_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "team.key"
    public = make_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert public == public_of(load_key(path)) == read_public(tmp_path / "team.key.pub")
    assert len(fingerprint(public)) == 32
    path.chmod(0o644)
    with pytest.raises(ValueError, match="can be read by others; run `chmod 600`"):
        load_key(path)


@pytest.mark.parametrize("name", ["team.key", "team.key.pub"])
def test_nothing_is_written_over(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="is there already; give a new name"):
        make_key(tmp_path / "team.key")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_signature_holds_for_its_bytes_and_key_alone(key: Path, tmp_path: Path) -> None:
    private, other = load_key(key), make_key(tmp_path / "other.key")
    signature, public = sign(private, b"bytes"), public_of(private)
    assert signature == sign(private, b"bytes")
    assert is_signed(b"bytes", signature=signature, public=public)
    assert not is_signed(b"byte", signature=signature, public=public)
    assert not is_signed(b"bytes", signature=signature, public=other)
    for wrong in (None, "", "x", "AAAA", signature[:-4]):
        assert not is_signed(b"bytes", signature=wrong, public=public)
        assert not is_signed(b"bytes", signature=signature, public=wrong)


def test_the_public_file_is_what_other_programs_read(key: Path) -> None:
    pem = key.with_name("team.key.pub").read_bytes()
    signature = load_key(key).sign(b"bytes")
    load_pem_public_key(pem).verify(signature, b"bytes")  # type: ignore[union-attr, call-arg]


def test_without_the_package_it_is_named(
    key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("exceptions", "hazmat.primitives.asymmetric.ed25519"):
        monkeypatch.setitem(sys.modules, f"cryptography.{name}", None)
    for call in (
        lambda: make_key(tmp_path / "new.key"), lambda: load_key(key),
        lambda: read_public(key), lambda: is_signed(b"", signature="", public=""),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"install hallmark\[release\]"):
            call()


def test_other_keys_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ec.key"
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    with pytest.raises(ValueError, match="no Ed25519 private key"):
        load_key(path)
    with pytest.raises(ValueError, match="no Ed25519 public key"):
        read_public(path)
    path.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="no Ed25519 private key"):
        load_key(path)
