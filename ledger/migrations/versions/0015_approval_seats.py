"""Stand-ins, and in whose place a batch was approved, for how much and on which day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.db import Instant

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payout_approval", sa.Column("seat", sa.String(), nullable=False, server_default=""))
    op.add_column(
        "payout_approval", sa.Column("amount_minor", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("payout_approval", sa.Column("approved_on", sa.Date(), nullable=True))
    op.create_index("ix_payout_approval_seat", "payout_approval", ["seat", "approved_on"], unique=False)
    op.create_table(
        "stand_in",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("for_user", sa.String(), nullable=False),
        sa.Column("by_user", sa.String(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("put_by", sa.String(), nullable=False),
        sa.Column("put_at", Instant(), nullable=False),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_stand_in_for_user"), "stand_in", ["for_user"], unique=False)
    op.create_index(op.f("ix_stand_in_by_user"), "stand_in", ["by_user"], unique=False)
