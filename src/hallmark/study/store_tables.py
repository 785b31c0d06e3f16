"""The tables of a served study. The migrations make them; a test holds the two equal.

Neither names nor addresses are kept: links, and the ids that platforms pass, as digests alone.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
)

from hallmark.database import PlainText

metadata = MetaData()

study = Table(
    "study_study", metadata,
    Column("id", Integer, primary_key=True),
    Column("study_hash", PlainText, nullable=False),
    Column("plan_hash", PlainText, nullable=False, unique=True),
    Column("state", PlainText, nullable=False),
    Column("secret", PlainText, nullable=False),
    Column("password", PlainText),  # argon2
    Column("made_at", Double, nullable=False),  # this and every time: seconds since 1970
)  # fmt: skip

rater = Table(
    "study_rater", metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("study_study.id"), nullable=False, index=True),
    Column("name", PlainText, nullable=False),  # made up, for tables
    Column("link", PlainText, nullable=False, unique=True),  # digest
    Column("person", PlainText),  # digest of a platform's id, so that nobody takes part twice
    Column("simulated", Boolean, nullable=False),
    Column("status", PlainText, nullable=False),
    Column("step", PlainText, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("place", Integer, nullable=False),  # its number in the plan
    Column("position", Integer, nullable=False),  # the page being read, from 1
    Column("attention_failed", Integer, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("ended_at", Double),
    UniqueConstraint("study_id", "person", name="study_rater_person"),
)  # fmt: skip

place = Table(  # who holds it: one rater at most, and a rater one place at most
    "study_place", metadata,
    Column("study_id", ForeignKey("study_study.id"), primary_key=True),
    Column("simulated", Boolean, primary_key=True),  # bots take places of their own
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("rater_id", ForeignKey("study_rater.id"), unique=True),
)  # fmt: skip

page = Table(
    "study_page", metadata,
    Column("rater_id", ForeignKey("study_rater.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("text", PlainText, nullable=False),  # its id in the plan
    Column("shown_at", Double, nullable=False),
    Column("answered_at", Double),
    Column("passed", Boolean),  # of an attention check
)  # fmt: skip

answer = Table(
    "study_answer", metadata,
    Column("rater_id", ForeignKey("study_rater.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("question", PlainText, primary_key=True),
    Column("value", Integer, nullable=False),
)  # fmt: skip

remark = Table(  # optional questions about the rater, in free words
    "study_remark", metadata,
    Column("rater_id", ForeignKey("study_rater.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("words", PlainText, nullable=False),
)  # fmt: skip

event = Table(
    "study_event", metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("study_study.id"), nullable=False, index=True),
    Column("rater_id", ForeignKey("study_rater.id")),
    Column("kind", PlainText, nullable=False),
    Column("at", Double, nullable=False),
)  # fmt: skip
