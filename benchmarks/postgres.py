"""A PostgreSQL server for one run: in a folder of its own, on a socket of its own, gone afterwards.

For tests and benchmarks. Uses Debian's /usr/lib/postgresql or what is on the PATH; as root it
runs as the user `postgres`, because the server refuses to run as root.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg


def programs() -> Path | None:
    """The folder of initdb and postgres; None where PostgreSQL is not installed."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = debian[-1] if debian else shutil.which("initdb")
    return Path(found).parent if found else None


@dataclass
class Server:
    """A running server; `new` makes an empty database in it."""

    folder: Path
    _number: Iterator[int] = field(default_factory=itertools.count)

    def address(self, name: str) -> str:
        """Of a database, as `open_database` takes it."""
        return f"postgresql://postgres@/{name}?host={quote(str(self.folder), safe='')}"

    def new(self) -> str:
        """The address of a fresh database."""
        name = f"d{next(self._number)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.address(name)


@contextmanager
def server(*, settings: Sequence[str] = ()) -> Iterator[Server]:
    """A server while the block runs; `settings` such as `fsync=off`."""
    where = programs()
    if where is None:
        raise ValueError("PostgreSQL is not installed; `apt-get install postgresql`")
    folder = Path(tempfile.mkdtemp(prefix="hallmark-pg-", dir="/tmp"))  # a socket's path is short
    as_postgres = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    if as_postgres:
        shutil.chown(folder, **as_postgres)
    common = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    data = folder / "data"
    try:
        subprocess.run(
            [where / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"],
            check=True, **common, **as_postgres,
        )  # fmt: skip
        options = ["listen_addresses=", f"unix_socket_directories={folder}", *settings]
        running = subprocess.Popen(
            [where / "postgres", "-D", data, *(a for o in options for a in ("-c", o))],
            start_new_session=True, **common, **as_postgres,
        )  # fmt: skip
        try:
            ready = [where / "pg_isready", "-q", "-h", folder]
            for _ in range(200):
                if subprocess.run(ready, check=False).returncode == 0:
                    break
                if running.poll() is not None:
                    raise OSError("PostgreSQL ended as soon as it was started")
                time.sleep(0.05)
            yield Server(folder)
        finally:
            running.send_signal(signal.SIGINT)  # at once, whoever is connected
            running.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
