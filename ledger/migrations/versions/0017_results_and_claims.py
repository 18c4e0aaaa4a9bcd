"""Results, who brought one together with a need, and claims to a need that are contested."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.db import Instant, Json

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "result",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("manager_id", sa.String(), nullable=True),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("logged_by", sa.String(), nullable=False),
        sa.Column("logged_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_result_manager_id"), "result", ["manager_id"], unique=False)
    op.create_index(op.f("ix_result_source_id"), "result", ["source_id"], unique=False)
    op.create_table(
        "pairing",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("need_id", sa.String(), nullable=False),
        sa.Column("result_id", sa.String(), nullable=False),
        sa.Column("manager_id", sa.String(), nullable=False),
        sa.Column("paired_on", sa.Date(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("logged_by", sa.String(), nullable=False),
        sa.Column("logged_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("need_id", "result_id", name="uq_pairing"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_pairing_need_id"), "pairing", ["need_id"], unique=False)
    op.create_index(op.f("ix_pairing_result_id"), "pairing", ["result_id"], unique=False)
    op.create_table(
        "claim",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("need_id", sa.String(), nullable=False),
        sa.Column("rival_id", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("contested_by", sa.String(), nullable=False),
        sa.Column("contested_at", Instant(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("weights", Json, nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    for column in ("need_id", "rival_id", "state"):
        op.create_index(op.f(f"ix_claim_{column}"), "claim", [column], unique=False)
