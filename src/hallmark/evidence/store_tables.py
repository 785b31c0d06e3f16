"""The tables of cases as SQLAlchemy sees them; `migrations` makes them, a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from hallmark.database import PlainText

metadata = MetaData()

users = Table(
    "users", metadata,
    Column("name", PlainText, primary_key=True),
    Column("role", Text, nullable=False),
    Column("hash", Text, nullable=False),  # of the password; "" for who may not sign in any more
)  # fmt: skip

settings = Table(
    "settings", metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)  # fmt: skip

cases = Table(
    "cases", metadata,
    Column("id", Integer, primary_key=True),
    Column("pseudonym", Text, nullable=False, unique=True),
    Column("name", PlainText, nullable=False),
    Column("evidence", PlainText, nullable=False),
    Column("texts", PlainText, nullable=False),
    Column("gold", Integer),
    Column("needed", Integer, nullable=False),
    Column("given", Integer, nullable=False),  # reviews that somebody has or has answered
    Column("value", Float, nullable=False),
    Column("posterior", Float, nullable=False),  # orders cases of the same value
    Column("imported", Float, nullable=False),
    Column("touched", Float, nullable=False),
    Column("erased", Boolean, nullable=False),
    Index("cases_queue", "value", "posterior", "id"),
)  # fmt: skip

_UNANSWERED = text("answered IS NULL")
reviews = Table(
    "reviews", metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("reviewer", ForeignKey("users.name"), nullable=False),
    Column("given", Float, nullable=False),
    Column("answered", Float),
    Column("answer", Text),
    Column("reasons", PlainText),
    UniqueConstraint("case_id", "reviewer"),
    Index(
        "reviews_one_at_a_time", "reviewer", unique=True,
        sqlite_where=_UNANSWERED, postgresql_where=_UNANSWERED,
    ),
)  # fmt: skip

decisions = Table(
    "decisions", metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("analyst", ForeignKey("users.name"), nullable=False),
    Column("finding", Text, nullable=False),
    Column("reasons", PlainText, nullable=False),
    Column("time", Float, nullable=False),
    Column("link", Text, nullable=False, unique=True),  # SHA-256 of what the appeal's address holds
)  # fmt: skip

appeals = Table(
    "appeals", metadata,
    Column("case_id", ForeignKey("cases.id"), primary_key=True),
    Column("statement", PlainText, nullable=False),
    Column("time", Float, nullable=False),
    Column("analyst", ForeignKey("users.name")),
    Column("finding", Text),
    Column("reasons", PlainText),
    Column("answered", Float),
)  # fmt: skip

log = Table(
    "log", metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("event", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)  # fmt: skip

head = Table(
    "head", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("hash", Text, nullable=False),
)  # fmt: skip
