"""Databases: settings that are safe, migrations on opening, and what cannot be opened."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text

from hallmark.database import Database, PlainText, Unavailable, open_database, safe_settings

REVISION = '''"""A table."""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "{name}", {before!r}
def upgrade():
    key = sa.Column("id", sa.Integer, primary_key=True)
    op.create_table("{name}", key, sa.Column("word", sa.Text))
'''
FIRST = Table(
    "first", MetaData(), Column("id", Integer, primary_key=True), Column("word", PlainText)
)


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "m1_first.py").write_text(REVISION.format(name="first", before=None))
    return folder


def words(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.scalars(select(FIRST.c.word).order_by(FIRST.c.id)))


def test_tables_are_made_and_later_ones_added(database_address, migrations: Path) -> None:
    database = open_database(database_address, migrations=migrations, name="a")
    with database.writing() as connection:
        connection.execute(insert(FIRST).values(word="kept"))
    database.close()
    (migrations / "m2_second.py").write_text(REVISION.format(name="second", before="first"))
    database = open_database(database_address, migrations=migrations, name="a")
    assert words(database) == ["kept"]
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM second")).scalar() == 0
    database.close()
    (migrations / "m2_second.py").unlink()
    with pytest.raises(ValueError, match="newer Hallmark"):
        open_database(database_address, migrations=migrations, name="a")


def test_a_migration_that_fails_changes_nothing(database_address, migrations: Path) -> None:
    (migrations / "m2_bad.py").write_text(
        REVISION.format(name="bad", before="first") + "    raise ValueError('no')\n"
    )
    with pytest.raises(ValueError, match="no"):
        open_database(database_address, migrations=migrations, name="a")
    (migrations / "m2_bad.py").unlink()
    open_database(database_address, migrations=migrations, name="a").close()


def test_a_block_that_raises_leaves_nothing_and_nul_is_refused(
    database_address, migrations
) -> None:
    database = open_database(database_address, migrations=migrations, name="a")

    def fail(word: str, after: BaseException | None = None) -> None:
        with database.writing() as connection:
            connection.execute(insert(FIRST).values(word=word))
            if after:
                raise after

    with pytest.raises(KeyError):
        fail("gone", KeyError())
    for word in ("a\0b", "\ud800"):
        with pytest.raises(Exception, match=r"NUL|surrogate"):
            fail(word)
    assert words(database) == []
    database.close()


def test_many_writers_lose_nothing(database_address, migrations: Path) -> None:
    databases = [open_database(database_address, migrations=migrations, name="a") for _ in range(2)]

    def write(number: int) -> None:
        for i in range(5):
            with databases[number % 2].writing() as connection:
                count = len(list(connection.execute(select(FIRST.c.id))))
                connection.execute(insert(FIRST).values(word=f"{number}/{i}/{count}"))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(words(databases[0]))) == 60
    for database in databases:
        database.close()


def test_sqlite_is_private_and_every_commit_is_on_disk(tmp_path: Path, migrations: Path) -> None:
    path = tmp_path / "a.db"
    database = open_database(path, migrations=migrations, name="a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    journal, synchronous = safe_settings(sqlite3.sqlite_version_info)
    with database.reading() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == journal.lower()
        found = connection.execute(text("PRAGMA synchronous")).scalar()
        assert found == {"FULL": 2, "EXTRA": 3}[synchronous]
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    database.close()


@pytest.mark.parametrize(
    ("version", "journal"),
    [((3, 40, 1), "DELETE"), ((3, 44, 5), "DELETE"), ((3, 44, 6), "WAL"), ((3, 45, 0), "DELETE"),
     ((3, 50, 7), "WAL"), ((3, 51, 2), "DELETE"), ((3, 51, 3), "WAL"), ((3, 52, 0), "WAL")],
)  # fmt: skip
def test_the_wal_is_used_where_it_is_safe(version, journal) -> None:
    assert safe_settings(version)[0] == journal


def test_what_cannot_be_opened_is_said_in_a_line(tmp_path: Path, migrations: Path) -> None:
    (tmp_path / "text").write_text("no database" * 100)
    for where, said in (
        (tmp_path / "text", "not a database"), (tmp_path / "no" / "a.db", "unable to open"),
        (tmp_path, "unable to open"), ("mysql://a/b", "mysql is not supported"),
        ("postgresql://u:secret@127.0.0.1:1/x", "cannot be used"), ("a\0b", "NUL"),
        ("://", "cannot be read"), ("postgresql://[::1", "cannot be read"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=said) as error:
            open_database(where, migrations=migrations, name="a")
        assert len(str(error.value).splitlines()) == 1
        assert "secret" not in str(error.value)


def test_a_database_that_went_away_is_unavailable(postgres, migrations: Path) -> None:
    address = postgres.new()
    database = open_database(address, migrations=migrations, name="a")
    with pytest.raises(Unavailable), database.reading() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert words(database) == []  # the next connection is a fresh one
    database.close()
