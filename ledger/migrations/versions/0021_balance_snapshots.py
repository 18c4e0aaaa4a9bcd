"""Balances kept at every close, each naming its block."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.db import Instant

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "balance_snapshot",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("reopening_id", sa.String(), nullable=False),
        sa.Column("block_no", sa.BigInteger(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_balance_snapshot_period"), "balance_snapshot", ["period"], unique=False)
    op.create_table(
        "kept_balance",
        sa.Column("snapshot_id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_id", "account", "owner", "currency"),
        sqlite_strict=True,
    )
