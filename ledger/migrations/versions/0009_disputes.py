"""Contested lines of statements, and what was done about each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.db import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dispute",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("manager_id", sa.String(), nullable=False),
        sa.Column("deal_id", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("stated_minor", sa.BigInteger(), nullable=False),
        sa.Column("expected_minor", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("hold_id", sa.String(), nullable=False),
        sa.Column("raised_by", sa.String(), nullable=False),
        sa.Column("raised_at", Instant(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_at", Instant(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    for column in ("deal_id", "manager_id", "state", "statement_id"):
        op.create_index(op.f(f"ix_dispute_{column}"), "dispute", [column], unique=False)
    op.create_table(
        "dispute_step",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("dispute_id", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("fact_id", sa.String(), nullable=True),
        sa.Column("done_by", sa.String(), nullable=False),
        sa.Column("done_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_dispute_step_dispute_id"), "dispute_step", ["dispute_id"], unique=False)
