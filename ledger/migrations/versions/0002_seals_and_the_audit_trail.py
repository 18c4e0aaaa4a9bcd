"""Seals and the audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.db import Instant, Json

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_note",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("noted_at", Instant(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("before", Json, nullable=False),
        sa.Column("after", Json, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    for column in ("noted_at", "actor", "action", "subject"):
        op.create_index(op.f(f"ix_audit_note_{column}"), "audit_note", [column], unique=False)
    op.create_table(
        "salt",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
        sqlite_strict=True,
    )
    op.create_table(
        "seal_block",
        sa.Column("no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("through", Json, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("members_sha256", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("no"),
        sa.UniqueConstraint("sha256"),
        sqlite_strict=True,
    )
    op.create_table(
        "sealed",
        sa.Column("block_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("row_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("block_no", "line"),
        sa.UniqueConstraint("kind", "row_id", name="uq_sealed_row"),
        sqlite_strict=True,
    )
