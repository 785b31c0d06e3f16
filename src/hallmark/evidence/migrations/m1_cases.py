"""Cases, their reviews, decisions and appeals, the log, and who may do what."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "cases", None
CASE = "cases.id"


def upgrade() -> None:
    """Make the tables."""
    _people_and_cases()
    _reviews()
    _findings()
    _log()


def _people_and_cases() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("pseudonym", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("texts", sa.Text, nullable=False),
        sa.Column("gold", sa.Integer),
        sa.Column("needed", sa.Integer, nullable=False),
        sa.Column("given", sa.Integer, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("posterior", sa.Float, nullable=False),
        sa.Column("imported", sa.Float, nullable=False),
        sa.Column("touched", sa.Float, nullable=False),
        sa.Column("erased", sa.Boolean, nullable=False),
    )
    op.create_index("cases_queue", "cases", ["value", "posterior", "id"])


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("case_id", sa.Integer, sa.ForeignKey(CASE), primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True),
        sa.Column("reviewer", sa.Text, sa.ForeignKey("users.name"), nullable=False),
        sa.Column("given", sa.Float, nullable=False),
        sa.Column("answered", sa.Float),
        sa.Column("answer", sa.Text),
        sa.Column("reasons", sa.Text),
        sa.UniqueConstraint("case_id", "reviewer"),
    )
    unanswered = sa.text("answered IS NULL")
    op.create_index(
        "reviews_one_at_a_time", "reviews", ["reviewer"], unique=True,
        sqlite_where=unanswered, postgresql_where=unanswered,
    )  # fmt: skip


def _findings() -> None:
    op.create_table(
        "decisions",
        sa.Column("case_id", sa.Integer, sa.ForeignKey(CASE), primary_key=True),
        sa.Column("analyst", sa.Text, sa.ForeignKey("users.name"), nullable=False),
        sa.Column("finding", sa.Text, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("link", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "appeals",
        sa.Column("case_id", sa.Integer, sa.ForeignKey(CASE), primary_key=True),
        sa.Column("statement", sa.Text, nullable=False),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("analyst", sa.Text, sa.ForeignKey("users.name")),
        sa.Column("finding", sa.Text),
        sa.Column("reasons", sa.Text),
        sa.Column("answered", sa.Float),
    )


def _log() -> None:
    op.create_table(
        "log",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_table(
        "head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.execute(f"INSERT INTO head (id, number, hash) VALUES (1, 0, '{'0' * 64}')")
