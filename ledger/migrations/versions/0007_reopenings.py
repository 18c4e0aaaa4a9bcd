"""Reopening a closed period takes two people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.db import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reopening",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_reopening_period"), "reopening", ["period"], unique=False)
    op.create_table(
        "reopening_answer",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("reopening_id", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reopening_id"),
        sqlite_strict=True,
    )
    op.add_column("period", sa.Column("reopening_id", sa.String(), nullable=True))
