"""Studies, raters, places, pages, answers, remarks, events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    _study_and_raters()
    op.create_table(
        "study_place",
        sa.Column("study_id", sa.Integer, sa.ForeignKey("study_study.id"), primary_key=True),
        sa.Column("simulated", sa.Boolean, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("rater_id", sa.Integer, sa.ForeignKey("study_rater.id"), unique=True),
    )
    op.create_table(
        "study_page",
        sa.Column("rater_id", sa.Integer, sa.ForeignKey("study_rater.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("shown_at", sa.Double, nullable=False),
        sa.Column("answered_at", sa.Double),
        sa.Column("passed", sa.Boolean),
    )
    op.create_table(
        "study_answer",
        sa.Column("rater_id", sa.Integer, sa.ForeignKey("study_rater.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("question", sa.Text, primary_key=True),
        sa.Column("value", sa.Integer, nullable=False),
    )
    op.create_table(
        "study_remark",
        sa.Column("rater_id", sa.Integer, sa.ForeignKey("study_rater.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_table(
        "study_event",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("study_study.id"), nullable=False),
        sa.Column("rater_id", sa.Integer, sa.ForeignKey("study_rater.id")),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_index("ix_study_event_study_id", "study_event", ["study_id"])


def _study_and_raters() -> None:
    op.create_table(
        "study_study",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study_hash", sa.Text, nullable=False),
        sa.Column("plan_hash", sa.Text, nullable=False, unique=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("password", sa.Text),
        sa.Column("made_at", sa.Double, nullable=False),
    )
    op.create_table(
        "study_rater",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("study_study.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=False, unique=True),
        sa.Column("person", sa.Text),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("attention_failed", sa.Integer, nullable=False),
        sa.Column("began_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.UniqueConstraint("study_id", "person", name="study_rater_person"),
    )
    op.create_index("ix_study_rater_study_id", "study_rater", ["study_id"])
