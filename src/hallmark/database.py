"""A database by path or address: SQLite as safe as its version allows, or PostgreSQL.

Tables are those of the migrations that it is opened with; it knows nothing of what they hold.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, Text, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.types import TypeDecorator

from hallmark.data import check_text

_WAITS = 30.0  # seconds for a lock, or for one of the pool's connections
_POOL, _OVERFLOW = 10, 30
_MIGRATING = 0x4A11  # the advisory lock that PostgreSQL keeps while tables change


class Unavailable(OSError):
    """The database does not answer, or is locked: nothing of the transaction was stored."""


class PlainText(TypeDecorator[str]):
    """Text without NUL (SQLite cuts there, PostgreSQL refuses) and without half a surrogate."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """The value as it is; ValueError where no database would give it back."""
        return None if value is None else check_text(value, where="a text to store")


class Database:
    """Transactions over one engine. What `writing` has left without an error is on disk."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sqlite = engine.dialect.name == "sqlite"
        # SQLite has one writer at a time: in line here rather than polling for its lock.
        self._turn: AbstractContextManager[Any] = threading.Lock() if self.sqlite else nullcontext()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that changes nothing."""
        with _answering(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is kept whole, or not at all where the block raises."""
        with _answering(), self._turn, self.engine.connect() as connection:
            connection = connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Let every connection go."""
        self.engine.dispose()


def open_database(
    where: str | Path, *, migrations: Path, name: str, otherwise: str | None = None
) -> Database:
    """The database at a path (SQLite) or address (`postgresql://...`), its tables up to date.

    `migrations` is a folder of alembic revisions; `name` keeps several such sets of tables in one
    database apart. otherwise: how to make one, said where there is none; None makes it here.
    ValueError in one line: no such server, no database, or a newer one.
    """
    url = _address(str(where))
    shown = url.database if url.drivername == "sqlite" else url.render_as_string()
    none = None if otherwise is None else f"there are no {name} in {shown}; {otherwise}"
    if none and url.drivername == "sqlite" and not Path(str(url.database)).exists():
        raise ValueError(none)
    engine = _engine(url)
    try:
        _upgrade(engine, migrations, name, shown=str(shown), none=none)
    except (DBAPIError, Unavailable) as error:
        engine.dispose()
        reason = " ".join(str(getattr(error, "orig", error)).split())[:200]
        raise ValueError(f"{shown} cannot be used as a database: {reason}") from None
    except BaseException:
        engine.dispose()
        raise
    return Database(engine)


def safe_settings(version: tuple[int, int, int]) -> tuple[str, str]:
    """(journal_mode, synchronous) for an SQLite of this version, every commit on disk.

    Before 3.51.3 (3.44.6 and 3.50.7 are mended too) a reset of the WAL could corrupt the file.
    """
    mended = version >= (3, 51, 3) or any(
        version[:2] == fixed[:2] and version >= fixed for fixed in ((3, 44, 6), (3, 50, 7))
    )
    return ("WAL", "FULL") if mended else ("DELETE", "EXTRA")


def _address(where: str) -> URL:
    if "\0" in where:
        raise ValueError("the name of the database has a NUL in it; give a path or an address")
    if "://" not in where:
        return URL.create("sqlite", database=where)
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        raise ValueError(
            "the database's address cannot be read; write postgresql://USER@HOST/NAME"
        ) from None
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database:
        return url
    raise ValueError(f"{url.drivername} is not supported; give a path or postgresql://...")


def _engine(url: URL) -> Engine:
    pool = {"pool_size": _POOL, "max_overflow": _OVERFLOW, "pool_timeout": _WAITS}
    if url.drivername != "sqlite":
        waits = {"connect_timeout": 10}
        return create_engine(url, pool_pre_ping=True, connect_args=waits, **pool)
    with suppress(OSError):  # what cannot be made here is reported when it is opened
        os.close(os.open(str(url.database), os.O_CREAT | os.O_WRONLY, 0o600))  # for its owner only
    engine = create_engine(url, connect_args={"timeout": _WAITS}, **pool)
    journal, synchronous = safe_settings(sqlite3.sqlite_version_info)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, schema changes too
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute(f"PRAGMA synchronous={synchronous}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _upgrade(engine: Engine, migrations: Path, name: str, *, shown: str, none: str | None) -> None:
    script = ScriptDirectory(str(migrations), version_locations=[str(migrations)])

    def steps(current: Any, context: MigrationContext) -> list[Any]:
        known = {revision.revision for revision in script.walk_revisions()}
        unknown = set(current or ()) - known
        if none and not current:
            raise ValueError(none)
        if unknown:
            raise ValueError(
                f"{shown} was made by a newer Hallmark (revision {min(unknown)}); update Hallmark"
            )
        missing = script.iterate_revisions("heads", current or "base")
        return [
            MigrationStep.upgrade_from_script(script.revision_map, revision)
            for revision in reversed(list(missing))
        ]

    with Database(engine).writing() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATING})"))
        options = {"fn": steps, "version_table": f"{name}_version", "transactional_ddl": True}
        context = MigrationContext.configure(connection, opts=options)
        with Operations.context(context):
            context.run_migrations()


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (OperationalError, PoolTimeout) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
        raise Unavailable(f"the database does not answer: {reason}") from None
