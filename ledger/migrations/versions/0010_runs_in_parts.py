"""Runs are claimed with a lease and cut into parts for many workers; Procrastinate's tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

from ledger.db import Instant, Json
from ledger.guards import DISPATCH

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job_run", sa.Column("claimed_by", sa.String(), nullable=False, server_default=""))
    op.add_column("job_run", sa.Column("lease_until", Instant(), nullable=True))
    op.add_column("job_run", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("job_run", sa.Column("due_at", Instant(), nullable=True))
    op.create_table(
        "run_part",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("items", Json, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=False),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("refused", Json, nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "no", name="uq_run_part"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_run_part_run_id"), "run_part", ["run_id"], unique=False)
    op.create_index(op.f("ix_run_part_state"), "run_part", ["state"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        _dispatch(op.get_bind())


def _dispatch(connection: sa.Connection) -> None:
    """Procrastinate's tables and functions, in a schema of their own: they are no part of the books."""
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection is closed")
    driver.execute(f"CREATE SCHEMA {DISPATCH}")
    driver.execute(f"SET LOCAL search_path = {DISPATCH}")
    driver.execute(SchemaManager.get_schema())
    driver.execute("SET LOCAL search_path = public")
