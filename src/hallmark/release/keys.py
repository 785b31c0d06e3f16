"""Ed25519 keys and signatures (RFC 8032), by the `cryptography` package.

A signature shows that who holds the key signed these bytes. Whose key it is, the reader must know
from elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hallmark.models.folder import write_text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

_MODE = 0o600
_NEEDED = "signing needs the cryptography package; install hallmark[release]"


def make_key(path: Path) -> str:
    """Write a new private key (PEM, PKCS 8, readable by its owner alone) and PATH.pub beside it.

    Returns the public key. ValueError where a file is there: a key is never written over.
    """
    try:
        from cryptography.hazmat.primitives import serialization as s
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ModuleNotFoundError:
        raise ValueError(_NEEDED) from None
    beside = path.with_name(path.name + ".pub")
    for file in (path, beside):
        if os.path.lexists(file):
            raise ValueError(f"{file} is there already; give a new name")
    key = Ed25519PrivateKey.generate()
    data = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb") as file_:
        file_.write(data)
    public = public_of(key)
    write_text(beside, pem_of(public))
    return public


def load_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a PEM file; ValueError where it is none, or others may read it."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ModuleNotFoundError:
        raise ValueError(_NEEDED) from None
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} is no Ed25519 private key in PEM; run `hallmark release key`")
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise ValueError(f"{path} can be read by others; run `chmod 600` on it")
    return key


def read_public(path: Path) -> str:
    """The public key in a PEM file (what `make_key` wrote beside the private one), in base64."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ModuleNotFoundError:
        raise ValueError(_NEEDED) from None
    try:
        key = load_pem_public_key(path.read_bytes())
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{path} is no Ed25519 public key in PEM; give KEYFILE.pub")
    return _encode(key)


def public_of(key: Ed25519PrivateKey) -> str:
    """The public half of a key: 32 bytes in base64."""
    return _encode(key.public_key())


def fingerprint(public: str) -> str:
    """SHA-256 of a public key's bytes: short enough to be read aloud or printed."""
    return hashlib.sha256(base64.b64decode(public)).hexdigest()[:32]


def canonical(content: Mapping[str, Any]) -> bytes:
    """What is signed of JSON: the same for the same content, whatever its order and spaces."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")


def sign(key: Ed25519PrivateKey, data: bytes) -> str:
    """The signature of some bytes, in base64; the same for the same key and bytes."""
    return base64.b64encode(key.sign(data)).decode("ascii")


def is_signed(data: bytes, *, signature: object, public: object) -> bool:
    """Whether `signature` is that of `data` by the key; False for anything malformed too."""
    try:
        from cryptography.exceptions import InvalidSignature
    except ModuleNotFoundError:
        raise ValueError(_NEEDED) from None
    try:
        _decode(str(public)).verify(base64.b64decode(str(signature), validate=True), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def pem_of(public: str) -> str:
    """A public key as PEM, which other programs read."""
    from cryptography.hazmat.primitives import serialization as s

    data = _decode(public).public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    return data.decode("ascii")


def _encode(key: Ed25519PublicKey) -> str:
    return base64.b64encode(key.public_bytes_raw()).decode("ascii")


def _decode(public: str) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
