"""Bank layouts of one's own, what the bank answered, and banks by their CNAPS number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.db import Instant

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payout", sa.Column("file_layout", sa.String(), nullable=False, server_default=""))
    op.add_column("payout_line", sa.Column("bank_cnaps", sa.String(), nullable=False, server_default=""))
    op.add_column("manager", sa.Column("bank_cnaps", sa.String(), nullable=True))
    op.create_table(
        "bank_layout",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("layout", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("added_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_bank_layout_layout"), "bank_layout", ["layout"], unique=False)
    op.create_table(
        "bank_return",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("layout", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("imported_by", sa.String(), nullable=False),
        sa.Column("imported_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
        sqlite_strict=True,
    )
    op.create_table(
        "bank_return_row",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("return_id", sa.String(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("amount", sa.String(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("payout_id", sa.String(), nullable=False),
        sa.Column("done_by", sa.String(), nullable=True),
        sa.Column("done_at", Instant(), nullable=True),
        sa.Column("done_note", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_bank_return_row_return_id"), "bank_return_row", ["return_id"], unique=False)
    op.create_index(op.f("ix_bank_return_row_line_id"), "bank_return_row", ["line_id"], unique=False)
