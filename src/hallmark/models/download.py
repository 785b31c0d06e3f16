"""Fetch one file from a Hugging Face hub: resumed after a cut, named only once its hash agrees.

Written on urllib because huggingface_hub compares no more than the size of what it fetches over
HTTP. The one module that opens a connection.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import ENOSPC
from http.client import HTTPResponse
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

_CHUNK = 2**20
_TIMEOUT = 30.0  # seconds without a byte
_TRIES = 4  # in a row that bring nothing
_REDIRECTS = 5

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Remote:
    """A file as the hub announces it: `digest` is its SHA-256, or git's SHA-1 of it."""

    url: str
    size: int
    digest: str
    commit: str

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.url.rsplit("/", 1)[1]

    def is_in(self, path: Path) -> bool:
        """Whether `path` holds this very file."""
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        digest = hashlib.sha256() if len(self.digest) == 64 else hashlib.sha1(usedforsecurity=False)
        if len(self.digest) == 40:
            digest.update(b"blob %d\0" % self.size)
        with path.open("rb") as file:
            while data := file.read(_CHUNK):
                digest.update(data)
        return digest.hexdigest() == self.digest


class _Cut(Exception):
    """The network failed; another try may do better."""


def announce(url: str, *, pause: float) -> Remote | None:
    """Ask the hub for size, hash and commit of a file; None where there is none."""
    failures = 0
    while True:
        try:
            return _announce(url)
        except _Cut as cut:
            failures += 1
            _wait(cut, failures, pause=pause)


def download(remote: Remote, path: Path, *, progress: Progress | None, pause: float) -> None:
    """Make `path` the remote file, going on from what an earlier call left beside it.

    `progress` is called with (file, bytes so far, bytes in all). ConnectionError where several
    tries in a row bring nothing, ValueError where the hash does not agree.
    """
    if not remote.is_in(path):
        part = path.with_name(f".{path.name}.{remote.digest[:12]}.part")
        part.touch()
        _need_room(path, remote.size - part.stat().st_size)
        failures = 0
        while (held := part.stat().st_size) < remote.size:
            try:
                _receive(remote, part, progress)
            except _Cut as cut:
                failures = 1 if part.stat().st_size > held else failures + 1
                _wait(cut, failures, pause=pause)
        if not remote.is_in(part):
            part.unlink()
            raise ValueError(f"{remote.url} does not match the hash that the hub gives; try again")
        part.replace(path)
    for stale in path.parent.glob(f".{path.name}.*.part"):
        stale.unlink()
    if progress is not None:
        progress(path.name, remote.size, remote.size)


def _wait(cut: _Cut, failures: int, *, pause: float) -> None:
    if failures >= _TRIES:
        raise ConnectionError(f"{cut}; run the command again to go on") from None
    time.sleep(pause * 2 ** (failures - 1))


def _need_room(path: Path, missing: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if missing > free:
        need = f"{missing >> 20} MiB are missing and {free >> 20} MiB free; make room"
        raise OSError(ENOSPC, need, str(path))


def _announce(url: str) -> Remote | None:
    here = url
    for _ in range(_REDIRECTS):
        with _open(here, method="HEAD", follow=False) as response:
            if response.status == 404:
                return None
            headers = response.headers
            digest = headers.get("X-Linked-Etag") or headers.get("ETag") or ""
            size = headers.get("X-Linked-Size") or headers.get("Content-Length") or ""
            target = headers.get("Location")
            commit = headers.get("X-Repo-Commit") or ""
        if target is None or "X-Linked-Etag" in headers:
            return _remote(here, digest, size, commit)
        here = urljoin(here, target)  # a renamed repository
        if urlsplit(here).netloc != urlsplit(url).netloc:
            break
    raise ValueError(f"{url} leads elsewhere ({here[:200]}) without a hash; check the endpoint")


def _remote(url: str, digest: str, size: str, commit: str) -> Remote:
    digest = digest.removeprefix("W/").strip('"').lower()
    is_hash = re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{40}", digest)
    if not is_hash or not re.fullmatch(r"[0-9]{1,15}", size):
        raise ValueError(f"{url} comes without a size and a hash to check; check the endpoint")
    known = re.fullmatch(r"[0-9a-f]{40}", commit) is not None
    return Remote(url=url, size=int(size), digest=digest, commit=commit if known else "")


def _receive(remote: Remote, part: Path, progress: Progress | None) -> None:
    """Append to `part` what is missing, or start again where the server does not resume."""
    held = part.stat().st_size
    with _open(remote.url, start=held) as response:
        given = response.headers.get("Content-Range", "")
        if response.status not in (200, 206):
            if response.status == 416:  # the part is not a beginning of this file
                part.write_bytes(b"")
            raise _Cut(f"{remote.url} answered {response.status}")
        if held and not given.startswith(f"bytes {held}-"):
            held = 0
        with part.open("ab" if held else "wb") as file:
            while held < remote.size:
                data = _read(response, min(_CHUNK, remote.size - held))
                file.write(data)
                held += len(data)
                if progress is not None:
                    progress(remote.name, held, remote.size)


def _read(response: HTTPResponse, size: int) -> bytes:
    try:
        data = response.read(size)
    except (OSError, http.client.HTTPException) as error:
        raise _Cut(f"the transfer was cut ({error})") from None
    if not data:
        raise _Cut("the transfer was cut")
    return data


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to HTTP(S) only, never from HTTPS to HTTP."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any,
        newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new != "https" and new != old:
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Hand the redirect itself back: the hub's hashes are in its headers."""

    def redirect_request(self, *_: object) -> None:
        return None


@contextmanager
def _open(
    url: str, *, method: str = "GET", start: int = 0, follow: bool = True
) -> Iterator[HTTPResponse]:
    """The hub's answer, 404, 416 and redirects included; _Cut where another try may help."""
    headers = {"User-Agent": "hallmark"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(url, method=method, headers=headers)
    opener = urllib.request.build_opener(_Redirects if follow else _NoRedirects)
    try:
        response = opener.open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        response = error
        if error.code in (401, 403):
            error.close()
            raise ValueError(f"{url}: the hub has no such public model; check the name") from None
        if error.code not in (404, 416) and not 300 <= error.code < 400:
            error.close()
            raise _Cut(f"{url} answered {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise _Cut(f"{urlsplit(url).netloc} cannot be reached ({reason})") from None
    with response:
        yield response
