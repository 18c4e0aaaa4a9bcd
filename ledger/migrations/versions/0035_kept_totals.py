"""One kept total an account beside the balances of its owners, also of the snapshots there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_total",
        sa.Column("snapshot_id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_id", "account", "currency"),
        sqlite_strict=True,
    )
    op.execute(
        "INSERT INTO kept_total (snapshot_id, account, currency, amount_minor) "
        "SELECT snapshot_id, account, currency, sum(amount_minor) FROM kept_balance "
        "GROUP BY snapshot_id, account, currency"
    )
