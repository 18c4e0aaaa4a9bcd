"""On which side a kind of entry touches an account, and whether the account has owners."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # made anew: the guards write its rows after every migration
    op.drop_table("entry_kind")
    op.create_table(
        "entry_kind",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("side", sa.SmallInteger(), nullable=False),
        sa.Column("owned", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "account"),
        sqlite_strict=True,
    )
