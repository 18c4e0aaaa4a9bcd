"""Split agreements, and the one a milestone's participants come from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.db import Instant, Json

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "split_agreement",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("deal_id", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("weights", Json, nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", Instant(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("deal_id", "stage", "version", name="uq_split_agreement"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_split_agreement_state"), "split_agreement", ["state"], unique=False)
    op.create_table(
        "split_answer",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agreement_id", sa.String(), nullable=False),
        sa.Column("manager_id", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("agreement_id", "manager_id", name="uq_split_answer"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_split_answer_manager_id"), "split_answer", ["manager_id"], unique=False)
    op.add_column("milestone", sa.Column("agreement_id", sa.String(), nullable=True))
